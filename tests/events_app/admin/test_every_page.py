"""Every page of events, opened and posted to by everyone who might."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from community.models import OutboxItem
from events_app.models import (
    Credit,
    Dispute,
    Event,
    EventSeries,
    EventState,
    Participation,
    Reward,
)
from events_app.services.series import create_series
from tests.events_app.admin.evenings import changed, make_evening, organizer, page, pages_of
from tests.events_app.planned import make_event, make_plan
from tests.factories import NOW, give, make_guild, make_user, make_viewer
from tests.pages import HTML, as_

if TYPE_CHECKING:
    from community.models import Guild

pytestmark = pytest.mark.django_db

LISTS = ["event", "eventseries", "participation", "dispute", "reward"]


@pytest.fixture
def guild() -> Guild:
    return make_guild("Hidden Harbour", time_zone="Europe/Berlin")


@pytest.fixture
def event(guild: Guild) -> Event:
    return changed(make_evening(guild, title="Harbour night"), minimum_seconds=60)


def make_series(guild: Guild, title: str = "Saturdays") -> EventSeries:
    plan = make_plan(title=title)
    return create_series(plan, "FREQ=WEEKLY;COUNT=3", guild_id=guild.pk, actor=None, now=NOW)


def state_of_all() -> tuple[object, ...]:
    """Gives what no refused request may change."""
    return (
        list(Event.objects.order_by("pk").values_list("pk", "state", "version")),
        Credit.objects.filter(withdrawn_at=None).count(),
        list(Dispute.objects.values_list("state", flat=True)),
        list(Reward.objects.values_list("state", "item")),
        OutboxItem.objects.count(),
    )


def acted(client: Client) -> list[int]:
    """Posts each of the list's actions on all rewards; gives how they were answered."""
    chosen = [str(pk) for pk in Reward.objects.values_list("pk", flat=True)]
    return [
        client.post(
            page("reward_changelist"), {"action": action, "_selected_action": chosen}
        ).status_code
        for action in ("take_back", "try_again")
    ]


def chosen() -> dict[str, object]:
    """Gives what the forms of rewards would send, of everyone."""
    rewards = Reward.objects.values_list("pk", "user_id")
    return POSTED | {"chosen": [str(key) for row in rewards for key in row]}


POSTED = {
    "reason": "x",
    "answer": "x",
    "decision": "accept",
    "seconds": "5",
    "_save": "1",
    "expected_version": "2",
}


@pytest.mark.parametrize("who", ["anonymous", "member", "staff without permissions"])
def test_nothing_opens_for_those_who_may_see_nothing(who: str, guild: Guild, event: Event) -> None:
    client = Client()
    if who != "anonymous":
        user = make_user("someone", is_staff=who.startswith("staff"))
        client.force_login(give(user, guild=guild))
    dispute, series = Dispute.objects.get(), make_series(guild)
    urls = [
        *pages_of(event),
        *(page(f"{name}_changelist") for name in LISTS),
        page("event_add"),
        page("event_history", event.pk),
        page("event_delete", event.pk),
        page("dispute_change", dispute.pk),
        page("eventseries_change", series.pk),
        page("eventseries_cancel", series.pk),
        page("participation_change", Participation.objects.get().pk),
        page("reward_change", Reward.objects.get().pk),
    ]
    before = state_of_all()

    acted(client)
    for url in urls:
        for response in (client.get(url), client.post(url, chosen())):
            assert response.status_code in {302, 403}, url
            assert response.status_code == 403 or "login" in response["Location"], url
    assert state_of_all() == before


