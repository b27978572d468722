"""The trail: what people changed, and what was asked of the bot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin
from django.db.models import Q
from django.utils.html import format_html
from unfold.decorators import display

from community.admin.base import GuildScopedAdmin
from community.admin.estimates import EstimatedPaginator
from community.admin.filters import GuildFilter, TimeRangeFilter
from community.admin.showing import link_to_list, moment, zone_of
from community.models import AuditEntry, OutboxItem, OutboxState

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


def as_text(value: Any) -> SafeString:
    """Shows JSON so that it can be read."""
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    return format_html('<pre class="rc-json">{}</pre>', text)


def model_named(kind: str) -> type[Model] | None:
    """Finds the model that an audit entry's target is of, within Rollcall's own apps."""
    ours = (model for model in apps.get_models() if model._meta.app_label != "auth")
    return next((model for model in ours if model._meta.model_name == kind), None)


@admin.register(AuditEntry)
class AuditEntryAdmin(GuildScopedAdmin):
    """What people changed, with their reasons."""

    list_display = ("time", "action", "actor_name", "target", "guild_link", "reason")
    list_display_links = ("time",)
    list_filter = (GuildFilter, "action", ("at", TimeRangeFilter))
    search_fields = ("actor_name",)
    search_help_text = "Who, why, or the id of what was changed"
    ordering = ("-at", "-id")
    paginator = EstimatedPaginator
    fields = (
        ("time", "actor_name"),
        ("action", "target", "guild_link"),
        "reason",
        ("was", "became"),
    )
    readonly_fields = ("time", "target", "guild_link", "was", "became")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        """With the guilds that the rows link to."""
        return super().get_queryset(request).prefetch_related("guild")

    def named(self, request: HttpRequest, text: str) -> Q:
        """Selects by who, why and what."""
        return Q(actor_name__icontains=text) | Q(reason__icontains=text) | Q(target_id=text)

    def with_uuid(self, uuid: Any) -> Q:
        """Selects one entry, or what was done to one record."""
        return Q(pk=uuid) | Q(target_id=str(uuid))

    @admin.display(description="time", ordering="at")
    def time(self, entry: AuditEntry) -> SafeString | str:
        """Shows when."""
        return moment(entry.at, zone_of(entry))

    @admin.display(description="changed")
    def target(self, entry: AuditEntry) -> SafeString | str:
        """Links to what was changed."""
        model = model_named(entry.target_kind)
        if model is None or not self.admin_site.is_registered(model):
            return f"{entry.target_kind} {entry.target_id}"
        return link_to_list(model, str(model._meta.verbose_name), q=entry.target_id)

    @admin.display(description="was")
    def was(self, entry: AuditEntry) -> SafeString:
        """Shows the fields as they were."""
        return as_text(entry.before)

    @admin.display(description="became")
    def became(self, entry: AuditEntry) -> SafeString:
        """Shows the fields as they became."""
        return as_text(entry.after)


@admin.register(OutboxItem)
class OutboxItemAdmin(GuildScopedAdmin):
    """What was asked of the bot, and what it answered."""

    list_display = ("created", "kind", "guild_link", "state_label", "answered")
    list_display_links = ("created",)
    list_filter = (GuildFilter, "state", ("created_at", TimeRangeFilter))
    search_fields = ("kind",)
    search_help_text = "Kind or id"
    ordering = ("-created_at", "-id")
    paginator = EstimatedPaginator
    fields = (
        ("kind", "state_label"),
        ("guild_link", "created", "answered"),
        ("asked", "answer_text"),
    )
    readonly_fields = ("state_label", "guild_link", "created", "answered", "asked", "answer_text")

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboxItem]:
        """With the guilds that the rows link to."""
        return super().get_queryset(request).prefetch_related("guild")

    def named(self, request: HttpRequest, text: str) -> Q:
        """Selects by kind."""
        return Q(kind__icontains=text)

    def with_uuid(self, uuid: Any) -> Q:
        """Selects one item, or what was asked about one session."""
        return Q(pk=uuid) | Q(payload__session_id=str(uuid))

    @display(
        description="state",
        label={
            OutboxState.PENDING: "warning",
            OutboxState.DONE: "success",
            OutboxState.REFUSED: "danger",
        },
    )
    def state_label(self, item: OutboxItem) -> tuple[str, str]:
        """Names the state."""
        return item.state, item.get_state_display()

    @admin.display(description="asked", ordering="created_at")
    def created(self, item: OutboxItem) -> SafeString | str:
        """Shows when it was asked."""
        return moment(item.created_at, zone_of(item))

    @admin.display(description="answered")
    def answered(self, item: OutboxItem) -> SafeString | str:
        """Shows when it was answered."""
        return moment(item.answered_at, zone_of(item))

    @admin.display(description="what was asked")
    def asked(self, item: OutboxItem) -> SafeString:
        """Shows what the bot was told."""
        return as_text(item.payload)

    @admin.display(description="what the bot answered")
    def answer_text(self, item: OutboxItem) -> SafeString | str:
        """Shows the answer."""
        return as_text(item.answer) if item.answered_at else "no answer yet"
