"""Why a member is credited with what they are credited with, piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from events_app.domain import counting
from events_app.models import Credit, Participation
from events_app.services.finding import find_event
from events_app.services.member_records import known_of, terms_of

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from community.models import RoleSpan
    from events_app.models import Event
    from sessions_app.models import BlindGap, VoiceSession


@dataclass(frozen=True, slots=True)
class Explanation:
    """One member's time in one event, and all that it comes from.

    Attributes:
        event: the event.
        user_id: the member's user id.
        participation: what was worked out last; None where they took no part.
        pieces: the window as far as it is over, piece by piece; none before it begins, and
            of an event that is not on.
        roles: when they held the roles that the event names.
        gaps: the blind gaps in the window that concern them.
        credits: what staff decided, the latest first; what was withdrawn, too.
        sessions: their sessions about the window; voided ones and those elsewhere, too.
    """

    event: Event
    user_id: int
    participation: Participation | None
    pieces: list[counting.Piece]
    roles: list[RoleSpan]
    gaps: list[BlindGap]
    credits: list[Credit]
    sessions: list[VoiceSession]


def explain_member(event_id: UUID, user_id: int, *, now: datetime) -> Explanation:
    """Tells of each second of an event why it counts for a member or does not.

    Raises:
        NoSuchEventError: there is no such event.
    """
    event = find_event(event_id)
    known = known_of(event, [user_id], now=now)
    has_begun = event.is_on and now > event.starts_at
    return Explanation(
        event=event,
        user_id=user_id,
        participation=Participation.objects.filter(event=event, user_id=user_id).first(),
        pieces=(
            counting.explain(terms_of(event, upto=now), known.records[user_id]) if has_begun else []
        ),
        roles=known.roles[user_id],
        gaps=known.gaps,
        credits=list(Credit.objects.filter(event=event, user_id=user_id)),
        sessions=known.sessions[user_id],
    )
