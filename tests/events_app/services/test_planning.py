from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from community.models import AuditEntry
from events_app.models import Event, EventSeries, EventState, EventVersion
from events_app.services.planning import cancel_event, change_event, create_event, publish_draft
from events_app.services.planning_errors import NoSuchEventError, NoSuchSeriesError, PlanError
from events_app.services.revisions import plan_of
from tests.events_app.planned import make_event, make_participation, make_plan, make_role, noted
from tests.factories import NOW, at, make_channel, make_guild

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User

    from community.models import Guild

pytestmark = pytest.mark.django_db


def change(event: Event, actor: User | None, *, now: Any = NOW, **fields: Any) -> Event:
    plan = replace(plan_of(event), **fields)
    return change_event(event.pk, plan, actor=actor, reason=" it moved ", now=now)


def refused(call: Callable[[], object]) -> list[tuple[str, str]]:
    with pytest.raises(PlanError) as caught:
        call()
    return [(problem.field, problem.code) for problem in caught.value.problems]


# Making -----------------------------------------------------------------------------------


def test_create_keeps_the_whole_plan_and_leaves_a_trail(guild: Guild, actor: User) -> None:
    channel, role, reward = make_channel(guild), make_role(guild), make_role(guild, "Regular")
    plan = make_plan(
        title=" Game night ",
        description="Bring snacks.\n",
        channel_ids=frozenset({channel.pk}),
        any_role_ids=frozenset({role.pk}),
        minimum_seconds=3600,
        minimum_share=0.5,
        late_grace_seconds=300,
        capacity=20,
        counts_afk=True,
        gap_policy="credit",
        reward_role=reward.pk,
    )

    made = create_event(plan, guild_id=guild.pk, actor=actor, now=NOW)

    event = Event.objects.get()
    entry = AuditEntry.objects.get()
    assert made == event
    assert plan_of(event) == replace(plan, title="Game night", description="Bring snacks.")
    assert (event.guild_id, event.state, event.version) == (guild.pk, EventState.SCHEDULED, 1)
    assert (event.series, event.is_apart, event.is_from_discord) == (None, False, False)
    assert (event.counted_channel_ids, event.created_at) == ([channel.pk], NOW)
    assert (entry.action, entry.actor, entry.guild_id, entry.at) == (
        "event.create",
        actor,
        guild.pk,
        NOW,
    )
    assert (entry.target_kind, entry.target_id) == ("event", str(event.pk))
    assert entry.before == {}
    assert entry.after["title"] == "Game night"
    assert entry.after["starts_at"] == at(60).isoformat()
    assert noted() == [event.pk]
    assert not EventVersion.objects.exists()


@pytest.mark.parametrize(
    ("minutes", "state"),
    [(0, EventState.SCHEDULED), (60, EventState.LIVE), (180, EventState.ENDED)],
)
def test_an_event_begins_its_life_where_the_clock_is(
    guild: Guild, minutes: float, state: EventState
) -> None:
    assert make_event(guild, now=at(minutes)).state == state


def test_an_event_of_discords_says_so(guild: Guild) -> None:
    event = create_event(
        make_plan(),
        guild_id=guild.pk,
        actor=None,
        now=NOW,
        discord_event_id=77,
        planned_start=at(60),
    )

    entry = AuditEntry.objects.get()
    assert (event.discord_event_id, event.is_from_discord) == (77, True)
    assert event.planned_start == at(60)
    assert (entry.actor, entry.actor_name) == (None, "")


def test_create_refuses_a_plan_with_problems_and_keeps_nothing(guild: Guild) -> None:
    plan = make_plan(title="", ends_at=at(60))

    with pytest.raises(PlanError) as caught:
        create_event(plan, guild_id=guild.pk, actor=None, now=NOW)

    assert [problem.field for problem in caught.value.problems] == ["title", "ends_at"]
    assert str(caught.value) == (
        "The event cannot be planned so: "
        "An event needs a title. The end has to lie after the start."
    )
    assert not Event.objects.exists()
    assert not AuditEntry.objects.exists()
    assert noted() == []


def test_roles_and_channels_of_another_guild_are_refused(guild: Guild) -> None:
    other = make_guild("Elsewhere")
    plan = make_plan(
        channel_ids=frozenset({make_channel(other).pk}),
        any_role_ids=frozenset({make_role(other).pk}),
        reward_role=make_role(other).pk,
    )

    problems = refused(lambda: create_event(plan, guild_id=guild.pk, actor=None, now=NOW))

    assert problems == [
        ("any_role_ids", "unknown_role"),
        ("reward_role", "unknown_role"),
        ("channel_ids", "unknown_channel"),
    ]


