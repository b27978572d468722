from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from community.models import AuditEntry, Channel, Role
from events_app.models import Event, EventState, EventVersion
from events_app.services.planning import (
    cancel_event,
    change_event,
    create_event,
    publish_draft,
    undo,
)
from events_app.services.planning_errors import (
    ChangedMeanwhileError,
    NoSuchEventError,
    NoSuchVersionError,
    PlanError,
)
from events_app.services.revisions import plan_of
from events_app.services.series import change_from_here, create_series
from tests.events_app.planned import (
    make_category,
    make_event,
    make_participation,
    make_plan,
    make_role,
    noted,
)
from tests.factories import NOW, at, make_channel

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from community.models import Guild

pytestmark = pytest.mark.django_db


def change(event: Event, actor: User | None, *, now: Any = NOW, **fields: Any) -> Event:
    return change_event(
        event.pk, replace(plan_of(event), **fields), actor=actor, reason="", now=now
    )


def take_back(event: Event, actor: User | None, *, version: int, now: Any = NOW) -> Event:
    return undo(event.pk, version=version, actor=actor, reason=" by mistake ", now=now)


def test_undo_restores_the_plan_as_a_version_of_its_own(guild: Guild, actor: User) -> None:
    role = make_role(guild)
    event = make_event(guild, now=at(200), any_role_ids=frozenset({role.pk}))
    before = plan_of(event)
    change(event, actor, now=at(200), title="Quiz", any_role_ids=frozenset(), starts_at=at(300),
           ends_at=at(400))  # fmt: skip
    row = make_participation(event, seconds=5.0)
    noted()

    take_back(event, actor, version=1, now=at(210))

    event.refresh_from_db()
    version = EventVersion.objects.get(number=2)
    entry = AuditEntry.objects.get(action="event.undo")
    assert plan_of(event) == before
    assert (event.version, event.state) == (3, EventState.ENDED)
    assert (version.plan["title"], set(version.results)) == ("Quiz", {str(row.user_id)})
    assert (version.reason, entry.reason, entry.actor) == ("by mistake", "by mistake", actor)
    assert entry.after["title"] == "Game night"
    assert noted() == [event.pk]


def test_undoing_can_be_undone(guild: Guild, actor: User) -> None:
    event = make_event(guild)
    event = change(event, actor, title="Quiz")
    take_back(event, actor, version=1)

    take_back(event, actor, version=2)

    event.refresh_from_db()
    assert (event.title, event.version) == ("Quiz", 4)


def test_undo_of_what_is_so_already_leaves_no_trace(guild: Guild, actor: User) -> None:
    event = make_event(guild)
    change(event, actor, title="Quiz")
    take_back(event, actor, version=1)
    noted()

    take_back(event, actor, version=1)

    event.refresh_from_db()
    assert event.version == 3
    assert AuditEntry.objects.filter(action="event.undo").count() == 1
    assert noted() == []


def test_cancelling_can_be_undone(guild: Guild, actor: User) -> None:
    event = make_event(guild)
    cancel_event(event.pk, actor=actor, reason="", now=NOW)

    take_back(event, actor, version=1, now=at(90))

    event.refresh_from_db()
    assert event.state == EventState.LIVE


def test_publishing_can_be_undone(guild: Guild, actor: User) -> None:
    event = create_event(make_plan(), guild_id=guild.pk, actor=actor, now=NOW, as_draft=True)
    publish_draft(event.pk, actor=actor, now=NOW)

    take_back(event, actor, version=1)

    event.refresh_from_db()
    assert event.state == EventState.DRAFT


@pytest.mark.parametrize("version", [0, 2, 3])
def test_there_is_nothing_to_undo_but_earlier_versions(
    guild: Guild, actor: User, version: int
) -> None:
    event, other = make_event(guild), make_event(guild)
    change(event, actor, title="Quiz")
    change(change(change(other, actor, title="A"), actor, title="B"), actor, title="C")

    with pytest.raises(NoSuchVersionError, match=f"no earlier version {version}"):
        take_back(event, actor, version=version)


