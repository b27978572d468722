"""Blind gaps within an event's window, and making one good for all whom it touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.contrib import messages
from django.http import Http404, HttpResponseRedirect

from community.admin.pages import Names, ReasonForm
from community.admin.showing import link_to, moment
from community.domain.durations import in_words
from community.domain.errors import RollcallError
from events_app.admin.pages import CHANGE, CREDIT, address, refuse
from events_app.models import Credit, GapPolicy
from events_app.services.credits import credit_gap, gap_effects
from events_app.services.event_gaps import gaps_within

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from events_app.admin.pages import Asker

MOST_GAPS: Final = 100
MOST_MEMBERS: Final = 500


def gaps_page(asker: Asker, event_id: UUID) -> HttpResponse:
    """Lists the gaps of an event."""
    event = asker.event(event_id)
    gaps = list(gaps_within(event).order_by("began_at", "id")[:MOST_GAPS])
    names = Names(event.guild_id, [gap.user_id for gap in gaps if gap.user_id is not None])
    credited = set(
        Credit.objects.standing()
        .filter(event=event, gap__in=gaps)
        .order_by()
        .values_list("gap_id", flat=True)
    )
    may_credit = asker.may(CREDIT) and event.is_on
    lines = [
        (
            link_to(gap, f"{gap.began_at.astimezone(event.zone):%Y-%m-%d %H:%M:%S %Z}"),
            in_words(gap.length.total_seconds()),
            gap.get_cause_display(),
            "everyone" if gap.user_id is None else names.link(gap.user_id),
            "told afterwards" if gap.is_replayed else ("credited" if gap.pk in credited else ""),
            address("gap", event.pk, gap.pk) if may_credit and not gap.is_replayed else "",
        )
        for gap in gaps
    ]
    return asker.render(
        "event/gaps.html",
        f"Blind gaps: {event.title}",
        event=event,
        lines=lines,
        back=address("change", event.pk),
    )


def gap_page(asker: Asker, event_id: UUID, gap_id: UUID) -> HttpResponse:
    """Shows who would get what for a gap, and gives it to them."""
    event = asker.event(event_id)
    gap = gaps_within(event).filter(pk=gap_id).first()
    if gap is None:
        raise Http404
    form = ReasonForm(asker.request.POST if asker.request.method == "POST" else None)
    back = address("gaps", event.pk)
    if asker.request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        try:
            gains = {each.user_id for each in gap_effects(event.pk, gap.pk) if each.gain}
            given = credit_gap(event.pk, gap.pk, reason=reason, actor=asker.user, now=asker.now)
        except RollcallError as error:
            refuse(form, error)
        else:
            gained = sum(credit.user_id in gains for credit in given)
            messages.success(
                asker.request,
                f"Credited the gap to {_members(len(given))}; {_gained(gained, len(given))}.",
            )
            return HttpResponseRedirect(back)
    why_not, found = "", []
    try:
        found = gap_effects(event.pk, gap.pk)
    except RollcallError as error:
        why_not = str(error)
    had = set(
        Credit.objects.standing()
        .filter(event=event, gap=gap)
        .order_by()
        .values_list("user_id", flat=True)
    )
    names = Names(event.guild_id, [each.user_id for each in found[:MOST_MEMBERS]])
    return asker.render(
        "event/gap.html",
        f"Make a blind gap good: {event.title}",
        event=event,
        gap=gap,
        began=moment(gap.began_at, event.zone),
        ended=moment(gap.ended_at, event.zone),
        length=in_words(gap.length.total_seconds()),
        lines=[
            (
                names.link(user_id),
                in_words(seconds),
                in_words(gain) if gain else "",
                user_id in had,
            )
            for user_id, seconds, gain in found[:MOST_MEMBERS]
        ],
        count=len(found),
        to_gain=sum(each.gain > 0 for each in found if each.user_id not in had),
        may_change=asker.may(CHANGE),
        is_left_out=event.gap_policy == GapPolicy.EXCLUDE,
        to_give=sum(each.user_id not in had for each in found),
        why_not=why_not,
        form=form,
        back=back,
        media=form.media,
    )


def _members(count: int) -> str:
    return f"{count} member{'' if count == 1 else 's'}"


def _gained(gained: int, given: int) -> str:
    """Says for how many of those who were credited it makes a difference."""
    if not gained:
        return "nobody's time grew by it, since it fills their window already"
    return "each gained by it" if gained == given else f"{gained} of them gained by it"
