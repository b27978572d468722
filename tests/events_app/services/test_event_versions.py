from __future__ import annotations

from dataclasses import replace

import pytest

from events_app.models import EventVersion
from events_app.services.planning import change_event
from events_app.services.revisions import keep, plan_of
from events_app.services.rollup import rebuild
from tests.events_app.planned import make_event
from tests.factories import NOW, at, make_channel, make_guild, make_member, make_session, make_user

pytestmark = pytest.mark.django_db


def test_what_discord_changes_is_kept_as_what_staff_change_is() -> None:
    guild = make_guild()
    lounge = make_channel(guild)
    event = make_event(
        guild, now=at(-180), starts_at=at(-120), ends_at=at(-60), channel_ids=frozenset({lounge.pk})
    )
    make_session(make_member(guild), lounge, started_at=at(-120), ended_at=at(-60))
    rebuild([event.pk], now=NOW)

    keep([event], actor=None, reason="on Discord", now=NOW)
    event.save(update_fields=["version"])
    plan = replace(plan_of(event), title="Other")
    change_event(event.pk, plan, actor=make_user("sam"), reason="", now=NOW)

    discords, staffs = EventVersion.objects.filter(event=event).order_by("number")
    assert discords.plan == staffs.plan
    assert discords.results == staffs.results
    assert [row["is_qualified"] for row in discords.results.values()] == [True]
