"""The pages on which a hub is made, changed and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.http import HttpResponseRedirect

from botrunner.admin.choice_fields import (
    ChannelField,
    SwitchField,
    TemplateField,
    WholeField,
    channels_of,
    examples_of,
)
from botrunner.admin.pages import Decision, address, decide, say
from botrunner.models import Hub, Room
from botrunner.services.rooms.hub_choices import (
    BOUNDS,
    CHOICES,
    change_hub,
    make_hub,
    remove_hub,
)
from botrunner.services.rooms.preflight import preflight
from community.admin.pages import page_for_guild, refuse
from community.admin.showing import link_to, link_to_list
from community.domain.errors import RollcallError
from community.models import Channel, ChannelKind, Guild
from community.services.bot_facts import bot_of

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from community.admin.pages import Asker


class HubForm(forms.Form):
    """What staff choose of a hub."""

    channel_id = ChannelField(
        label="Channel",
        error_messages={"required": "Choose a voice channel of this guild that is still there."},
        help_text="Whoever joins it gets a room, and is moved there.",
    )
    is_enabled = SwitchField("Switched on", "Off: whoever joins the channel stays in it.")
    name_template = TemplateField()
    parent_id = ChannelField(label="Category", required=False, help_text="Where rooms are made.")
    user_limit = WholeField(
        label="Most members in a room",
        bounds=BOUNDS["user_limit"],
        required=False,
        help_text="0 to 99, 0 for no limit; empty: as in the hub's channel.",
    )
    bitrate = WholeField(
        label="Bitrate, bits a second",
        bounds=BOUNDS["bitrate"],
        required=False,
        help_text="8,000 to 384,000, as far as the guild's boosts allow (96,000 without any); "
        "empty: as in the hub's channel.",
    )
    grace_seconds = WholeField(
        label="Grace, seconds",
        bounds=BOUNDS["grace_seconds"],
        help_text="0 to 3600: how long an empty room waits for somebody to come back.",
    )

    def __init__(self, *args: Any, guild_id: int, hub: Hub, **kwargs: Any) -> None:
        """Fills the guild's channels and categories in."""
        super().__init__(*args, **kwargs)
        channel: Any = self.fields["channel_id"]
        channel.choices = channels_of(
            guild_id,
            ChannelKind.VOICE,
            chosen=hub.channel_id,
            empty="choose one" if hub.channel_id is None else "",
        )
        parent: Any = self.fields["parent_id"]
        parent.choices = channels_of(
            guild_id, ChannelKind.CATEGORY, chosen=hub.parent_id, empty="as the hub's channel"
        )


def add_page(asker: Asker) -> HttpResponse:
    """Asks for the guild where there are several, then for the hub."""
    return page_for_guild(
        asker,
        lambda guild: _page(asker, guild, Hub(guild_id=guild.pk, created_at=asker.now)),
        title="Make a hub",
        offered="Its voice channels are offered on the next page.",
        nothing="There is no guild that you could make a hub in: the bot has been in none, or "
        "none was given to your account.",
    )


def hub_page(asker: Asker, hub_id: UUID) -> HttpResponse:
    """Shows a hub, and changes it."""
    hub: Hub = asker.row(hub_id)
    guild = Guild.objects.filter(pk=hub.guild_id).first() or Guild(pk=hub.guild_id)
    return _page(asker, guild, hub)


def _page(asker: Asker, guild: Guild, hub: Hub) -> HttpResponse:
    is_new = hub._state.adding
    may_write = is_new or asker.may("botrunner.change_hub")
    back = address("hub_changelist")
    form = HubForm(
        asker.posted,
        initial={name: getattr(hub, name) for name in CHOICES},
        guild_id=guild.pk,
        hub=hub,
    )
    given = form.cleaned_data if form.is_valid() else {}
    if given and "_preview" not in asker.request.POST:
        try:
            if is_new:
                make_hub(guild.pk, given, actor=asker.user, now=asker.now)
            else:
                change_hub(hub.pk, given, actor=asker.user, now=asker.now)
        except RollcallError as error:
            refuse(form, error)
        else:
            said = "The channel is a hub now." if is_new else "The hub was changed."
            say(asker, f"{said} The bot was told." if is_new or form.has_changed() else "")
            return HttpResponseRedirect(back)
    if not may_write:
        for field in form.fields.values():
            field.disabled = True
    channel = Channel.objects.filter(pk=hub.channel_id).first()
    shown = str(form["name_template"].value() or "")
    return asker.render(
        "choices.html",
        "Make a hub" if is_new else f"Hub {channel or hub.channel_id}",
        about=link_to(guild) if guild.name else f"guild {guild.pk}",
        form=form,
        examples=examples_of(shown),
        lacks=preflight(
            guild.pk,
            bot_id=bot_of(guild.pk, now=asker.now).user_id,
            parent_id=_category_of(
                given.get("channel_id", hub.channel_id), given.get("parent_id", hub.parent_id)
            ),
        ),
        is_gone=not is_new and (channel is None or channel.gone_at is not None),
        rooms="" if is_new else link_to_list(Room, "Rooms of this hub", q=str(hub.pk)),
        remove=_remove_address(asker, hub),
        is_fixed=not may_write,
        back=back,
        media=form.media,
    )


def _category_of(channel_id: int | None, parent_id: int | None) -> int | None:
    """Tells where a hub's rooms would be made: where it says, or where its channel is."""
    if parent_id is not None or channel_id is None:
        return parent_id
    return Channel.objects.filter(pk=channel_id).values_list("parent_id", flat=True).first()


def _remove_address(asker: Asker, hub: Hub) -> str:
    if hub._state.adding or not asker.may("botrunner.delete_hub"):
        return ""
    return address("hub_remove", hub.pk)


def remove_page(asker: Asker, hub_id: UUID) -> HttpResponse:
    """Has a channel be no hub any more."""
    hub: Hub = asker.row(hub_id)
    decision = Decision(
        title="Remove the hub",
        explanation="The channel stays, and gives no rooms any more. Rooms that it gave stay "
        "until they are over.",
        submit="Remove the hub",
        done="The channel is a hub no more. The bot was told.",
        what=lambda given: remove_hub(hub.pk, **given),
    )
    about = Channel.objects.filter(pk=hub.channel_id).first() or hub
    return decide(asker, decision, about=about, back=address("hub_changelist"))
