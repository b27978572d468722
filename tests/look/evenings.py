"""Events with all that can stand on their pages: crowds, long names, markup, formulas."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from community.models import ChannelKind, Member, Role
from community.models.ids import new_id
from events_app.models import Dispute, Event, EventSeries, EventVersion, Interest
from events_app.services.credits import give_credit
from events_app.services.disputes import open_dispute
from events_app.services.planning import cancel_event, change_event, create_event
from events_app.services.revisions import plan_of
from events_app.services.rollup import rebuild
from events_app.services.series import create_series
from sessions_app.models import GapCause, Visit, VoiceSession
from tests.events_app.planned import make_plan
from tests.factories import make_channel, make_gap, make_guild, snowflake

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User

    from community.models import Channel, Guild
    from sessions_app.models import BlindGap

LONG = "Wolfeschlegelsteinhausenberger_x"
TITLE = f"Saturday <b>game night</b> & {LONG}: the one with the very long title, again"[:100]
CROWD = 300
ODD_NAMES = (
    LONG,
    "<script>alert(1)</script>",
    '=HYPERLINK("http://x.y";"z")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\u202eesrever",
    "Zoë 🦊 the fox with many words",
)


@dataclass(frozen=True)
class Evenings:
    """Events in each of their states, of one guild."""

    guild: Guild
    ended: Event
    live: Event
    empty: Event
    draft: Event
    cancelled: Event
    series: EventSeries
    user_id: int
    credit_id: UUID
    gap: BlindGap
    dispute: Dispute


def make_evenings(root: User) -> Evenings:
    """Makes a guild whose evenings were well attended, by the services where there are any."""
    now = timezone.now().replace(microsecond=0)
    guild = make_guild(
        "The Lantern House, a guild with a name as long as Discord lets one be, which is long",
        time_zone="Europe/Berlin",
        voice_seen_at=now - timedelta(days=30),
    )
    category = make_channel(guild, f"{LONG} {LONG}", kind=ChannelKind.CATEGORY)
    channel = make_channel(guild, "General", parent=category)
    roles = [
        Role.objects.create(id=snowflake(), guild=guild, name=name, position=place)
        for place, name in enumerate(("Regulars", f"<i>{LONG}</i>", "Helpers"))
    ]
    members = make_crowd(guild)
    start = now - timedelta(hours=26)
    plan = make_plan(
        title=TITLE,
        description=f"Bring snacks.\n{LONG * 4} <img src=x onerror=alert(1)>",
        starts_at=start,
        ends_at=start + timedelta(hours=2),
        channel_ids=frozenset({category.pk}),
        minimum_seconds=1800,
        minimum_share=0.25,
        late_grace_seconds=300,
        rejoin_grace_seconds=300,
        capacity=250,
        reward_role=roles[0].pk,
    )
    ended = create_event(plan, guild_id=guild.pk, actor=root, now=start)
    live_start = now - timedelta(minutes=50)
    live_plan = replace(plan, starts_at=live_start, ends_at=now + timedelta(minutes=70))
    live = create_event(live_plan, guild_id=guild.pk, actor=root, now=live_start)
    attend(members, channel, start=start, length=timedelta(hours=2))
    attend(members[:60], channel, start=live_start, length=timedelta(minutes=50), goes_on=True)
    gap = make_gap(
        guild.pk,
        began_at=start + timedelta(minutes=40),
        ended_at=start + timedelta(minutes=47),
        cause=GapCause.CONNECTION_LOST,
    )
    absent = make_crowd(guild, count=12, name="Absent")
    Interest.objects.bulk_create(
        Interest(event=event, guild_id=guild.pk, user_id=member.user_id, since=start)
        for event in (ended, live)
        for member in [*members[:30], *absent]
    )
    rebuild([ended.pk, live.pk], now=now)
    user_id = members[1].user_id
    credit = give_credit(
        ended.pk,
        user_id,
        seconds=600,
        verdict="",
        actor=root,
        reason=f"They told us. {LONG}",
        now=now,
    )
    disputes = [
        open_dispute(ended.pk, member.user_id, text=f"I was there! <b>{LONG}</b>", now=now)
        for member in members[:3]
    ]
    changes: tuple[dict[str, Any], ...] = (
        {"minimum_seconds": 600},
        {"any_role_ids": frozenset(role.pk for role in roles[1:])},
        {"any_role_ids": frozenset(), "title": f"{TITLE[:90]}, more"},
    )
    for fields in changes:
        change_event(
            ended.pk, replace(plan_of(ended), **fields), actor=root, reason=LONG * 2, now=now
        )
        ended.refresh_from_db()
    rebuild([ended.pk], now=now)
    ahead = make_plan(starts_at=now + timedelta(days=2), ends_at=now + timedelta(days=2, hours=2))
    empty = create_event(ahead, guild_id=guild.pk, actor=root, now=now)
    cancelled = create_event(ahead, guild_id=guild.pk, actor=root, now=now)
    cancel_event(cancelled.pk, actor=root, reason="Rain.", now=now)
    draft = create_event(
        replace(ahead, title="A draft"), guild_id=guild.pk, actor=root, now=now, as_draft=True
    )
    series = create_series(
        replace(plan_of(ended), starts_at=ahead.starts_at, ends_at=ahead.ends_at),
        "FREQ=WEEKLY;COUNT=12",
        guild_id=guild.pk,
        actor=root,
        now=now,
    )
    assert EventVersion.objects.filter(event=ended).count() == len(changes)
    ended.refresh_from_db()
    return Evenings(
        guild, ended, live, empty, draft, cancelled, series, user_id, credit.pk, gap, disputes[0]
    )


def make_crowd(guild: Guild, *, count: int = CROWD, name: str = "Person") -> list[Member]:
    """Makes members of a guild, the first of them with the oddest names."""
    names = [*(ODD_NAMES if name == "Person" else ()), *(f"{name} {n}" for n in range(count))]
    return Member.objects.bulk_create(
        Member(guild=guild, user_id=snowflake(), username=f"{name}.{number}", display_name=each)
        for number, each in enumerate(names[:count])
    )


def attend(
    members: list[Member],
    channel: Channel,
    *,
    start: datetime,
    length: timedelta,
    goes_on: bool = False,
) -> None:
    """Lets members come one after the other, and leave in another order; some stay."""
    visits, sessions = [], []
    for number, member in enumerate(members):
        began = start + length * (number * 7 % 50) / 100
        stays = goes_on and number % 3
        ended = None if stays else began + length * (20 + number * 11 % 30) / 100
        columns = {"guild_id": member.guild_id, "user_id": member.user_id}
        visit = Visit(
            id=new_id(),
            **columns,
            started_at=began,
            ended_at=ended,
            first_channel=channel,
            last_channel=channel,
        )
        visits.append(visit)
        sessions.append(
            VoiceSession(
                visit=visit,
                **columns,
                channel=channel,
                status="active" if stays else "completed",
                end_reason="" if stays else "left",
                started_at=began,
                entered_at=began,
                ended_at=ended,
                last_seen_at=ended or start + length,
                muted=[(began, began + timedelta(minutes=5))] if number % 4 == 0 else [],
            )
        )
    Visit.objects.bulk_create(visits)
    VoiceSession.objects.bulk_create(sessions)
