"""The page on which a guild's staff choose how rooms on demand are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib.admin.utils import label_for_field
from django.http import HttpResponseRedirect

from botrunner.admin.choice_fields import (
    ChannelField,
    SwitchField,
    TemplateField,
    WholeField,
    channels_of,
    examples_of,
)
from botrunner.admin.pages import address, say
from botrunner.models import RoomRules
from botrunner.services.rooms.choices import BOUNDS, CHOICES, choose_rules
from botrunner.services.rooms.preflight import preflight
from botrunner.services.rooms.rules import rules_of
from community.admin.pages import refuse
from community.admin.showing import link_to
from community.domain.durations import in_words
from community.domain.errors import RollcallError
from community.models import ChannelKind
from community.services.bot_facts import bot_of

if TYPE_CHECKING:
    from django.http import HttpResponse

    from community.admin.pages import Asker


class RulesForm(forms.Form):
    """What a guild chooses."""

    is_enabled = SwitchField("Rooms on demand", "Whether members may ask for rooms.")
    name_template = TemplateField()
    parent_id = ChannelField(
        label="Category",
        required=False,
        help_text="Where rooms are made. Who may not see it may not see the rooms.",
    )
    most_rooms = WholeField(
        label="Rooms at once",
        bounds=BOUNDS["most_rooms"],
        help_text="1 to 50. Who asks when they are taken waits in the queue.",
    )
    timeout_seconds = WholeField(
        label="Time to come, seconds", bounds=BOUNDS["timeout_seconds"], required=False
    )
    grace_seconds = WholeField(
        label="Grace, seconds",
        bounds=BOUNDS["grace_seconds"],
        help_text="0 to 3600: how long an empty room waits for somebody to come back.",
    )
    bot_joins = SwitchField(
        "The bot joins", "Of several rooms it sits in the oldest: a bot can sit in one."
    )
    closes_at_shutdown = SwitchField(
        "End with Rollcall",
        "Whether rooms end when Rollcall stops; else they are there afterwards.",
    )

    def __init__(self, *args: Any, guild_id: int, category: int | None, **kwargs: Any) -> None:
        """Fills the categories in."""
        super().__init__(*args, **kwargs)
        usual = in_words(settings.VOICE_TIMEOUT)
        self.fields[
            "timeout_seconds"
        ].help_text = f"5 to 3600: how long a new room waits for its owner; empty: {usual}."
        parent: Any = self.fields["parent_id"]
        parent.choices = channels_of(
            guild_id, ChannelKind.CATEGORY, chosen=category, empty="in no category"
        )


def rules_page(asker: Asker, guild_id: int) -> HttpResponse:
    """Shows what a guild has chosen, and changes it."""
    guild = asker.guild(guild_id)
    rules = rules_of(guild_id)
    back = address("guild_rooms", guild_id)
    form = RulesForm(
        asker.posted,
        initial={name: getattr(rules, name) for name in CHOICES},
        guild_id=guild_id,
        category=rules.parent_id,
    )
    given = form.cleaned_data if form.is_valid() else {}
    if given and "_preview" not in asker.request.POST:
        try:
            changed = choose_rules(guild_id, given, actor=asker.user, now=asker.now)
        except RollcallError as error:
            refuse(form, error)
        else:
            names = ", ".join(str(label_for_field(name, RoomRules)) for name in changed)
            say(asker, f"Changed: {names}. The bot was told." if changed else "")
            return HttpResponseRedirect(back)
    return asker.render(
        "choices.html",
        f"Rules of rooms of {guild}",
        about=link_to(guild),
        form=form,
        examples=examples_of(str(form["name_template"].value() or "")),
        lacks=preflight(
            guild_id,
            bot_id=bot_of(guild_id, now=asker.now).user_id,
            parent_id=given.get("parent_id", rules.parent_id),
        ),
        back=back,
        media=form.media,
    )
