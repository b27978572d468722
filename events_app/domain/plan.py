"""What an organizer sets on an event, and what can be wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from community.domain.durations import in_words
from community.domain.snowflakes import DISCORDS_BEGINNING
from events_app.domain import words
from events_app.domain.local_times import zone_named
from events_app.domain.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

LONGEST_TITLE: Final = 100
LONGEST_DESCRIPTION: Final = 1000
LONGEST_WINDOW: Final = timedelta(days=7)
LARGEST_CAPACITY: Final = 2**31 - 1

EARLIEST: Final = DISCORDS_BEGINNING
# Beyond it nobody plans, and calendars come to their end.
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)

# Discord's channel types.
CATEGORY: Final = 4
COUNTABLE_KINDS: Final = frozenset({2, 13, CATEGORY})
"""Voice channels, stages, and the categories that they stand in."""

ROLE_FIELDS: Final = ("any_role_ids", "all_role_ids", "no_role_ids")
GRACE_FIELDS: Final = ("late_grace_seconds", "early_grace_seconds", "rejoin_grace_seconds")
FIELDS_OF_DISCORD: Final = ("title", "description", "starts_at", "ends_at")
"""What Discord decides of an event that was made there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that an organizer sets on an event, by the names of the event's columns.

    Two plans are equal if they mean the same: the order of channels and roles is none.
    """

    title: str
    description: str = ""
    time_zone: str
    starts_at: datetime
    ends_at: datetime
    channel_ids: frozenset[int] = frozenset()
    any_role_ids: frozenset[int] = frozenset()
    all_role_ids: frozenset[int] = frozenset()
    no_role_ids: frozenset[int] = frozenset()
    minimum_seconds: int | None = None
    minimum_share: float | None = None
    late_grace_seconds: int = 0
    early_grace_seconds: int = 0
    rejoin_grace_seconds: int = 0
    capacity: int | None = None
    counts_muted: bool = True
    counts_deafened: bool = True
    counts_alone: bool = True
    counts_afk: bool = False
    gap_policy: str = words.EXCLUDE
    reward_role: int | None = None

    @property
    def role_ids(self) -> frozenset[int]:
        """All roles that it names."""
        reward = frozenset() if self.reward_role is None else frozenset({self.reward_role})
        return self.any_role_ids | self.all_role_ids | self.no_role_ids | reward

    def columns(self) -> dict[str, Any]:
        """Gives the values as an event's columns keep them: ids as lists, in order."""
        return {
            field.name: sorted(value) if isinstance(value, frozenset) else value
            for field in fields(self)
            for value in [getattr(self, field.name)]
        }


PLAN_FIELDS: Final = tuple(field.name for field in fields(Plan))
"""The names of a plan's fields, which are those of an event's columns."""


def check_plan(
    plan: Plan,
    *,
    guild_id: int,
    guild_role_ids: Collection[int],
    guild_channels: Mapping[int, int],
) -> list[Problem]:
    """Says all that is wrong with a plan, each at its field.

    Args:
        plan: the plan.
        guild_id: the guild that it is for; the role of everyone has the same id.
        guild_role_ids: the guild's roles, those that were deleted apart.
        guild_channels: the guild's channels, by id Discord's type of each.
    """
    return [
        *_texts(plan),
        *_window(plan),
        *_roles(plan, guild_id=guild_id, guild_role_ids=guild_role_ids),
        *_channels(plan, guild_channels=guild_channels),
        *_limits(plan),
    ]


