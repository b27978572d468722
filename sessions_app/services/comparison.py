"""Discord held beside the sessions under way: asked of the bot, which alone can see it.

The bot asks Discord's REST API about each member with a session under way, and about those
who left lately. Only what Discord says twice counts, so that an event on its way is not
fought. Mending is the tracker's, like any other fact.

An item's payload is ``{"mend": bool, "actor_id": int | null, "reason": str}``; its answer
``{"checked": int, "to_check": int, "drift": [Drift.as_json(), ...], "mended": int}``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.contrib.auth import get_user_model

from community.domain.errors import RollcallError
from community.models import Guild, OutboxItem, OutboxState
from community.services import audit, outbox
from sessions_app.domain.drift import Drift

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from django.contrib.auth.models import User

COMPARE: Final = "sessions.compare"

ANSWER_SECONDS: Final = 10.0
"""How long whoever asks waits for the bot."""


class NoBotAnsweredError(RollcallError):
    """No bot answered within {seconds:g} s, so nothing was compared or changed."""

    code = "no_bot_answered"


class NoBotRunsError(NoBotAnsweredError):
    """No bot runs for this guild, so nothing was compared or changed."""


class ComparisonRefusedError(RollcallError):
    """The bot could not compare: {message}."""

    code = "comparison_refused"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison of one guild found.

    Attributes:
        checked: how many members Discord was asked about, those first that it was asked
            about the longest ago.
        to_check: how many there were; more than ``checked`` where time ran out.
        drift: those of whom Discord says something else than the sessions.
        mended: how many of those were mended; 0 in a dry run.
        error: why there is no answer; None where there is one.
    """

    guild_id: int
    checked: int = 0
    to_check: int = 0
    drift: tuple[Drift, ...] = ()
    mended: int = 0
    error: RollcallError | None = None


def compare_guilds(
    guild_ids: Iterable[int],
    *,
    mend: bool,
    now: datetime,
    actor: User | None = None,
    reason: str = "",
) -> list[Comparison]:
    """Asks the bots to compare guilds, and waits for them together.

    Not to be called in a transaction.

    Args:
        guild_ids: the guilds.
        mend: whether the bot is to mend what it finds; a dry run otherwise.
        now: when it is asked.
        actor: who asks, for the trail of what is mended; None for an API key or a job.
        reason: why, in their words.

    Returns:
        One for each guild, in order; with :class:`NoBotAnsweredError` as its ``error`` where
        no bot answered within :data:`ANSWER_SECONDS` (:class:`NoBotRunsError`, at once, where
        none runs), and :class:`ComparisonRefusedError` where it said no.
    """
    payload = {"mend": mend, "actor_id": None if actor is None else actor.pk, "reason": reason}
    chosen = list(guild_ids)
    items = {
        guild_id: outbox.ask(COMPARE, guild_id=guild_id, payload=payload, now=now)
        for guild_id in outbox.served(chosen, now=now)
    }
    if items:
        outbox.wait_for_answers(list(items.values()), seconds=ANSWER_SECONDS)
    return [
        _waited_for(items[guild_id])
        if guild_id in items
        else Comparison(guild_id, error=NoBotRunsError())
        for guild_id in chosen
    ]


def compare_guild(
    guild_id: int, *, mend: bool, now: datetime, actor: User | None = None, reason: str = ""
) -> Comparison:
    """Asks the bot that serves a guild to compare it; see :func:`compare_guilds`.

    Raises:
        NoBotAnsweredError: if no bot answers in time.
        ComparisonRefusedError: if the bot says no.
    """
    [found] = compare_guilds([guild_id], mend=mend, now=now, actor=actor, reason=reason)
    if found.error is not None:
        raise found.error
    return found


def _waited_for(item: OutboxItem) -> Comparison:
    # Nobody waits for it any more: it is not to be done at some later time.
    if item.state == OutboxState.PENDING and outbox.withdraw(item):
        return Comparison(item.guild_id, error=NoBotAnsweredError(seconds=ANSWER_SECONDS))
    return read_answer(item)


def read_answer(item: OutboxItem) -> Comparison:
    """Reads what the bot answered; see :func:`settle`.

    Args:
        item: a comparison that is not pending any more.
    """
    if item.state == OutboxState.REFUSED:
        message = str(item.answer.get("message", "")).rstrip(".")
        return Comparison(item.guild_id, error=ComparisonRefusedError(message=message))
    return Comparison(
        guild_id=item.guild_id,
        checked=item.answer["checked"],
        to_check=item.answer["to_check"],
        drift=tuple(map(Drift.from_json, item.answer["drift"])),
        mended=item.answer["mended"],
    )


# The bot's side ---------------------------------------------------------------------------


def settle(item: OutboxItem, found: Comparison, *, now: datetime) -> None:
    """Answers a comparison, and leaves an audit entry where it mended anything.

    To be called in the transaction that writes what the tracker mended. Doing it twice
    does nothing.
    """
    locked = outbox.locked_pending(item)
    if locked is None:
        return
    drift = [part.as_json() for part in found.drift]
    outbox.answer(
        locked,
        state=OutboxState.DONE,
        answer={
            "checked": found.checked,
            "to_check": found.to_check,
            "drift": drift,
            "mended": found.mended,
        },
        now=now,
    )
    if found.mended:
        audit.record(
            actor=get_user_model().objects.filter(pk=locked.payload["actor_id"]).first(),
            action=COMPARE,
            target=Guild(pk=locked.guild_id),
            guild_id=locked.guild_id,
            reason=locked.payload["reason"],
            before={"drift": drift},
            after={"drift": []},
            at=now,
        )