def test_an_organizer_of_another_guild_finds_none_of_it(guild: Guild, event: Event) -> None:
    client = as_(organizer(make_guild("Elsewhere"), "other"))
    dispute, series = Dispute.objects.get(), make_series(guild)
    before = state_of_all()

    for url in [*pages_of(event), page("dispute_change", dispute.pk)]:
        assert client.get(url).status_code == 404, url
        assert client.post(url, chosen()).status_code == 404, url
    acted(client)
    for url in (
        page("reward_change", Reward.objects.get().pk),
        page("eventseries_cancel", series.pk),
        page("eventseries_change", series.pk),
        page("participation_change", Participation.objects.get().pk),
    ):
        assert client.post(url, POSTED).status_code in {302, 403, 404}, url
    for name in LISTS:
        for asked in ({}, {"q": "Harbour"}, {"guild": str(guild.pk)}, {"event": str(event.pk)}):
            listed = client.get(page(f"{name}_changelist"), asked)
            assert b"Hidden Harbour" not in listed.content, name
            assert b"Harbour night" not in listed.content, name
    assert client.get(page("event_add"), {"guild": guild.pk}).context["form"].errors
    assert state_of_all() == before


def test_staff_who_may_only_look_change_nothing(guild: Guild, event: Event) -> None:
    client = as_(make_viewer("viewer", guild))
    dispute, series = Dispute.objects.get(), make_series(guild)
    before = state_of_all()

    for url, needed in pages_of(event).items():
        allowed = needed == "view"
        assert client.get(url).status_code == (200 if allowed else 403), url
        if not allowed:
            assert client.post(url, chosen()).status_code == 403, url
    acted(client)
    assert client.get(page("dispute_change", dispute.pk)).status_code == 200
    assert client.post(page("dispute_change", dispute.pk), POSTED).status_code == 403
    for url in (page("event_add"), page("eventseries_cancel", series.pk)):
        assert client.get(url).status_code == 403, url
        assert client.post(url, POSTED).status_code == 403, url
    assert state_of_all() == before


def test_who_looks_only_is_offered_no_button(guild: Guild, event: Event) -> None:
    user_id = Participation.objects.get().user_id
    dispute = Dispute.objects.get()
    soon = timezone.now() + timedelta(hours=1)
    announced = make_event(guild, starts_at=soon, ends_at=soon + timedelta(hours=1))
    Event.objects.filter(pk=announced.pk).update(discord_event_id=7)
    urls = [
        page("event_change", event.pk),
        page("event_member", event.pk, user_id),
        page("event_gaps", event.pk),
        page("event_versions", event.pk),
        page("event_rewards", event.pk),
        page("dispute_change", dispute.pk),
        page("event_change", announced.pk),
        page("reward_changelist"),
    ]
    changes = ("/edit/", "/repeat/", "/cancel/", "/undo/", "/announce/", "/unannounce/")
    corrections = ("/credit/", "/withdraw/", "Make it good", "Answer<")
    offers = (*changes, *corrections, "/take-back/", "/retry/", "take_back", "try_again")

    def offered(client: Client) -> set[str]:
        shown = "".join(client.get(url).content.decode() for url in urls)
        return {words for words in offers if words in shown}

    assert offered(as_(make_viewer("viewer", guild))) == set()
    assert offered(as_(organizer(guild))) == set(offers)


def test_every_page_opens_for_an_organizer(guild: Guild, event: Event) -> None:
    client = as_(organizer(guild))
    series = make_series(guild)

    for url in pages_of(event):
        assert client.get(url).status_code == 200, url
    for name in LISTS:
        assert client.get(page(f"{name}_changelist")).status_code == 200, name
    assert client.get(page("event_add")).status_code == 200
    assert client.get(page("event_history", event.pk)).status_code == 200
    assert client.get(page("eventseries_change", series.pk)).status_code == 200
    assert client.get(page("eventseries_cancel", series.pk)).status_code == 200
    why = client.get(page("participation_change", Participation.objects.get().pk))
    its = client.get(page("reward_change", Reward.objects.get().pk))
    assert its["Location"] == page("event_rewards", event.pk)
    assert why["Location"] == page("event_member", event.pk, Participation.objects.get().user_id)


