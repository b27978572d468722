from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from events_app.models import Change, Event, EventVersion, Participation
from events_app.services.planning import cancel_event, change_event, create_event
from events_app.services.planning_errors import EventCancelledError, NoSuchEventError, PlanError
from events_app.services.preview import Outcome, preview_change
from events_app.services.revisions import plan_of
from events_app.services.rollup import rebuild
from tests.events_app.planned import make_category, make_event, make_plan
from tests.events_app.stories import LAST, Story, at, lay, stories
from tests.factories import NOW, make_channel, make_guild, make_member, make_session
from tests.factories import at as minutes


def outcomes_of(event: Event) -> dict[int, Outcome]:
    return {
        row.user_id: Outcome(
            row.user_id,
            row.seconds,
            row.credited_seconds,
            row.uncertainty,
            row.share,
            row.is_qualified,
            tuple(row.reasons),
        )
        for row in Participation.objects.filter(event=event)
    }


def qualifying(outcomes: dict[int, Outcome]) -> set[int]:
    return {user_id for user_id, outcome in outcomes.items() if outcome.is_qualified}


@pytest.mark.django_db
@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    story=stories(),
    starts=st.integers(0, 20),
    length=st.integers(1, 20),
    rules=st.fixed_dictionaries(
        {
            "minimum_seconds": st.sampled_from([None, 3, 9]),
            "minimum_share": st.sampled_from([None, 0.3, 0.8]),
            "capacity": st.sampled_from([None, 1, 2]),
            "gap_policy": st.sampled_from(["exclude", "credit"]),
            "counts_muted": st.booleans(),
        }
    ),
)
def test_a_preview_is_what_the_change_gives(
    story: Story, starts: int, length: int, rules: dict[str, Any]
) -> None:
    Event.objects.all().delete()  # what an example left that failed
    now = at(LAST)
    # Nothing here is mirrored: the plan names no channel, so that all of them count.
    assume((rules["minimum_seconds"] or 0) <= length)
    roles = story.rules
    assume(not {*roles["any_role_ids"], *roles["all_role_ids"]} & set(roles["no_role_ids"]))
    event, _ = lay(replace(story, channel_ids=None))
    rebuild([event.pk], now=now)
    before = outcomes_of(event)
    plan = replace(plan_of(event), starts_at=at(starts), ends_at=at(starts + length), **rules)

    preview = preview_change(event.pk, plan, guild_id=event.guild_id, now=now)

    assert outcomes_of(event) == before
    change_event(event.pk, plan, actor=None, reason="", now=now)
    rebuild([event.pk], now=now)
    after = outcomes_of(event)
    assert {outcome.user_id: outcome for outcome in preview.outcomes} == after
    assert {flip.user_id for flip in preview.flips} == qualifying(before) ^ qualifying(after)
    for flip in preview.flips:
        assert flip.before == before.get(flip.user_id)
        assert flip.after == after.get(flip.user_id)


@pytest.mark.django_db
def test_a_preview_of_a_new_event_is_what_it_gives_and_looks_into_categories() -> None:
    guild = make_guild()
    category = make_category(guild)
    lounge, kitchen = make_channel(guild, parent=category), make_channel(guild)
    there, elsewhere = make_member(guild), make_member(guild)
    make_session(there, lounge, started_at=minutes(-50))
    make_session(elsewhere, kitchen)
    plan = make_plan(starts_at=minutes(-60), ends_at=NOW, channel_ids=frozenset({category.pk}))

    preview = preview_change(None, plan, guild_id=guild.pk, now=NOW)

    assert [(o.user_id, o.seconds) for o in preview.outcomes] == [(there.user_id, 3000)]
    assert [(flip.user_id, flip.before) for flip in preview.flips] == [(there.user_id, None)]
    assert not Event.objects.exists()
    event = create_event(plan, guild_id=guild.pk, actor=None, now=NOW)
    rebuild([event.pk], now=NOW)
    assert tuple(outcomes_of(event).values()) == preview.outcomes


@pytest.mark.django_db
def test_a_preview_writes_nothing() -> None:
    guild = make_guild()
    make_session(make_member(guild), make_channel(guild))
    event = make_event(guild, starts_at=minutes(-60), ends_at=NOW)
    Change.objects.all().delete()

    preview_change(event.pk, make_plan(minimum_seconds=9), guild_id=guild.pk, now=NOW)

    assert not Change.objects.exists()
    assert not EventVersion.objects.exists()
    assert not Participation.objects.exists()
    assert Event.objects.get().minimum_seconds is None


@pytest.mark.django_db
def test_what_could_not_be_changed_so_is_refused() -> None:
    guild = make_guild()
    event = make_event(guild)

    with pytest.raises(PlanError):
        preview_change(event.pk, make_plan(ends_at=minutes(0)), guild_id=guild.pk, now=NOW)
    with pytest.raises(NoSuchEventError):
        preview_change(uuid4(), make_plan(), guild_id=guild.pk, now=NOW)
    with pytest.raises(NoSuchEventError):
        preview_change(event.pk, make_plan(), guild_id=make_guild().pk, now=NOW)
    cancel_event(event.pk, actor=None, reason="rain", now=NOW)
    with pytest.raises(EventCancelledError):
        preview_change(event.pk, make_plan(), guild_id=guild.pk, now=NOW)


@pytest.mark.django_db
def test_what_stood_in_a_category_while_the_event_was_on_counts_in_a_preview() -> None:
    guild = make_guild()
    category = make_category(guild)
    lounge = make_channel(guild, parent=category)
    event = make_event(
        guild,
        now=minutes(-90),
        starts_at=minutes(-60),
        ends_at=minutes(60),
        channel_ids=frozenset({category.pk}),
    )
    make_session(make_member(guild), lounge, started_at=minutes(-50))
    lounge.parent = None
    lounge.save()
    plan = replace(plan_of(event), minimum_seconds=60)

    preview = preview_change(event.pk, plan, guild_id=guild.pk, now=NOW)

    change_event(event.pk, plan, actor=None, reason="", now=NOW)
    rebuild([event.pk], now=NOW)
    assert [outcome.seconds for outcome in preview.outcomes] == [3000]
    assert tuple(outcomes_of(event).values()) == preview.outcomes
    assert preview.flips == ()