def test_undo_of_no_event_or_of_another_version_than_seen_is_refused(
    guild: Guild, actor: User
) -> None:
    event = make_event(guild)
    change(event, actor, title="Quiz")

    with pytest.raises(ChangedMeanwhileError):
        undo(event.pk, version=1, actor=actor, reason="", now=NOW, expected_version=1)
    with pytest.raises(PlanError):
        undo(event.pk, version=1, actor=actor, reason="\0", now=NOW)
    event.delete()
    with pytest.raises(NoSuchEventError):
        take_back(event, actor, version=1)


def test_undo_brings_back_a_role_that_was_deleted_since(guild: Guild, actor: User) -> None:
    role = make_role(guild)
    event = make_event(guild, any_role_ids=frozenset({role.pk}))
    change(event, actor, any_role_ids=frozenset())
    Role.objects.update(gone_at=NOW)

    take_back(event, actor, version=1)

    event.refresh_from_db()
    assert event.any_role_ids == [role.pk]


def test_staff_restore_of_an_event_from_discord_all_but_what_discord_decides(
    guild: Guild, actor: User
) -> None:
    event = create_event(make_plan(), guild_id=guild.pk, actor=None, now=NOW, discord_event_id=7)
    event = change(event, actor, capacity=5)
    change(event, None, title="Quiz", starts_at=at(30))

    take_back(event, actor, version=1)

    event.refresh_from_db()
    assert plan_of(event) == make_plan(title="Quiz", starts_at=at(30))


# The channels that counted ----------------------------------------------------------------


def test_undo_after_the_end_brings_back_the_very_channels(guild: Guild, actor: User) -> None:
    lounge, other = make_category(guild), make_channel(guild, "Other")
    room = make_channel(guild, "Room", parent=lounge)
    event = make_event(guild, channel_ids=frozenset({lounge.pk}))
    Channel.objects.filter(pk=room.pk).update(parent=None)
    make_channel(guild, "Later", parent=lounge)
    change(event, actor, now=at(200), channel_ids=frozenset({other.pk}))

    take_back(event, actor, version=1, now=at(210))

    event.refresh_from_db()
    assert event.counted_channel_ids == [room.pk]


def test_undo_of_a_change_before_the_end_finds_what_came_since_too(
    guild: Guild, actor: User
) -> None:
    lounge, other = make_category(guild), make_channel(guild, "Other")
    room = make_channel(guild, "Room", parent=lounge)
    event = make_event(guild, channel_ids=frozenset({lounge.pk}))
    change(event, actor, now=at(90), channel_ids=frozenset({other.pk}))
    Channel.objects.filter(pk=room.pk).update(parent=None)
    later = make_channel(guild, "Later", parent=lounge)

    take_back(event, actor, version=1, now=at(210))

    event.refresh_from_db()
    assert event.counted_channel_ids == [room.pk, later.pk]


# In a series ------------------------------------------------------------------------------


def test_an_event_that_is_again_as_its_series_is_no_longer_apart(guild: Guild, actor: User) -> None:
    create_series(make_plan(), "FREQ=WEEKLY;COUNT=2", guild_id=guild.pk, actor=actor, now=NOW)
    event = Event.objects.order_by("starts_at")[1]
    changed = change(event, actor, title="Quiz")
    assert changed.is_apart

    take_back(event, actor, version=1)

    event.refresh_from_db()
    assert (event.title, event.is_apart) == ("Game night", False)


def test_an_event_that_is_again_as_its_series_was_is_apart(guild: Guild, actor: User) -> None:
    create_series(make_plan(), "FREQ=WEEKLY;COUNT=2", guild_id=guild.pk, actor=actor, now=NOW)
    first, second = Event.objects.order_by("starts_at")
    change_from_here(
        first.pk,
        make_plan(title="Quiz"),
        "FREQ=WEEKLY;COUNT=2",
        actor=actor,
        reason="",
        now=NOW,
    )

    take_back(second, actor, version=1)

    second.refresh_from_db()
    assert (second.title, second.is_apart) == ("Game night", True)
