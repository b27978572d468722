"""Every page of rooms, opened and posted to by everyone who might."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from botrunner.models import Hub, QuarantinedChannel, Room, RoomRules, RoomStep
from community.models import AuditEntry, ChannelKind, OutboxItem
from tests.botrunner.admin.rooms import (
    keeper,
    lay_room,
    make_hub_of,
    make_story,
    make_suspect,
    page,
    pages_of,
)
from tests.factories import give, make_channel, make_guild, make_member, make_user, make_viewer
from tests.pages import HTML, as_

if TYPE_CHECKING:
    from community.models import Guild

pytestmark = pytest.mark.django_db

LISTS = ["room", "hub", "quarantinedchannel"]
POSTED = {
    "reason": "x",
    "name_template": "{user}",
    "most_rooms": "9",
    "grace_seconds": "0",
    "owner_id": "1",
    "_save": "1",
}


@pytest.fixture
def guild() -> Guild:
    return make_guild("Hidden Harbour", time_zone="Europe/Berlin")


def everything(guild: Guild) -> dict[str, tuple[str, str]]:
    """Makes a record of each kind, and names every page."""
    return pages_of(
        guild_id=guild.pk,
        room_id=make_story(guild).pk,
        item_id=make_suspect(guild).pk,
        hub_id=make_hub_of(guild).pk,
    )


def state_of_all() -> tuple[object, ...]:
    """Gives what no refused request may change."""
    return (
        list(Room.objects.order_by("pk").values_list("pk", "state", "next_try_at")),
        list(Hub.objects.values()),
        list(QuarantinedChannel.objects.values_list("state", flat=True)),
        list(RoomRules.objects.values()),
        RoomStep.objects.count(),
        AuditEntry.objects.count(),
        OutboxItem.objects.count(),
    )


@pytest.mark.parametrize("who", ["anonymous", "member", "staff without permissions"])
def test_nothing_opens_for_those_who_may_see_nothing(who: str, guild: Guild) -> None:
    client = Client()
    if who != "anonymous":
        user = make_user("someone", is_staff=who.startswith("staff"))
        client.force_login(give(user, guild=guild))
    pages = everything(guild)
    before = state_of_all()

    for url, _ in pages.values():
        for response in (client.get(url), client.post(url, POSTED)):
            assert response.status_code in {302, 403}, url
            assert response.status_code == 403 or "login" in response["Location"], url
    assert state_of_all() == before


def test_staff_of_another_guild_find_none_of_it(guild: Guild) -> None:
    client = as_(keeper(make_guild("Elsewhere"), "other"))
    pages = everything(guild)
    before = state_of_all()

    for name, (url, _) in pages.items():
        if name.endswith("list") or name == "hub add":
            continue
        assert client.get(url).status_code == 404, url
        assert client.post(url, POSTED).status_code == 404, url
    for name in LISTS:
        for asked in ({}, {"q": "Voice"}, {"q": "Mira"}, {"guild": str(guild.pk)}):
            listed = client.get(page(f"{name}_changelist"), asked)
            assert list(listed.context["cl"].result_list) == [], name
            assert b"Hidden Harbour" not in listed.content, name
    added = f"{page('hub_add')}?guild={guild.pk}"
    assert client.get(added).context["form"].errors
    assert client.post(added, POSTED).context["form"].errors
    assert state_of_all() == before


def test_staff_who_may_only_look_change_nothing(guild: Guild) -> None:
    client = as_(make_viewer("viewer", guild))
    pages = everything(guild)
    before = state_of_all()

    for url, needed in pages.values():
        allowed = needed == "view"
        assert client.get(url).status_code == (200 if allowed else 403), url
        if not allowed:
            assert client.post(url, POSTED).status_code == 403, url
    assert client.post(pages["hub"][0], POSTED).status_code == 403
    assert state_of_all() == before


@pytest.mark.parametrize(
    ("codename", "opens"),
    [
        ("close_room", {"close"}),
        ("change_roomrules", {"rules"}),
        ("change_room", set()),
        ("change_quarantinedchannel", set()),
    ],
)
def test_each_decision_takes_its_own_permission(
    codename: str, opens: set[str], guild: Guild
) -> None:
    client = as_(make_viewer("viewer", guild, codename))

    for url, needed in everything(guild).values():
        allowed = needed == "view" or needed in opens
        assert client.get(url).status_code == (200 if allowed else 403), url


def test_who_looks_only_is_offered_no_button(guild: Guild) -> None:
    pages = everything(guild)
    lay_room(guild)
    open_room = lay_room(guild)
    urls = [pages[name][0] for name in ("room", "guild", "hub", "quarantined", "hub list")]
    urls.append(page("room_change", open_room.pk))
    offers = ("/adopt/", "/let-go/", "/close/", "/remove/", "/rules/", "_save", "/add/")

    def offered(client: Client) -> set[str]:
        shown = "".join(client.get(url).content.decode() for url in urls)
        return {words for words in offers if words in shown}

    assert offered(as_(make_viewer("viewer", guild))) == set()
    assert offered(as_(keeper(guild))) == set(offers)


def test_a_guilds_page_leads_to_no_list_that_is_closed_to_the_account(guild: Guild) -> None:
    account = give(make_user("doorkeeper", is_staff=True), "view_room", guild=guild)

    shown = as_(account).get(page("guild_rooms", guild.pk)).content.decode()

    led_to = [name for name in LISTS if f"{page(f'{name}_changelist')}?guild=" in shown]
    assert led_to == ["room"]


def test_every_page_opens_for_those_who_may_do_all(guild: Guild) -> None:
    client = as_(keeper(guild))

    for url, _ in everything(guild).values():
        assert client.get(url).status_code == 200, url


def test_names_are_text_on_every_page() -> None:
    guild = make_guild(HTML)
    mira = make_member(guild, HTML)
    room = make_story(guild, owner_id=mira.user_id)
    Room.objects.filter(pk=room.pk).update(name=HTML, error_text=HTML)
    RoomStep.objects.update(reason=HTML)
    lay_room(guild, "queued", name=HTML, owner=mira)
    pages = pages_of(
        guild_id=guild.pk,
        room_id=room.pk,
        item_id=make_suspect(guild, name=HTML, why=HTML).pk,
        hub_id=make_hub_of(guild, HTML, name_template=HTML).pk,
    )
    client = as_(keeper(guild))

    for url, _ in pages.values():
        shown = client.get(url).content
        assert b"<script>alert" not in shown, url
        assert b"&lt;script&gt;" in shown, url


@pytest.mark.parametrize("name", LISTS)
def test_a_list_takes_as_many_queries_for_many_rows_as_for_one(name: str) -> None:
    client = as_(make_user("root", is_staff=True, is_superuser=True))

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page(f"{name}_changelist")).status_code == 200
        return len(captured)

    everything(make_guild("One"))
    queries()
    with_one = queries()
    for number in range(3):
        guild = make_guild(f"More {number}")
        everything(guild)
        for member in ("Mira", "Bo"):
            lay_room(guild, owner=make_member(guild, member), hub=make_hub_of(guild, member))

    assert queries() == with_one


@pytest.mark.parametrize("which", ["room", "guild"])
def test_a_page_takes_as_many_queries_for_many_rooms_as_for_one(which: str) -> None:
    client = as_(make_user("root", is_staff=True, is_superuser=True))
    counts = []
    for rooms in (1, 4):
        guild = make_guild(f"Of {rooms}")
        story = make_story(guild)
        for number in range(rooms):
            owner = make_member(guild, f"Bo {number}")
            lay_room(guild, "queued", owner=owner)
            lay_room(guild, "occupied", owner=make_member(guild, f"Jo {number}"))
            step = RoomStep.objects.filter(room=story).latest("pk")
            step.pk, step.actor_id_on_discord = None, owner.user_id
            step.save()
        urls = {"room": page("room_change", story.pk), "guild": page("guild_rooms", guild.pk)}
        client.get(urls[which])
        with CaptureQueriesContext(connection) as captured:
            assert client.get(urls[which]).status_code == 200
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_even_a_superuser_writes_no_row_by_hand(guild: Guild) -> None:
    client = as_(make_user("root", is_staff=True, is_superuser=True))
    pages = everything(guild)
    before = state_of_all()

    rows = (Room.objects.get(), Hub.objects.get(), QuarantinedChannel.objects.get())
    for name, row in zip(("room", "hub", "quarantinedchannel"), rows, strict=True):
        client.post(
            page(f"{name}_changelist"),
            {"action": "delete_selected", "_selected_action": str(row.pk), "post": "yes"},
        )
        deletion = client.post(page(f"{name}_delete", row.pk), {"post": "yes"})
        assert deletion.status_code == 403, name
    for name in ("room", "quarantinedchannel"):
        assert client.post(page(f"{name}_add"), POSTED).status_code == 403
    assert client.post(pages["room"][0], POSTED).status_code in {200, 403, 405}
    assert client.post(pages["quarantined"][0], POSTED).status_code in {200, 403, 405}
    assert state_of_all() == before


def test_pages_name_the_category_of_rooms_as_far_as_it_is_known(guild: Guild) -> None:
    client = as_(keeper(guild))
    category = make_channel(guild, "Back rooms", kind=ChannelKind.CATEGORY)
    RoomRules.objects.create(guild=guild, parent_id=category.pk)
    known = lay_room(guild, parent_id=category.pk)
    gone = lay_room(guild, parent_id=77)

    shown = [
        client.get(url).content.decode()
        for url in (page("room_change", known.pk), page("guild_rooms", guild.pk))
    ]

    assert ["Back rooms" in text for text in shown] == [True, True]
    assert "category 77" in client.get(page("room_change", gone.pk)).content.decode()


def test_rooms_stand_on_the_pages_of_guilds_and_members_and_in_the_sidebar(guild: Guild) -> None:
    client = as_(keeper(guild))
    mira = make_member(guild, "Mira")
    lay_room(guild, owner=mira)
    lay_room(guild, owner=make_member(guild, "Bo"))

    of_guild = client.get(reverse("admin:community_guild_change", args=[guild.pk])).content
    of_member = client.get(reverse("admin:community_member_change", args=[mira.pk])).content

    listed = page("room_changelist")
    assert f"{listed}?guild={guild.pk}".encode() in of_guild
    assert page("guild_rooms", guild.pk).encode() in of_guild
    assert f"{listed}?member={mira.pk}".encode() in of_member
    for name in LISTS:
        assert f'href="{page(f"{name}_changelist")}"'.encode() in of_guild
    by_member = client.get(listed, {"member": mira.pk}).context["cl"].result_list
    assert [room.owner_id for room in by_member] == [mira.user_id]


def test_the_front_page_counts_the_rooms_of_ones_guilds(guild: Guild) -> None:
    for state in ("waiting", "occupied", "queued", "quarantined", "closed"):
        lay_room(guild, state)
    make_suspect(guild)
    lay_room(make_guild("Elsewhere"), "waiting")

    shown = as_(keeper(guild)).get(reverse("admin:index")).content.decode()

    assert "4 live" in shown
    assert "1 of them waiting for the owner" in shown
    assert "1 of them in the queue" in shown
    assert "1 of them in quarantine" in shown
    assert "1 unproved channel to decide about" in shown
    blind = as_(give(make_user("blind", is_staff=True), "view_voicestate", guild=guild))
    assert "in quarantine" not in blind.get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize(("query", "shown"), [("", 50), ("?p=2", 3), ("?all=", 53)])
def test_the_list_of_rooms_shows_a_page_or_all(guild: Guild, query: str, shown: int) -> None:
    client = as_(keeper(guild))
    for number in range(53):
        lay_room(guild, "waiting" if number % 2 else "closed")

    response = client.get(page("room_changelist") + query)

    listed = [room.pk for room in response.context["cl"].result_list]
    assert len(set(listed)) == len(listed) == shown