def test_a_role_that_was_deleted_and_the_role_of_everyone_are_refused(guild: Guild) -> None:
    gone, everyone = make_role(guild, gone_at=NOW), make_role(guild, id=guild.pk)
    plan = make_plan(
        all_role_ids=frozenset({gone.pk}),
        no_role_ids=frozenset({everyone.pk}),
    )

    problems = refused(lambda: create_event(plan, guild_id=guild.pk, actor=None, now=NOW))

    assert problems == [("all_role_ids", "unknown_role"), ("no_role_ids", "everyone")]


def test_a_text_channel_is_refused(guild: Guild) -> None:
    plan = make_plan(channel_ids=frozenset({make_channel(guild, kind=0).pk}))

    problems = refused(lambda: create_event(plan, guild_id=guild.pk, actor=None, now=NOW))

    assert problems == [("channel_ids", "wrong_kind")]


def test_the_series_of_another_guild_is_refused(guild: Guild) -> None:
    series = EventSeries.objects.create(
        guild=make_guild("Elsewhere"),
        title="Theirs",
        time_zone="UTC",
        first_date=NOW.date(),
        start_time=NOW.time(),
        length_seconds=60,
        rule="FREQ=DAILY;COUNT=1",
        created_at=NOW,
    )

    with pytest.raises(NoSuchSeriesError):
        create_event(make_plan(), guild_id=guild.pk, actor=None, now=NOW, series=series)


# Changing ---------------------------------------------------------------------------------


def test_change_keeps_what_it_was_and_its_results(guild: Guild, actor: User) -> None:
    event = make_event(guild)
    first = make_participation(
        event, seconds=3600.5, credited_seconds=60.0, share=0.5, is_qualified=True
    )
    second = make_participation(event, seconds=10.0, share=None, reasons=["too_short", "full"])
    make_participation(make_event(guild), seconds=1.0)
    noted()

    change(event, actor, now=at(300), title="Quiz", starts_at=at(90), capacity=5)

    changed = Event.objects.get(pk=event.pk)
    version = EventVersion.objects.get()
    entry = AuditEntry.objects.get(action="event.change")
    assert plan_of(changed) == make_plan(title="Quiz", starts_at=at(90), capacity=5)
    assert (changed.version, changed.is_apart, changed.state) == (2, False, EventState.ENDED)
    assert (version.event_id, version.number, version.replaced_at) == (event.pk, 1, at(300))
    assert (version.actor, version.actor_name, version.reason) == (actor, "sam", "it moved")
    assert version.plan["title"] == "Game night"
    assert version.results == {
        str(first.user_id): {
            "seconds": 3600.5,
            "credited_seconds": 60.0,
            "share": 0.5,
            "is_qualified": True,
            "reasons": [],
        },
        str(second.user_id): {
            "seconds": 10.0,
            "credited_seconds": 0.0,
            "share": None,
            "is_qualified": False,
            "reasons": ["too_short", "full"],
        },
    }
    assert (entry.actor, entry.reason, entry.target_id) == (actor, "it moved", str(event.pk))
    assert entry.before == {
        "title": "Game night",
        "starts_at": at(60).isoformat(),
        "capacity": None,
        "state": "scheduled",
    }
    assert entry.after == {
        "title": "Quiz",
        "starts_at": at(90).isoformat(),
        "capacity": 5,
        "state": "ended",
    }
    assert noted() == [event.pk]


def test_a_change_that_changes_nothing_leaves_no_trace(guild: Guild, actor: User) -> None:
    roles = frozenset({make_role(guild).pk, make_role(guild).pk})
    event = make_event(guild, any_role_ids=roles)
    noted()

    returned = change(event, actor, now=at(90), title=" Game night ")

    event.refresh_from_db()
    assert returned == event
    assert (event.version, event.state) == (1, EventState.SCHEDULED)
    assert not EventVersion.objects.exists()
    assert not AuditEntry.objects.exclude(action="event.create").exists()
    assert noted() == []


def test_a_change_of_discords_has_no_actor(guild: Guild) -> None:
    event = make_event(guild)

    change(event, None, title="Quiz")

    version = EventVersion.objects.get()
    assert (version.actor, version.actor_name) == (None, "")
    assert AuditEntry.objects.get(action="event.change").actor is None


