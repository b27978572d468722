"""Hubs and a guild's rules of rooms: how staff choose them, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from botrunner.domain.rooms.templates import problem_of
from botrunner.models import Hub, RoomRules, RoomState
from botrunner.services.rooms.choice_errors import OutOfBoundsError
from botrunner.services.rooms.choices import choose_rules
from botrunner.services.rooms.hub_choices import change_hub, make_hub
from community.domain.permissions import Permission
from community.models import AuditEntry, ChannelKind, OutboxItem, Overwrite, OverwriteTarget
from tests.botrunner.admin.rooms import keeper, lay_room, make_bot, make_hub_of, page
from tests.factories import NOW, make_channel, make_guild, make_user
from tests.pages import as_

if TYPE_CHECKING:
    from django.test import Client

    from community.models import Guild

pytestmark = pytest.mark.django_db

RULES = {
    "is_enabled": "on",
    "name_template": "Voice-{user}",
    "parent_id": "",
    "timeout_seconds": "",
    "grace_seconds": "0",
    "most_rooms": "1",
    "bot_joins": "on",
}


@pytest.fixture
def guild() -> Guild:
    return make_guild("Lantern House")


@pytest.fixture
def client(guild: Guild) -> Client:
    return as_(keeper(guild))


def hub_form(channel_id: object, **values: Any) -> dict[str, Any]:
    usual = {
        "channel_id": str(channel_id),
        "is_enabled": "on",
        "name_template": "{user}'s room",
        "parent_id": "",
        "user_limit": "",
        "bitrate": "",
        "grace_seconds": "0",
    }
    return usual | values


@pytest.mark.parametrize("template", ["{user}", "Room {number} of {user}", "Tavern", "x" * 100])
def test_a_template_may_name_the_user_and_the_number(template: str) -> None:
    assert problem_of(template) == ""


@pytest.mark.parametrize(
    "template", ["", "  ", "{guild}", "{}", "{user", "user}", "{{user}}", "{User}", "x" * 101]
)
def test_a_template_that_would_stand_for_nothing_is_refused(template: str) -> None:
    assert problem_of(template) != ""


def test_a_hub_is_made_and_the_bot_is_told(guild: Guild, client: Client) -> None:
    channel = make_channel(guild, "Join to create")
    category = make_channel(guild, "Lounge", kind=ChannelKind.CATEGORY)

    client.post(
        page("hub_add"),
        hub_form(channel.pk, parent_id=str(category.pk), user_limit="4", bitrate="64000"),
    )

    hub = Hub.objects.get()
    assert (hub.guild_id, hub.channel_id, hub.parent_id) == (guild.pk, channel.pk, category.pk)
    assert (hub.user_limit, hub.bitrate, hub.is_enabled) == (4, 64_000, True)
    assert OutboxItem.objects.get().kind == "guild.rules"
    assert AuditEntry.objects.get().action == "hub.make"


def test_a_hub_is_changed_and_removed_with_a_trail(guild: Guild, client: Client) -> None:
    hub = make_hub_of(guild)

    client.post(page("hub_change", hub.pk), hub_form(hub.channel_id, name_template="Tavern"))
    hub.refresh_from_db()
    client.post(page("hub_remove", hub.pk), {"reason": "not used"})

    assert hub.name_template == "Tavern"
    assert not Hub.objects.exists()
    actions = AuditEntry.objects.order_by("at").values_list("action", "reason")
    assert list(actions) == [("hub.change", ""), ("hub.remove", "not used")]
    assert OutboxItem.objects.count() == 2


def test_what_is_saved_unchanged_is_told_to_nobody(guild: Guild, client: Client) -> None:
    hub = make_hub_of(guild)

    told = [
        client.post(page("hub_change", hub.pk), hub_form(hub.channel_id), follow=True),
        client.post(page("guild_rules", guild.pk), RULES, follow=True),
    ]

    said = [str(each) for answer in told for each in answer.context["messages"]]
    assert said == ["Nothing was different: nothing was changed."] * 2
    assert not AuditEntry.objects.exists()
    assert not OutboxItem.objects.exists()
    assert not RoomRules.objects.exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name_template": "{guild}"}, "name_template"),
        ({"name_template": ""}, "name_template"),
        ({"user_limit": "100"}, "user_limit"),
        ({"user_limit": "-1"}, "user_limit"),
        ({"bitrate": "7999"}, "bitrate"),
        ({"bitrate": "384001"}, "bitrate"),
        ({"grace_seconds": "3601"}, "grace_seconds"),
        ({"grace_seconds": ""}, "grace_seconds"),
        ({"parent_id": "7"}, "parent_id"),
        ({"channel_id": ""}, "channel_id"),
        ({"channel_id": "7"}, "channel_id"),
    ],
)
def test_a_hub_that_cannot_be_is_refused_at_its_field(
    values: dict[str, str], field: str, guild: Guild, client: Client
) -> None:
    channel = make_channel(guild)

    answer = client.post(page("hub_add"), hub_form(channel.pk) | values)

    assert list(answer.context["form"].errors) == [field]
    assert not Hub.objects.exists()


def test_only_a_voice_channel_of_the_guild_that_is_no_room_may_be_a_hub(
    guild: Guild, client: Client
) -> None:
    room = lay_room(guild, "occupied", channel_id=make_channel(guild, "Voice-Mira").pk)
    afk = make_channel(guild, "Away")
    guild.afk_channel_id = afk.pk
    guild.save()
    taken = make_hub_of(guild)
    refused = {
        "room": room.channel_id,
        "text": make_channel(guild, kind=ChannelKind.TEXT).pk,
        "gone": make_channel(guild, gone_at=NOW).pk,
        "elsewhere": make_channel(make_guild("Elsewhere")).pk,
        "away": afk.pk,
        "hub": taken.channel_id,
    }

    for what, channel_id in refused.items():
        answer = client.post(page("hub_add"), hub_form(channel_id))
        assert list(answer.context["form"].errors) == ["channel_id"], what
    assert "already" in str(answer.context["form"].errors)
    assert Hub.objects.get() == taken


def test_two_who_make_the_same_hub_at_once_get_an_answer(
    guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = make_channel(guild)
    monkeypatch.setattr(
        "botrunner.services.rooms.hub_choices._check_channel",
        lambda hub: Hub.objects.create(
            guild_id=hub.guild_id, channel_id=hub.channel_id, created_at=NOW
        ),
    )

    answer = as_(keeper(guild)).post(page("hub_add"), hub_form(channel.pk))

    assert list(answer.context["form"].errors) == ["channel_id"]
    assert Hub.objects.count() == 1


def test_a_hub_whose_channel_is_gone_is_shown_and_can_be_changed(
    guild: Guild, client: Client
) -> None:
    hub = make_hub_of(guild)
    hub_id = hub.channel_id
    guild.channels.filter(pk=hub_id).update(gone_at=NOW)

    listed = client.get(page("hub_changelist")).content.decode()
    shown = client.get(page("hub_change", hub.pk)).content.decode()
    client.post(page("hub_change", hub.pk), hub_form(hub_id, grace_seconds="30"))

    assert "its channel is gone" in listed
    assert "choose another one, or remove the hub" in shown
    hub.refresh_from_db()
    assert (hub.channel_id, hub.grace_seconds) == (hub_id, 30)


def test_the_name_is_previewed_and_nothing_is_saved(guild: Guild, client: Client) -> None:
    channel = make_channel(guild)
    asked = hub_form(channel.pk, name_template="Den {number} of {user}", _preview="1")

    shown = client.post(page("hub_add"), asked).content.decode()

    assert "Den 1 of Mira" in shown
    assert "Den 2 of Mira" in shown
    assert not Hub.objects.exists()


def test_no_channel_is_proposed_as_a_hub(guild: Guild, client: Client) -> None:
    channel = make_channel(guild, "Tavern")

    offered = client.get(page("hub_add")).context["form"].fields["channel_id"].choices
    refused = client.post(page("hub_add"), hub_form("")).context["form"]

    assert offered == [("", "choose one"), (channel.pk, "Tavern")]
    assert list(refused.errors) == ["channel_id"]
    assert not Hub.objects.exists()


@pytest.mark.parametrize("name", ["guild_rules", "hub_change"])
def test_a_preview_names_what_the_bot_lacks_where_rooms_would_be_made(
    name: str, guild: Guild, client: Client
) -> None:
    make_bot(guild, int(Permission.MANAGE_CHANNELS))
    category = make_channel(guild, "Cellar", kind=ChannelKind.CATEGORY)
    everyone = {"channel": category, "target_id": guild.pk, "target_kind": OverwriteTarget.ROLE}
    Overwrite.objects.create(**everyone, deny=int(Permission.MANAGE_CHANNELS))
    hub = make_hub_of(guild)
    url = page(name, hub.pk if name == "hub_change" else guild.pk)
    asked = hub_form(hub.channel_id) if name == "hub_change" else RULES
    denied = "in the category Cellar denies Manage Channels"

    before = client.post(url, asked | {"_preview": "1"}).content.decode()
    after = client.post(url, asked | {"parent_id": category.pk, "_preview": "1"}).content.decode()

    assert (denied in before, denied in after) == (False, True)


def test_the_guild_is_asked_for_where_there_are_several(guild: Guild) -> None:
    make_guild("Elsewhere")
    client = as_(make_user("root", is_staff=True, is_superuser=True))

    first = client.get(page("hub_add"))
    second = client.get(page("hub_add"), {"guild": guild.pk})

    assert "guild" in first.context["form"].fields
    assert "channel_id" in second.context["form"].fields


def test_rules_are_chosen_with_a_trail_and_give_turns_at_once(guild: Guild, client: Client) -> None:
    lay_room(guild, "occupied")
    waiting = lay_room(guild, "queued")

    client.post(page("guild_rules", guild.pk), RULES | {"most_rooms": "2", "timeout_seconds": "90"})

    rules = RoomRules.objects.get()
    assert (rules.most_rooms, rules.timeout_seconds, rules.closes_at_shutdown) == (2, 90, False)
    waiting.refresh_from_db()
    assert waiting.state == RoomState.CREATING
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.before) == (
        "rooms.choose",
        {"most_rooms": 1, "timeout_seconds": None},
    )
    # How sessions are counted is not changed by it, so nothing is asked of the books.
    assert not OutboxItem.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("most_rooms", "0"),
        ("most_rooms", "51"),
        ("timeout_seconds", "4"),
        ("timeout_seconds", "3601"),
        ("grace_seconds", "-1"),
        ("name_template", "{owner}"),
        ("parent_id", "7"),
    ],
)
def test_rules_that_cannot_be_are_refused_at_their_field(
    field: str, value: str, guild: Guild, client: Client
) -> None:
    answer = client.post(page("guild_rules", guild.pk), RULES | {field: value})

    assert list(answer.context["form"].errors) == [field]
    assert not RoomRules.objects.exists()


def test_the_services_refuse_what_no_form_held_back(guild: Guild) -> None:
    user, hub = make_user(), make_hub_of(guild)

    with pytest.raises(OutOfBoundsError) as of_rules:
        choose_rules(guild.pk, {"most_rooms": 51}, actor=user, now=NOW)
    with pytest.raises(OutOfBoundsError) as of_hub:
        change_hub(hub.pk, {"bitrate": 1}, actor=user, now=NOW)
    with pytest.raises(OutOfBoundsError):
        make_hub(
            guild.pk,
            {"channel_id": make_channel(guild).pk, "user_limit": 100},
            actor=user,
            now=NOW,
        )

    assert of_rules.value.field == "most_rooms"
    assert str(of_hub.value) == "Between 8,000 and 384,000."
    assert Hub.objects.get().bitrate is None


@pytest.mark.parametrize("name", ["guild_rooms", "guild_rules", "hub_change"])
def test_what_the_bot_lacks_is_named_where_rooms_are_chosen(
    name: str, guild: Guild, client: Client
) -> None:
    url = page(name, make_hub_of(guild).pk if name == "hub_change" else guild.pk)

    unknown = client.get(url).content.decode()
    needed = Permission.MANAGE_CHANNELS | Permission.VIEW_CHANNEL | Permission.SPEAK
    make_bot(guild, int(needed | Permission.MOVE_MEMBERS))
    known = client.get(url).content.decode()

    assert "Which roles the bot holds here is not known yet" in unknown
    assert "Which roles the bot holds here is not known yet" not in known
    assert "allow it for the bot&#x27;s role Rollcall" in known
    assert "No role of the bot allows Connect in the guild" in known
    assert "No role of the bot allows View Audit Log in the guild" in known
    assert "allows Manage Channels" not in known
    assert known.count("no room without it") == 1
