"""What is known of members about an event's window, for the arithmetic in plain Python.

A fixed number of statements, however many members are asked about.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from django.db.models import Max, Q

from community.models import Guild, Member, RoleSpan
from events_app.domain import words
from events_app.domain.counting import LONGEST_SESSION, STATES, Records, Stay, Terms
from sessions_app.models import BlindGap, GapCause, SessionStatus, VoiceSession

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from events_app.domain.counting import Span
    from events_app.models import Event
    from sessions_app.models.voice_session import VoiceSessionQuerySet

_EVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of some members, as rows and as the arithmetic reads them.

    Attributes:
        records: by user id, one for each member who was asked about.
        sessions: by user id, those about the window, voided ones included, in order.
        roles: by user id, when the roles that the event asks for were held.
        gaps: blind gaps in the window, of everyone or of one of the members.
    """

    records: dict[int, Records]
    sessions: dict[int, list[VoiceSession]]
    roles: dict[int, list[RoleSpan]]
    gaps: list[BlindGap]


def terms_of(event: Event, *, upto: datetime) -> Terms:
    """Gives what an event asks, its window cut at an instant."""
    return Terms(
        starts=event.starts_at,
        upto=max(min(event.ends_at, upto), event.starts_at),
        any_role_ids=frozenset(event.any_role_ids),
        all_role_ids=frozenset(event.all_role_ids),
        no_role_ids=frozenset(event.no_role_ids),
        idle=frozenset(state for state in STATES if not getattr(event, f"counts_{state}")),
        credits_gaps=event.gap_policy == words.CREDIT,
    )


def known_of(event: Event, user_ids: Collection[int], *, now: datetime) -> Known:
    """Reads what is known of members about an event's window, as far as it is over."""
    upto = min(event.ends_at, now)
    gaps = list(
        BlindGap.objects.unseen()
        .filter(Q(user_id=None) | Q(user_id__in=user_ids), guild_id=event.guild_id)
        .within(event.starts_at, upto)
        .order_by("began_at", "pk")
    )
    # Who was there just before a gap, or just after it, may be credited with it.
    first = min([event.starts_at, *(gap.began_at for gap in gaps)])
    last = max([upto, *(gap.ended_at for gap in gaps)])
    sessions = _sessions(event, user_ids, first=first, last=last)
    roles = _roles(event, user_ids)
    unknown = _roles_unknown(event, user_ids)
    return Known(
        records={
            user_id: Records(
                stays=[
                    _stay(session, event, now=now)
                    for session in sessions[user_id]
                    if session.status != SessionStatus.CANCELLED
                ],
                roles=_by_role(roles[user_id]),
                gaps=[
                    (gap.began_at, gap.ended_at) for gap in gaps if gap.user_id in {None, user_id}
                ],
                roles_unknown=unknown[user_id],
            )
            for user_id in user_ids
        },
        sessions=sessions,
        roles=roles,
        gaps=gaps,
    )


def members_about(event: Event, *, since: datetime, until: datetime) -> set[int]:
    """Finds who had a session that counts anywhere, in a channel that counts, in some time.

    A session that ends as the time begins, or begins as it ends, is in it.
    """
    return set(counted_sessions(event, since=since, until=until).values_list("user_id", flat=True))


def counted_sessions(event: Event, *, since: datetime, until: datetime) -> VoiceSessionQuerySet:
    """Gives the sessions in channels that count that touch some time; voided ones apart."""
    rows = VoiceSession.objects.counted().filter(
        Q(ended_at=None) | Q(ended_at__gte=since),
        guild_id=event.guild_id,
        started_at__gt=since - LONGEST_SESSION,
        started_at__lte=until,
    )
    if event.counted_channel_ids is not None:
        rows = rows.filter(channel__in=event.counted_channel_ids)
    return rows.order_by("started_at", "pk")


def _sessions(
    event: Event, user_ids: Collection[int], *, first: datetime, last: datetime
) -> dict[int, list[VoiceSession]]:
    rows = VoiceSession.objects.filter(
        Q(ended_at=None) | Q(ended_at__gte=first),
        guild_id=event.guild_id,
        user_id__in=user_ids,
        started_at__gt=first - LONGEST_SESSION,
        started_at__lte=last,
    ).order_by("started_at", "pk")
    found: dict[int, list[VoiceSession]] = {user_id: [] for user_id in user_ids}
    for session in rows:
        found[session.user_id].append(session)
    return found


def _roles(event: Event, user_ids: Collection[int]) -> dict[int, list[RoleSpan]]:
    found: dict[int, list[RoleSpan]] = {user_id: [] for user_id in user_ids}
    asked = {*event.any_role_ids, *event.all_role_ids, *event.no_role_ids}
    if asked:
        rows = RoleSpan.objects.filter(
            guild_id=event.guild_id, user_id__in=user_ids, role__in=asked
        ).order_by("started_at", "pk")
        for span in rows:
            found[span.user_id].append(span)
    return found


def _roles_unknown(event: Event, user_ids: Collection[int]) -> dict[int, list[Span]]:
    """Tells when roles are not known; see :mod:`events_app.services.roles_sql`."""
    if not event.asks_for_roles:
        return {user_id: [] for user_id in user_ids}
    first_seen = (
        Guild.objects.filter(pk=event.guild_id).values_list("first_seen_at", flat=True).first()
    )
    removed_at = BlindGap.objects.filter(
        guild_id=event.guild_id, cause=GapCause.BOT_REMOVED
    ).aggregate(latest=Max("began_at"))["latest"]
    members = Member.objects.order_by().filter(guild_id=event.guild_id, user_id__in=user_ids)
    rows = members.values_list("user_id", "roles_known_since", "joined_at")
    own = {user_id: (since, joined_at) for user_id, since, joined_at in rows}
    found: dict[int, list[Span]] = {}
    for user_id in user_ids:
        since, joined_at = own.get(user_id, (None, None))
        since = since or first_seen
        lost = max((each for each in (joined_at, removed_at) if each), default=_EVER)
        first = min((each for each in (first_seen, since) if each), default=None)
        found[user_id] = [(_EVER, first)]
        if since is None or lost < since:
            found[user_id].append((lost, since))
    return found


def _by_role(spans: list[RoleSpan]) -> dict[int, list[tuple[datetime, datetime | None]]]:
    held: dict[int, list[tuple[datetime, datetime | None]]] = defaultdict(list)
    for span in spans:
        held[span.role_id].append((span.started_at, span.ended_at))
    return dict(held)


def _stay(session: VoiceSession, event: Event, *, now: datetime) -> Stay:
    channel_id: int = session.channel_id or 0
    channels = event.counted_channel_ids
    session_id: UUID = session.pk
    return Stay(
        session_id=session_id,
        channel_id=channel_id,
        counts=channels is None or channel_id in channels,
        began=session.started_at,
        ended=session.ended_at or max(now, session.started_at),
        states={state: getattr(session, state.value) for state in STATES},
    )