def is_storable(text: str) -> bool:
    """Tells whether PostgreSQL keeps a text: not one with a NUL or half a character."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)


def _texts(plan: Plan) -> Iterator[Problem]:
    if not plan.title.strip():
        yield Problem("title", "empty", "An event needs a title.")
    elif plan.title.splitlines() != [plan.title]:
        yield Problem("title", "several_lines", "A title is one line: take the line break out.")
    for field, longest in (("title", LONGEST_TITLE), ("description", LONGEST_DESCRIPTION)):
        text = getattr(plan, field)
        if len(text) > longest:
            yield Problem(
                field,
                "too_long",
                f"The {field} has {len(text)} characters; it can have {longest} at most.",
            )
        if not is_storable(text):
            yield Problem(field, "not_text", f"The {field} has characters that are none.")


def _window(plan: Plan) -> Iterator[Problem]:
    if zone_named(plan.time_zone) is None:
        yield Problem(
            "time_zone",
            "unknown_time_zone",
            f"There is no time zone {plan.time_zone!r}: it wants an IANA name, "
            "such as Europe/Berlin.",
        )
    naive = [name for name in ("starts_at", "ends_at") if getattr(plan, name).tzinfo is None]
    for field in naive:
        yield Problem(field, "naive", "The time says no zone: it could be any instant of a day.")
    if naive:
        return

    if not EARLIEST <= plan.starts_at < LATEST:
        yield Problem("starts_at", "out_of_range", "The start lies before 2015 or after 2099.")
    if plan.ends_at <= plan.starts_at:
        yield Problem("ends_at", "not_after_start", "The end has to lie after the start.")
    elif plan.ends_at - plan.starts_at > LONGEST_WINDOW:
        yield Problem(
            "ends_at",
            "too_long",
            f"An event lasts {in_words(LONGEST_WINDOW.total_seconds())} at most; "
            f"this one is {in_words((plan.ends_at - plan.starts_at).total_seconds())} long.",
        )
    elif plan.minimum_seconds is not None:
        yield from _minimum(plan.minimum_seconds, plan.ends_at - plan.starts_at)


def _minimum(minimum_seconds: int, window: timedelta) -> Iterator[Problem]:
    if minimum_seconds > window.total_seconds():
        yield Problem(
            "minimum_seconds",
            "longer_than_window",
            f"Nobody can stay {in_words(minimum_seconds)} in an event of "
            f"{in_words(window.total_seconds())}.",
        )


def _roles(plan: Plan, *, guild_id: int, guild_role_ids: Collection[int]) -> Iterator[Problem]:
    named = [(field, role_id) for field in ROLE_FIELDS for role_id in sorted(getattr(plan, field))]
    if plan.reward_role is not None:
        named.append(("reward_role", plan.reward_role))
    for field, role_id in named:
        if role_id == guild_id:
            yield Problem(
                field, "everyone", "The role of everyone says nothing: every member holds it."
            )
        elif role_id not in guild_role_ids:
            yield Problem(
                field,
                "unknown_role",
                f"Role {role_id} is none of this guild's, or was deleted.",
            )
    for role_id in sorted((plan.any_role_ids | plan.all_role_ids) & plan.no_role_ids):
        yield Problem(
            "no_role_ids",
            "required_and_forbidden",
            f"Role {role_id} is required and forbidden at once.",
        )


def _channels(plan: Plan, *, guild_channels: Mapping[int, int]) -> Iterator[Problem]:
    for channel_id in sorted(plan.channel_ids):
        kind = guild_channels.get(channel_id)
        if kind is None:
            yield Problem(
                "channel_ids", "unknown_channel", f"Channel {channel_id} is none of this guild's."
            )
        elif kind not in COUNTABLE_KINDS:
            yield Problem(
                "channel_ids",
                "wrong_kind",
                f"Nobody can be in channel {channel_id}: "
                "only voice channels, stages and categories count.",
            )


def _limits(plan: Plan) -> Iterator[Problem]:
    for field in ("minimum_seconds", *GRACE_FIELDS):
        seconds = getattr(plan, field)
        if seconds is not None and seconds < 0:
            yield Problem(field, "negative", "A length of time cannot be negative.")
        elif field in GRACE_FIELDS and seconds > LONGEST_WINDOW.total_seconds():
            yield Problem(
                field,
                "too_long",
                "A grace is no longer than an event can be: "
                f"{in_words(LONGEST_WINDOW.total_seconds())}.",
            )
    # Not a number is not between them either.
    if plan.minimum_share is not None and not 0.0 <= plan.minimum_share <= 1.0:
        yield Problem("minimum_share", "not_a_share", "A share lies between 0 and 1.")
    if plan.capacity is not None and plan.capacity < 1:
        yield Problem("capacity", "too_small", "An event has room for one at least.")
    elif plan.capacity is not None and plan.capacity > LARGEST_CAPACITY:
        yield Problem("capacity", "too_large", "For no limit leave the capacity empty.")
    if plan.gap_policy not in {words.EXCLUDE, words.CREDIT}:
        yield Problem(
            "gap_policy",
            "unknown_policy",
            f"Blind gaps are left out ({words.EXCLUDE}) or credited ({words.CREDIT}).",
        )
