"""Channels that look like Rollcall's and are not proved to be: staff decide, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Q
from django.urls import path, reverse
from unfold.decorators import display

from botrunner.admin.choice_fields import PersonField, SnowflakeField
from botrunner.admin.pages import Decision, address, decide_about
from botrunner.admin.rows import QUARANTINE_LABELS, facts_of, on_discord
from botrunner.models import QuarantinedChannel, QuarantineState
from botrunner.rest import DiscordRest
from botrunner.services.rooms import quarantine
from botrunner.services.rooms.staff_permission import CLOSE
from community.admin.base import PagedAdmin
from community.admin.estimates import EstimatedPaginator
from community.admin.filters import GuildFilter, TimeRangeFilter
from community.admin.pages import ReasonForm, bound_to, trail_of
from community.admin.showing import link_or_id, moment, zone_of

if TYPE_CHECKING:
    from uuid import UUID

    from django import forms
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern
    from django.utils.safestring import SafeString

    from community.admin.pages import Asker

VIEW = "botrunner.view_quarantinedchannel"
PATIENCE_SECONDS = 15.0
"""For how long the page on which a channel is deleted waits for Discord."""


def adopt_form(guild_id: int) -> type[forms.Form]:
    """Makes the form that asks whose room it is to be."""

    class AdoptForm(ReasonForm):
        owner_id = PersonField(
            guild_id, label="Owner", help_text="Somebody in the guild who has no room yet."
        )
        field_order = ("owner_id", "reason")

    return AdoptForm


class DeleteForm(ReasonForm):
    """The id typed once more: nothing proves that the channel is ours."""

    confirmed_id = SnowflakeField(
        label="Channel id", help_text="Type the id of the channel that is to be deleted."
    )
    field_order = ("confirmed_id", "reason")


@admin.register(QuarantinedChannel)
class QuarantinedChannelAdmin(PagedAdmin):
    """Channels in quarantine."""

    exact_ids = ("channel_id",)
    list_display = ("found", "name", "state_label", "why", "discord", "guild_link")
    list_display_links = ("found", "name")
    list_filter = (GuildFilter, "state", ("found_at", TimeRangeFilter))
    search_fields = ("name",)
    search_help_text = "Name or channel id"
    ordering = ("-found_at", "-id")
    paginator = EstimatedPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the guilds that the rows link to."""
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.prefetch_related("guild")

    def with_uuid(self, uuid: Any) -> Q:
        """Selects one."""
        return Q(pk=uuid)

    def get_urls(self) -> list[URLPattern]:
        """Adds the pages of what may be decided."""
        pages = (
            ("adopt", "adopt/", adopt_page),
            ("let_go", "let-go/", let_go_page),
            ("remove", "remove/", delete_page),
        )
        own = [
            path(
                f"<uuid:item_id>/{below}",
                bound_to(self, page, VIEW, CLOSE),
                name=f"botrunner_quarantinedchannel_{name}",
            )
            for name, below, page in pages
        ]
        return [*own, *super().get_urls()]

    def record_page(self, request: HttpRequest, uuid: UUID) -> HttpResponse:
        """Shows a channel, and what may be decided."""
        return bound_to(self, quarantine_page, VIEW)(request, item_id=uuid)

    @admin.display(description="found", ordering="found_at")
    def found(self, item: QuarantinedChannel) -> SafeString | str:
        """Shows when it was found."""
        return moment(item.found_at, zone_of(item))

    @display(
        description="state",
        label={str(state.label): label for state, label in QUARANTINE_LABELS.items()},
        ordering="state",
    )
    def state_label(self, item: QuarantinedChannel) -> str:
        """Says what became of it."""
        return str(QuarantineState(item.state).label)

    @admin.display(description="on Discord")
    def discord(self, item: QuarantinedChannel) -> SafeString | str:
        """Links to the channel, unless it is gone."""
        return _on_discord(item)


def quarantine_page(asker: Asker, item_id: UUID) -> HttpResponse:
    """Shows a channel in quarantine."""
    item: QuarantinedChannel = asker.row(item_id)
    zone = zone_of(item)
    is_open = item.state == QuarantineState.OPEN
    offers = (("adopt", "Adopt it"), ("let_go", "Leave it alone"), ("remove", "Delete it"))
    return asker.render(
        "quarantine.html",
        item.name,
        item=item,
        label=QUARANTINE_LABELS[QuarantineState(item.state)],
        actions=[(address(f"quarantinedchannel_{name}", item.pk), words) for name, words in offers]
        if is_open and asker.may(CLOSE)
        else [],
        facts=facts_of(
            ("why it is here", item.why),
            ("guild", link_or_id(item, "guild", id_name="guild_id", kind="guild")),
            ("channel", _on_discord(item)),
            ("found", moment(item.found_at, zone)),
            ("decided", moment(item.decided_at, zone)),
            ("by", item.decided_by),
        ),
        audit_lines=trail_of(item, zone),
        back=reverse("admin:botrunner_quarantinedchannel_changelist"),
    )


def adopt_page(asker: Asker, item_id: UUID) -> HttpResponse:
    """Makes a channel somebody's room."""
    item: QuarantinedChannel = asker.row(item_id)
    return decide_about(
        asker,
        item_id,
        Decision(
            title="Adopt the channel",
            explanation="It is its owner's room from then on: it waits for them, or goes on with "
            "those who are in it, and is deleted when it is over.",
            submit="Adopt it",
            done="The channel is a room of ours now.",
            what=lambda given: quarantine.adopt_channel(item_id, **given),
            form_class=adopt_form(item.guild_id),
        ),
    )


def let_go_page(asker: Asker, item_id: UUID) -> HttpResponse:
    """Leaves a channel as it is."""
    return decide_about(
        asker,
        item_id,
        Decision(
            title="Leave the channel alone",
            explanation="It stays as it is, and is never asked about again.",
            submit="Leave it alone",
            done="The channel is left alone.",
            what=lambda given: quarantine.let_go_channel(item_id, **given),
        ),
    )


def delete_page(asker: Asker, item_id: UUID) -> HttpResponse:
    """Deletes a channel on Discord."""
    item: QuarantinedChannel = asker.row(item_id)

    def delete(given: dict[str, Any]) -> None:
        with DiscordRest(most_seconds=PATIENCE_SECONDS) as rest:
            quarantine.delete_channel(item_id, rest=rest, **given)

    return decide_about(
        asker,
        item_id,
        Decision(
            title="Delete the channel",
            explanation=f"Nothing proves that it is Rollcall's. The channel {item.channel_id} is "
            "deleted at once, with all that was written in it. This cannot be taken back.",
            submit="Delete it",
            done="The channel is gone.",
            what=delete,
            form_class=DeleteForm,
        ),
    )


def _on_discord(item: QuarantinedChannel) -> SafeString | str:
    if item.state in {QuarantineState.DELETED, QuarantineState.GONE}:
        return str(item.channel_id)
    return on_discord(item.guild_id, item.channel_id)