@pytest.mark.parametrize(
    ("was", "starts", "ends", "becomes"),
    [
        (90, 120, 180, EventState.SCHEDULED),  # live, and moved into the future
        (300, 360, 420, EventState.SCHEDULED),  # over, and moved into the future
        (300, 60, 360, EventState.LIVE),  # over, and extended
        (90, 30, 60, EventState.ENDED),  # live, and moved into the past
    ],
)
def test_a_window_that_moves_takes_the_state_along(
    guild: Guild, actor: User, was: float, starts: float, ends: float, becomes: EventState
) -> None:
    event = make_event(guild, now=at(was))

    change(event, actor, now=at(was), starts_at=at(starts), ends_at=at(ends))

    event.refresh_from_db()
    assert event.state == becomes


def test_each_change_is_a_version_of_its_own(guild: Guild, actor: User) -> None:
    event = make_event(guild)

    for title in ("Quiz", "Cinema"):
        event = change(event, actor, title=title)

    versions = EventVersion.objects.order_by("number")
    assert event.version == 3
    assert [(row.number, row.plan["title"]) for row in versions] == [
        (1, "Game night"),
        (2, "Quiz"),
    ]


def test_a_role_that_was_deleted_since_keeps_nothing_else_from_changing(
    guild: Guild, actor: User
) -> None:
    role, other = make_role(guild), make_role(guild)
    event = make_event(guild, any_role_ids=frozenset({role.pk}), reward_role=role.pk)
    type(role).objects.update(gone_at=NOW)

    change(event, actor, title="Quiz")

    event.refresh_from_db()
    assert event.title == "Quiz"
    assert refused(lambda: change(event, actor, any_role_ids=frozenset({other.pk}))) == [
        ("any_role_ids", "unknown_role")
    ]


def test_what_discord_decides_is_refused_to_staff_and_not_to_discord(
    guild: Guild, actor: User
) -> None:
    event = create_event(make_plan(), guild_id=guild.pk, actor=None, now=NOW, discord_event_id=77)
    theirs: dict[str, Any] = {
        "title": "Quiz",
        "description": "With prizes",
        "starts_at": at(61),
        "ends_at": at(181),
    }

    problems = refused(lambda: change(event, actor, **theirs))
    change(event, actor, capacity=5, time_zone="UTC")
    change(Event.objects.get(), None, **theirs)

    assert problems == [(name, "from_discord") for name in theirs]
    assert plan_of(Event.objects.get()) == make_plan(**theirs, capacity=5, time_zone="UTC")


@pytest.mark.parametrize(
    ("reason", "code"), [("x" * 1001, "too_long"), ("\0", "not_text"), ("\ud800", "not_text")]
)
def test_a_reason_that_cannot_be_kept_is_refused(
    guild: Guild, actor: User, reason: str, code: str
) -> None:
    event = make_event(guild)
    plan = make_plan(title="Quiz")

    calls: list[Callable[[], object]] = [
        lambda: change_event(event.pk, plan, actor=actor, reason=reason, now=NOW),
        lambda: cancel_event(event.pk, actor=actor, reason=reason, now=NOW),
    ]
    for call in calls:
        assert refused(call) == [("reason", code)]
    assert not EventVersion.objects.exists()


def test_a_change_with_problems_changes_nothing(guild: Guild, actor: User) -> None:
    event = make_event(guild)
    noted()

    problems = refused(lambda: change(event, actor, ends_at=at(0)))

    event.refresh_from_db()
    assert problems == [("ends_at", "not_after_start")]
    assert (event.ends_at, event.version) == (at(180), 1)
    assert not EventVersion.objects.exists()
    assert noted() == []


def test_an_event_that_is_not_there_cannot_be_changed(actor: User) -> None:
    calls: list[Callable[[], object]] = [
        lambda: change_event(uuid4(), make_plan(), actor=actor, reason="", now=NOW),
        lambda: cancel_event(uuid4(), actor=actor, reason="", now=NOW),
        lambda: publish_draft(uuid4(), actor=actor, now=NOW),
    ]
    for call in calls:
        with pytest.raises(NoSuchEventError):
            call()


def test_an_event_that_discord_holds_elsewhere_counts_no_channel_until_staff_choose(
    guild: Guild, actor: User
) -> None:
    event = make_event(guild)
    Event.objects.filter(pk=event.pk).update(is_from_discord=True, counted_channel_ids=[])
    event.refresh_from_db()

    changed = change_event(
        event.pk, replace(plan_of(event), capacity=3), actor=actor, reason="full", now=NOW
    )

    assert changed.capacity == 3
    assert changed.counted_channel_ids == []
