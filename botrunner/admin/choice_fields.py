"""The fields of the forms about rooms, hubs and rules."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import admin
from unfold.widgets import (
    UnfoldAdminSelect2Widget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from botrunner.domain.rooms.names import NUMBER, name_from
from botrunner.domain.rooms.templates import problem_of
from botrunner.models import Room
from botrunner.services.rooms.choice_errors import TemplateError
from community.admin.filters import MemberSelect
from community.admin.search import as_snowflake
from community.models import Channel, ChannelKind, Member

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLES: Final = ("Mira", "Mirabella of the Northern Harbor")
"""The second is as long as Discord lets a member's name be."""
TEMPLATE_HELP: Final = "{user} stands for the owner's name, {number} for the lowest free number."


class WholeField(forms.IntegerField):
    """A number within bounds."""

    def __init__(self, *, label: str, bounds: tuple[int, int], **kwargs: Any) -> None:
        """Makes a box for it."""
        least, most = bounds
        super().__init__(
            label=label,
            min_value=least,
            max_value=most,
            widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"}),
            **kwargs,
        )


class TemplateField(forms.CharField):
    """How rooms are called."""

    def __init__(self) -> None:
        """Makes a box for it."""
        super().__init__(
            label="Name of rooms",
            max_length=100,
            widget=UnfoldAdminTextInputWidget,
            help_text=TEMPLATE_HELP,
        )

    def clean(self, value: Any) -> str:
        """Refuses what would stand for nothing."""
        template = str(super().clean(value))
        problem = problem_of(template)
        if problem:
            raise forms.ValidationError(str(TemplateError(problem=problem)))
        return template


class ChannelField(forms.TypedChoiceField):
    """One of a guild's channels, by its id; empty where it may be none."""

    def __init__(self, **kwargs: Any) -> None:
        """Makes a list of them, which the form fills."""
        super().__init__(coerce=int, empty_value=None, widget=UnfoldAdminSelect2Widget, **kwargs)


class PersonSelect(MemberSelect):
    """Finds the people of a guild as they are typed."""

    def __init__(self, guild_id: int) -> None:
        """Asks for those of one guild."""
        related = SimpleNamespace(model=Member)
        field = SimpleNamespace(model=Room, name="owner_id", remote_field=related)
        super().__init__(field, admin.site)
        self._guild_id = guild_id

    def get_url(self) -> str:
        """Names the guild."""
        return f"{super().get_url()}?guild={self._guild_id}"

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> list[Any]:
        """Shows who is chosen: their key here is their user id."""
        del attr
        chosen = [each for each in value if each]
        rows = self.choices.queryset.filter(user_id__in=filter(str.isdecimal, chosen))
        options = [
            self.create_option(
                name, row.user_id, self.choices.field.label_from_instance(row), True, index
            )
            for index, row in enumerate(rows)
        ]
        return [(None, options, 0)]


class PersonField(forms.ModelChoiceField):  # type: ignore[type-arg]  # none at run time
    """Somebody who is in a guild, by their user id; no bot."""

    def __init__(self, guild_id: int, **kwargs: Any) -> None:
        """Makes a box that finds them by their names or their id."""
        super().__init__(
            queryset=Member.objects.present().filter(guild_id=guild_id, is_bot=False),
            to_field_name="user_id",
            widget=PersonSelect(guild_id),
            error_messages={"invalid_choice": "Choose somebody who is in the guild, and no bot."},
            **kwargs,
        )

    def label_from_instance(self, obj: Any) -> str:
        """Names a member so that two of one name differ."""
        return f"{obj.display_name} (@{obj.username})"

    def clean(self, value: Any) -> int | None:
        """Gives the user id."""
        member = super().clean(value)
        return None if member is None else int(member.user_id)


class SnowflakeField(forms.CharField):
    """An id of Discord's, typed or pasted."""

    def __init__(self, **kwargs: Any) -> None:
        """Makes a box for a number."""
        super().__init__(
            max_length=20,
            widget=UnfoldAdminTextInputWidget(
                attrs={"inputmode": "numeric", "autocomplete": "off"}
            ),
            **kwargs,
        )

    def clean(self, value: Any) -> int | None:
        """Gives the number."""
        text = super().clean(value).strip()
        if not text:
            return None
        number = as_snowflake(text)
        if number is None:
            raise forms.ValidationError("An id is a number, such as 1100000000000000000.")
        return number


class SwitchField(forms.BooleanField):
    """On or off."""

    def __init__(self, label: str, help_text: str = "") -> None:
        """Makes a switch."""
        super().__init__(
            label=label, required=False, widget=UnfoldBooleanWidget, help_text=help_text
        )


def channels_of(
    guild_id: int, kind: ChannelKind, *, chosen: int | None = None, empty: str = ""
) -> list[tuple[Any, str]]:
    """Lists a guild's channels of a kind; the one that is chosen stays though it has gone.

    Args:
        guild_id: the guild.
        kind: which of them; rooms are none of the voice channels to choose from.
        chosen: what is chosen already.
        empty: the words for none; empty where there has to be one.
    """
    rows = Channel.objects.filter(guild_id=guild_id, kind=kind, gone_at=None)
    rooms = Room.objects.live().filter(guild_id=guild_id, channel_id__isnull=False)
    rows = rows.exclude(pk__in=rooms.values("channel_id")).select_related("parent")
    found: list[tuple[Any, str]] = [
        (row.pk, f"{row.name} (in {row.parent})" if row.parent_id and row.parent else row.name)
        for row in rows.order_by("position", "id")
    ]
    if chosen is not None and chosen not in {pk for pk, _ in found}:
        gone = Channel.objects.filter(pk=chosen).first()
        found.insert(0, (chosen, f"{gone or f'channel {chosen}'} (gone)"))
    return [("", empty), *found] if empty else found


def examples_of(template: str) -> list[tuple[str, str]]:
    """Shows how rooms would be called; nothing for a template that cannot be."""
    if problem_of(template):
        return []
    first = [(f"of {user}", name_from(template, user=user)) for user in EXAMPLES]
    if NUMBER not in template:
        return first
    taken = [name_from(template, user=EXAMPLES[0])]
    return [
        *first,
        (f"a second one of {EXAMPLES[0]}", name_from(template, user=EXAMPLES[0], taken=taken)),
    ]
