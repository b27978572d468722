"""What an event credits members with, in words: time, share, why they do not qualify."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from community.admin.pages import Names
from community.domain.durations import in_words, with_uncertainty
from events_app.models import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from events_app.models import Participation
    from events_app.services.preview import Outcome, Preview

MOST_LINES: Final = 200

QUALIFIED, NOT_QUALIFIED, NOT_THERE = "qualified", "not qualified", "not there"

VERDICT_LABELS: Final = {QUALIFIED: "success", NOT_QUALIFIED: "warning", NOT_THERE: ""}


@dataclass(frozen=True, slots=True)
class OutcomeLine:
    """One member's outcome, in the page's words."""

    member: str
    before: str
    after: str
    label: str
    time: str
    share: str
    reasons: str


@dataclass(frozen=True, slots=True)
class PreviewLines:
    """What a plan would do, in the page's words."""

    flips: list[OutcomeLine]
    outcomes: list[OutcomeLine]
    flip_count: int
    count: int
    qualified: int


def preview_lines(preview: Preview, guild_id: int) -> PreviewLines:
    """Lays out what a plan would do: first who would flip, then everyone."""
    flips, outcomes = preview.flips[:MOST_LINES], preview.outcomes[:MOST_LINES]
    user_ids = [flip.user_id for flip in flips] + [one.user_id for one in outcomes]
    names = Names(guild_id, user_ids)
    return PreviewLines(
        flips=[_line(names, flip.user_id, flip.before, flip.after) for flip in flips],
        outcomes=[_line(names, one.user_id, None, one) for one in outcomes],
        flip_count=len(preview.flips),
        count=len(preview.outcomes),
        qualified=sum(one.is_qualified for one in preview.outcomes),
    )


def _line(names: Names, user_id: int, before: Outcome | None, after: Outcome | None) -> OutcomeLine:
    verdict = verdict_of(after)
    return OutcomeLine(
        member=names.link(user_id),
        before=verdict_of(before),
        after=verdict,
        label=VERDICT_LABELS[verdict],
        time=time_of(after) if after else "-",
        share=share_words(after.share) if after else "-",
        reasons=reasons_words(after.reasons) if after else "",
    )


def verdict_of(outcome: Outcome | Participation | None) -> str:
    """Says whether somebody qualifies."""
    if outcome is None:
        return NOT_THERE
    return QUALIFIED if outcome.is_qualified else NOT_QUALIFIED


def time_of(outcome: Outcome | Participation) -> str:
    """Says how long somebody's time is, how sure that is, and what of it was credited."""
    words = with_uncertainty(outcome.seconds, outcome.uncertainty)
    if not outcome.credited_seconds:
        return words
    return f"{words}, credited {in_words(outcome.credited_seconds)}"


def share_words(share: float | None) -> str:
    """Says a share in percent; it never says all of what is not all."""
    if share is None:
        return "-"
    percent = int(share * 1000) / 10
    return f"{percent:.0f} %" if percent == int(percent) else f"{percent:.1f} %"


def reasons_words(reasons: Iterable[str]) -> str:
    """Says why somebody does not qualify."""
    known = dict(Reason.choices)
    return ", ".join(str(known.get(reason, reason)) for reason in reasons)
