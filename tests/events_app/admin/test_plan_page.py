"""The page on which an event is planned: what it takes, refuses, previews and saves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from community.models import AuditEntry
from events_app.models import Event, EventSeries, EventState, EventVersion, Participation
from events_app.services.planning import create_event
from events_app.services.revisions import plan_of
from events_app.services.series import create_series
from tests.events_app.admin.evenings import changed, make_evening, organizer, page, save, sent
from tests.events_app.planned import berlin, make_category, make_plan, make_role
from tests.factories import make_channel, make_guild, make_user
from tests.pages import as_

if TYPE_CHECKING:
    from django.test import Client

    from community.models import Guild

pytestmark = pytest.mark.django_db

YEAR = timezone.now().year + 1


@pytest.fixture
def guild() -> Guild:
    return make_guild("Lantern House", time_zone="Europe/Berlin")


@pytest.fixture
def client(guild: Guild) -> Client:
    return as_(organizer(guild))


def new(client: Client, **fields: Any) -> dict[str, Any]:
    """Gives what is sent for a new event, an evening of next June."""
    given = {"title": "Game night", "starts_at": f"{YEAR}-06-05T20:00"}
    given["ends_at"] = f"{YEAR}-06-05T22:00"
    return sent(client, page("event_add")) | given | fields


def make_future(guild: Guild, **fields: Any) -> Event:
    starts_at = berlin(YEAR, 6, 5, 20)
    plan = make_plan(starts_at=starts_at, ends_at=starts_at + timedelta(hours=2), **fields)
    return create_event(plan, guild_id=guild.pk, actor=None, now=timezone.now())


def errors_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200
    return dict(response.context["form"].errors)


def test_an_event_is_made_as_it_was_entered(client: Client, guild: Guild) -> None:
    lounge = make_category(guild)
    channel, role = make_channel(guild, "Raid", parent=lounge), make_role(guild)
    data = new(
        client,
        channel_ids=[str(channel.pk)],
        any_role_ids=[str(role.pk)],
        minimum_seconds="90.5",
        minimum_share="33",
        late_grace_seconds="10",
        capacity="12",
        reward_role=str(role.pk),
        gap_policy="credit",
    )

    response = client.post(page("event_add"), data | {"_save": "1"})

    event = Event.objects.get()
    assert response["Location"] == page("event_change", event.pk)
    assert event.starts_at == berlin(YEAR, 6, 5, 20)
    assert event.ends_at == berlin(YEAR, 6, 5, 22)
    assert (event.channel_ids, event.any_role_ids) == ([channel.pk], [role.pk])
    assert (event.minimum_seconds, event.minimum_share) == (5430, 0.33)
    assert (event.late_grace_seconds, event.capacity, event.reward_role) == (600, 12, role.pk)
    assert (event.gap_policy, event.counts_muted, event.counts_afk) == ("credit", True, False)
    assert AuditEntry.objects.get(action="event.create").actor_name == "sam"


def test_channels_and_roles_of_the_guild_alone_are_offered(client: Client, guild: Guild) -> None:
    elsewhere = make_guild("Elsewhere")
    foreign, foreign_role = make_channel(elsewhere, "Theirs"), make_role(elsewhere, "Strangers")
    lounge = make_category(guild)
    ours = make_channel(guild, "Ours", parent=lounge)
    make_channel(guild, "Text", kind=0, parent=lounge)

    form = client.get(page("event_add")).context["form"]
    refused = client.post(
        page("event_add"),
        new(client, channel_ids=[str(foreign.pk)], no_role_ids=[str(foreign_role.pk)]),
    )

    assert form.fields["channel_ids"].choices == [
        ("Lounge", [(lounge.pk, "all of Lounge"), (ours.pk, "Ours")])
    ]
    assert set(errors_of(refused)) == {"channel_ids", "no_role_ids"}


def test_of_several_guilds_those_given_to_the_account_are_asked_for(guild: Guild) -> None:
    second, hidden = make_guild("Second"), make_guild("Hidden")
    user = organizer(guild)
    user.guild_access.create(guild=second)
    client = as_(user)

    asked = client.get(page("event_add"))
    chosen = client.get(page("event_add"), {"guild": second.pk})
    refused = client.get(page("event_add"), {"guild": hidden.pk})

    assert {row.pk for row in asked.context["form"].fields["guild"].queryset} == {
        guild.pk,
        second.pk,
    }
    assert chosen.context["guild"] == second
    assert "guild" in errors_of(refused)
    assert (
        as_(make_user("root", is_staff=True, is_superuser=True))
        .get(page("event_add"))
        .context["form"]
        .fields["guild"]
        .queryset.filter(pk=hidden.pk)
    )


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": "  "}, "title"),
        ({"title": "x" * 101}, "title"),
        ({"title": "Game\nnight"}, "title"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"starts_at": "tomorrow"}, "starts_at"),
        ({"starts_at": f"{YEAR}-06-05T20:00Z"}, "starts_at"),
        ({"starts_at": "0001-01-01T00:00"}, "starts_at"),
        ({"starts_at": "9999-12-31T23:59"}, "starts_at"),
        ({"ends_at": f"{YEAR}-06-05T19:00"}, "ends_at"),
        ({"ends_at": f"{YEAR}-07-05T19:00"}, "ends_at"),
        ({"minimum_seconds": "-1"}, "minimum_seconds"),
        ({"minimum_seconds": "121"}, "minimum_seconds"),
        ({"minimum_seconds": "1e300"}, "minimum_seconds"),
        ({"minimum_seconds": "nan"}, "minimum_seconds"),
        ({"minimum_share": "101"}, "minimum_share"),
        ({"late_grace_seconds": "99999"}, "late_grace_seconds"),
        ({"capacity": "0"}, "capacity"),
        ({"capacity": "99999999999"}, "capacity"),
        ({"gap_policy": "shrug"}, "gap_policy"),
        ({"rule": "FREQ=WEEKLY"}, "rule"),
        ({"rule": "every week"}, "rule"),
        ({"rule": "FREQ=WEEKLY;COUNT=2", "as_draft": "on"}, "as_draft"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(
    client: Client, fields: dict[str, str], field: str
) -> None:
    response = client.post(page("event_add"), new(client, **fields) | {"_save": "1"})

    assert field in errors_of(response)
    assert not Event.objects.exists()
    assert b"Nothing was saved" in response.content


def test_a_time_that_the_clock_never_shows_is_refused_at_its_field(client: Client) -> None:
    data = new(client, starts_at="2027-03-28T02:30", ends_at="2027-03-28T04:00")

    response = client.post(page("event_add"), data | {"_save": "1"})

    assert set(errors_of(response)) == {"starts_at"}
    assert "there is no 02:30 on 2027-03-28" in errors_of(response)["starts_at"][0]


def test_the_second_hour_of_a_night_stays_the_second_when_something_else_changes(
    client: Client, guild: Guild
) -> None:
    second = berlin(2027, 10, 31, 1) + timedelta(hours=2, seconds=7, microseconds=9)
    plan = make_plan(starts_at=second, ends_at=second + timedelta(hours=1))
    event = create_event(plan, guild_id=guild.pk, actor=None, now=timezone.now())
    url = page("event_edit", event.pk)
    data = sent(client, url)
    assert data["starts_at"] == "2027-10-31T02:00:07"

    client.post(url, data | {"title": "Night", "_save": "1"})

    event.refresh_from_db()
    assert (event.title, event.starts_at, event.ends_at) == ("Night", plan.starts_at, plan.ends_at)


def test_a_form_sent_back_as_it_came_changes_nothing(client: Client, guild: Guild) -> None:
    gone = make_role(guild, "Gone", gone_at=timezone.now())
    event = make_future(guild, minimum_share=1 / 3, minimum_seconds=61, late_grace_seconds=1)
    Event.objects.filter(pk=event.pk).update(no_role_ids=[gone.pk])
    event.refresh_from_db()
    url = page("event_edit", event.pk)
    before = plan_of(event)

    response = client.post(url, sent(client, url) | {"_save": "1"})

    event.refresh_from_db()
    assert response.status_code == 302
    assert (plan_of(event), event.version) == (before, 1)


def test_another_zone_tells_the_same_clock_elsewhere(client: Client, guild: Guild) -> None:
    event = make_future(guild)
    url = page("event_edit", event.pk)

    client.post(url, sent(client, url) | {"time_zone": "America/New_York", "_save": "1"})

    event.refresh_from_db()
    assert event.starts_at == berlin(YEAR, 6, 5, 20) + timedelta(hours=6)


def test_a_preview_says_who_would_flip_and_writes_nothing(client: Client, guild: Guild) -> None:
    event = make_evening(guild)
    url = page("event_edit", event.pk)
    data = sent(client, url) | {"minimum_seconds": "60"}

    shown = client.post(url, data | {"_preview": "1"})

    preview = shown.context["preview"]
    assert (preview.count, preview.qualified, preview.flip_count) == (1, 0, 1)
    (flip,) = preview.flips
    assert (flip.before, flip.after) == ("qualified", "not qualified")
    assert flip.reasons == "stayed for less than the minimum"
    assert "Mira 0" in flip.member
    event.refresh_from_db()
    assert (event.minimum_seconds, event.version) == (None, 1)
    assert not EventVersion.objects.exists()


def test_what_was_not_seen_in_a_preview_is_shown_before_it_is_saved(
    client: Client, guild: Guild
) -> None:
    event = make_evening(guild)
    url = page("event_edit", event.pk)
    data = sent(client, url) | {"minimum_seconds": "60", "reason": "fair so"}
    seen = client.post(url, data | {"_preview": "1"}).context["form"]["previewed"].value()

    unseen = client.post(url, data | {"_save": "1"})
    another = client.post(url, data | {"minimum_seconds": "70", "previewed": seen, "_save": "1"})
    event.refresh_from_db()
    assert unseen.context["preview"].flip_count == another.context["preview"].flip_count == 1
    assert event.version == 1

    saved = client.post(url, data | {"previewed": seen, "_save": "1"})
    event.refresh_from_db()
    assert saved["Location"] == page("event_change", event.pk)
    assert (event.minimum_seconds, event.version) == (3600, 2)
    assert EventVersion.objects.get().reason == "fair so"
    assert EventVersion.objects.get().actor_name == "sam"


def test_who_saves_what_somebody_else_changed_meanwhile_is_told(
    client: Client, guild: Guild
) -> None:
    event = make_future(guild)
    url = page("event_edit", event.pk)
    data = sent(client, url)
    changed(event, title="Theirs")

    response = client.post(url, data | {"title": "Mine", "_save": "1"})

    assert "Somebody changed the event meanwhile" in errors_of(response)["__all__"][0]
    event.refresh_from_db()
    assert event.title == "Theirs"


def test_what_discord_decides_is_not_edited_here(client: Client, guild: Guild) -> None:
    event = make_future(guild)
    Event.objects.filter(pk=event.pk).update(is_from_discord=True)
    url = page("event_edit", event.pk)
    data = sent(client, url) | {"title": "Mine", "time_zone": "UTC", "minimum_seconds": "10"}

    client.post(url, data | {"_save": "1"})

    before = event.starts_at
    event.refresh_from_db()
    assert (event.title, event.starts_at) == ("Game night", before)
    assert (event.time_zone, event.minimum_seconds) == ("UTC", 600)


def test_a_rule_makes_a_series_and_one_or_all_from_one_on_are_changed(client: Client) -> None:
    client.post(page("event_add"), new(client, rule="FREQ=WEEKLY;COUNT=4") | {"_save": "1"})
    first, second, third, fourth = EventSeries.objects.get().events.order_by("starts_at")

    url = page("event_edit", second.pk)
    alone = sent(client, url)
    assert (alone["scope"], alone["repeats"], alone["repeat_count"]) == ("alone", "weekly", 3)
    client.post(url, alone | {"title": "Alone", "_save": "1"})
    url = page("event_edit", third.pk)
    client.post(url, sent(client, url) | {"title": "On", "scope": "from_here", "_save": "1"})

    titles = [Event.objects.get(pk=one.pk).title for one in (first, second, third, fourth)]
    assert titles == ["Game night", "Alone", "On", "On"]


def test_a_wrong_rule_of_a_series_is_refused_at_its_field(client: Client, guild: Guild) -> None:
    plan = make_plan(starts_at=berlin(YEAR, 6, 5, 20), ends_at=berlin(YEAR, 6, 5, 22))
    series = create_series(
        plan, "FREQ=WEEKLY;COUNT=2", guild_id=guild.pk, actor=None, now=timezone.now()
    )
    url = page("event_edit", series.events.earliest("starts_at").pk)

    response = client.post(
        url, sent(client, url) | {"rule": "FREQ=NEVER", "scope": "from_here", "_save": "1"}
    )

    assert set(errors_of(response)) == {"rule"}


def test_a_draft_is_kept_published_and_an_event_cancelled_and_taken_back(
    client: Client,
) -> None:
    client.post(page("event_add"), new(client, as_draft="on") | {"_save": "1"})
    event = Event.objects.get()
    assert event.state == EventState.DRAFT

    client.post(page("event_publish", event.pk), {"expected_version": 1})
    event.refresh_from_db()
    assert event.state == EventState.SCHEDULED

    cancel = page("event_cancel", event.pk)
    without_reason = client.post(cancel, {"expected_version": event.version})
    assert "reason" in errors_of(without_reason)
    stale = client.post(cancel, {"expected_version": 0, "reason": "rain"})
    assert "meanwhile" in errors_of(stale)["__all__"][0]
    client.post(cancel, {"expected_version": event.version, "reason": "rain"})
    event.refresh_from_db()
    assert event.state == EventState.CANCELLED
    assert client.get(page("event_edit", event.pk)).status_code == 200

    last = EventVersion.objects.latest("number").number
    undo = page("event_undo", event.pk, last)
    client.post(undo, {"expected_version": event.version, "reason": "sun"})
    event.refresh_from_db()
    assert event.state == EventState.SCHEDULED
    assert AuditEntry.objects.get(action="event.undo").reason == "sun"


def test_versions_say_what_changed_in_words(client: Client, guild: Guild) -> None:
    role = make_role(guild, "Regulars")
    event = changed(make_evening(guild), minimum_seconds=600, any_role_ids=frozenset({role.pk}))

    (line,) = client.get(page("event_versions", event.pk)).context["lines"]

    told = {(one.what, one.before, one.after) for one in line.differences}
    assert told == {
        ("minimum stay", "none", "10 min"),
        ("any of the roles", "none", "Regulars"),
    }
    assert (line.who, line.reason) == ("Discord", "better so")
    assert (line.qualified, line.participants) == (1, 1)


def test_an_event_made_after_the_fact_is_previewed_first(client: Client, guild: Guild) -> None:
    past = make_evening(guild)
    plan = plan_of(past)
    local = [at.astimezone(past.zone) for at in (plan.starts_at, plan.ends_at)]
    data = new(client) | {
        "starts_at": f"{local[0]:%Y-%m-%dT%H:%M}",
        "ends_at": f"{local[1]:%Y-%m-%dT%H:%M}",
    }

    unseen = client.post(page("event_add"), data | {"_save": "1"})
    assert unseen.context["preview"].count == Participation.objects.count() == 1
    assert Event.objects.count() == 1

    save(client, page("event_add"), data)
    assert Event.objects.count() == 2
