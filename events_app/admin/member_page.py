"""Why a member has the number that they have: each stretch of the window, with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.http import Http404

from community.admin.pages import Names
from community.admin.showing import link_to, moment
from community.domain.durations import in_words
from events_app.admin.charts import Bar, bar
from events_app.admin.pages import CREDIT, address
from events_app.admin.plan_choices import names_of_channels, names_of_roles
from events_app.admin.rows import ParticipationLine, participation_line
from events_app.domain.counting import Why
from events_app.models import Dispute, Verdict
from events_app.services.why import explain_member
from sessions_app.models import VoiceSession

if TYPE_CHECKING:
    from datetime import tzinfo
    from uuid import UUID

    from django.http import HttpResponse

    from events_app.admin.pages import Asker
    from events_app.domain.counting import Piece
    from events_app.models import Credit

MOST_PIECES: Final = 500

WORDS: Final = {
    Why.COUNTED: "counts",
    Why.CREDITED: "a blind gap, credited: they were there just before or after",
    Why.BLIND: "left out: nobody watched",
    Why.ROLES_UNKNOWN: "left out: their roles were not known yet",
    Why.AWAY: "not in voice",
    Why.ELSEWHERE: "in a channel that does not count",
    Why.NO_ROLE: "without the roles",
    Why.MUTED: "muted",
    Why.DEAFENED: "deafened",
    Why.ALONE: "alone in the channel",
    Why.AFK: "in the AFK channel",
}


@dataclass(frozen=True, slots=True)
class PieceLine:
    """A stretch of the window, in the page's words."""

    began: str
    ended: str
    length: str
    counts: bool
    why: str
    where: str


@dataclass(frozen=True, slots=True)
class CreditLine:
    """A decision of staff's, in the page's words."""

    at: str
    what: str
    reason: str
    actor: str
    withdrawn: str
    withdraw: str


def member_page(asker: Asker, event_id: UUID, user_id: int) -> HttpResponse:
    """Explains a member's number."""
    event = asker.event(event_id)
    if user_id > 2**63 - 1:
        raise Http404
    names = Names(event.guild_id, [user_id])
    told = explain_member(event.pk, user_id, now=asker.now)
    is_known = user_id in names.members or told.sessions or told.credits or told.participation
    if not is_known:
        raise Http404
    may_credit = asker.may(CREDIT) and event.is_on
    channels = names_of_channels({piece.stay.channel_id for piece in told.pieces if piece.stay})
    roles = names_of_roles({span.role_id for span in told.roles})
    window = (event.starts_at, event.ends_at)
    summary: ParticipationLine | None = None
    if told.participation:
        summary = participation_line(told.participation, event.zone)
    bars: list[Bar] = [
        bar(piece.began, piece.ended, window=window, counts=piece.counts, words=WORDS[piece.why])
        for piece in told.pieces
        if piece.stay is not None or piece.counts
    ]
    return asker.render(
        "event/member.html",
        f"Why this number? {names.text(user_id)}",
        event=event,
        member=names.link(user_id),
        name=names.text(user_id),
        summary=summary,
        pieces=[_piece_line(piece, channels, event.zone) for piece in told.pieces[:MOST_PIECES]],
        not_shown=max(len(told.pieces) - MOST_PIECES, 0),
        bars=bars,
        sums=_sums(told.pieces),
        role_lines=[
            (
                roles.get(span.role_id, f"role {span.role_id}"),
                moment(span.started_at, event.zone),
                moment(span.ended_at, event.zone) if span.ended_at else "held now",
            )
            for span in told.roles
        ],
        gap_lines=[
            (
                link_to(gap, gap.get_cause_display()),
                moment(gap.began_at, event.zone),
                in_words(gap.length.total_seconds()),
            )
            for gap in told.gaps
        ],
        credit_lines=[_credit_line(credit, event.zone, asker) for credit in told.credits],
        disputes=[
            (link_to(dispute, dispute.get_state_display()), dispute.text)
            for dispute in Dispute.objects.filter(event=event, user_id=user_id)
        ],
        give=address("credit", event.pk, user_id) if may_credit else "",
        start=moment(event.starts_at, event.zone),
        end=moment(event.ends_at, event.zone),
        back=address("change", event.pk),
    )


def _piece_line(piece: Piece, channels: Any, zone: tzinfo) -> PieceLine:
    where: str = "-"
    if piece.stay is not None:
        channel_id = piece.stay.channel_id
        words = channels.get(channel_id, f"channel {channel_id}")
        where = link_to(VoiceSession(pk=piece.stay.session_id), words)
    return PieceLine(
        moment(piece.began, zone),
        moment(piece.ended, zone),
        in_words(piece.seconds),
        piece.counts,
        WORDS[piece.why],
        where,
    )


def _sums(pieces: list[Piece]) -> list[tuple[str, str]]:
    """Sums the window by reason, what counts first."""
    seconds: dict[Why, float] = {}
    for piece in pieces:
        seconds[piece.why] = seconds.get(piece.why, 0.0) + piece.seconds
    return [(WORDS[why], in_words(seconds[why])) for why in Why if why in seconds]


def what_it_gives(credit: Credit) -> str:
    """Says what a credit gives."""
    parts = []
    if credit.seconds:
        parts.append(in_words(credit.seconds))
    if credit.verdict:
        parts.append(str(Verdict(credit.verdict).label))
    if credit.gap_id:
        parts.append("for a blind gap")
    return ", ".join(parts) or "nothing"


def _credit_line(credit: Credit, zone: tzinfo, asker: Asker) -> CreditLine:
    is_gone = credit.withdrawn_at is not None
    may_withdraw = asker.may(CREDIT) and not is_gone
    return CreditLine(
        at=moment(credit.created_at, zone),
        what=what_it_gives(credit),
        reason=credit.reason,
        actor=credit.actor_name,
        withdrawn=f"withdrawn by {credit.withdrawn_by}" if is_gone else "",
        withdraw=address("withdraw", credit.event_id, credit.pk) if may_withdraw else "",
    )