def test_names_and_titles_are_text_on_every_page() -> None:
    guild = make_guild(HTML)
    event = make_evening(guild, title=HTML, name=HTML, description=HTML)
    event = changed(event, title=f"{HTML}!", minimum_seconds=60)
    make_series(guild, HTML)
    client = as_(organizer(guild))
    urls = [url for url in pages_of(event) if not url.endswith((".csv", ".json"))]
    urls += [page(f"{name}_changelist") for name in LISTS]
    urls.append(page("dispute_change", Dispute.objects.get().pk))

    for url in urls:
        shown = client.get(url).content
        assert b"<script>alert" not in shown, url
        assert b"&lt;script&gt;" in shown, url


@pytest.mark.parametrize("name", LISTS)
def test_a_list_takes_as_many_queries_for_three_rows_as_for_one(name: str) -> None:
    client = as_(make_user("root", is_staff=True, is_superuser=True))

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page(f"{name}_changelist")).status_code == 200
        return len(captured)

    guild = make_guild("One")
    make_evening(guild)
    make_series(guild)
    queries()
    with_one = queries()
    for number in range(3):
        more = make_guild(f"More {number}")
        make_evening(more, members=2)
        make_series(more)

    assert queries() == with_one


@pytest.mark.parametrize(
    "name", ["change", "board", "timeline", "gaps", "versions", "rewards", "give", "take_back"]
)
def test_a_page_takes_as_many_queries_for_many_members_as_for_one(name: str, guild: Guild) -> None:
    client = as_(organizer(guild))
    few, many = make_evening(guild), make_evening(guild, members=4)
    for _ in range(2):
        many = changed(many, title=f"{many.title}!")
    few = changed(few, title=f"{few.title}!")
    client.get(page(f"event_{name}", few.pk))

    counts = []
    for event in (few, many):
        with CaptureQueriesContext(connection) as captured:
            client.get(page(f"event_{name}", event.pk))
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_even_a_superuser_deletes_no_event(event: Event) -> None:
    client = as_(make_user("root", is_staff=True, is_superuser=True))

    assert client.post(page("event_delete", event.pk), {"post": "yes"}).status_code == 403
    client.post(
        page("event_changelist"),
        {"action": "delete_selected", "_selected_action": str(event.pk), "post": "yes"},
    )
    assert Event.objects.filter(pk=event.pk).exists()


@pytest.mark.usefixtures("event")
def test_events_stand_on_the_pages_of_guilds_and_members_and_in_the_sidebar(
    guild: Guild,
) -> None:
    client = as_(organizer(guild))
    member = Participation.objects.select_related("member").get().member
    assert member is not None

    of_guild = client.get(reverse("admin:community_guild_change", args=[guild.pk])).content
    of_member = client.get(reverse("admin:community_member_change", args=[member.pk])).content

    assert f"{page('event_changelist')}?guild={guild.pk}".encode() in of_guild
    assert f"{page('participation_changelist')}?member={member.pk}".encode() in of_member
    assert f'href="{page("event_changelist")}"'.encode() in of_guild
    by_member = client.get(page("participation_changelist"), {"member": member.pk})
    assert by_member.context["cl"].result_count == 1


def test_the_list_counts_and_filters(guild: Guild, event: Event) -> None:
    client = as_(organizer(guild))
    series = make_series(guild)
    url = page("event_changelist")

    def titles(**asked: str) -> list[str]:
        found = client.get(url, asked).context["cl"].result_list
        return [one.title for one in found]

    (row,) = [one for one in client.get(url).context["cl"].result_list if one.pk == event.pk]
    assert (row.participants_count, row.qualified_count) == (1, 1)
    assert titles(series=str(series.pk)) == ["Saturdays"] * 3
    assert titles(state__exact=EventState.ENDED) == ["Harbour night"]
    assert titles(q="harbour") == ["Harbour night"]
    assert titles(q=str(event.pk)) == ["Harbour night"]


@pytest.mark.parametrize("user_id", [7, 2**63, 10**30])
def test_a_member_whom_nobody_knows_has_no_page(user_id: int, guild: Guild, event: Event) -> None:
    client = as_(organizer(guild))

    assert client.get(page("event_member", event.pk, user_id)).status_code == 404
