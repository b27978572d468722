from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from botrunner.domain.rooms.happenings import CloseAsked, DeletionFailed, Extended
from botrunner.models import Hub, RoomKind
from botrunner.services.rooms.plans import overwrites_for, place_of
from botrunner.services.rooms.steps import tell
from community.domain.permissions import Permission
from community.models import ChannelKind, Overwrite, OverwriteTarget, Role, RoleSpan
from tests.botrunner.rooms.room_rows import make_room
from tests.factories import NOW, make_channel, make_guild, make_member, snowflake

if TYPE_CHECKING:
    from botrunner.models import Room
    from community.models import Guild

pytestmark = pytest.mark.django_db

BOT = 77


def make_hub_room(guild: Guild, *, gone: bool = False, **hub: Any) -> Room:
    category = make_channel(
        guild, "Rooms", kind=ChannelKind.CATEGORY, gone_at=NOW if gone else None
    )
    channel = make_channel(guild, "Join to create", parent=category, bitrate=96_000, user_limit=7)
    hub_row = Hub.objects.create(guild=guild, channel_id=channel.pk, created_at=NOW, **hub)
    return make_room(guild, make_channel(guild), kind=RoomKind.HUB, hub=hub_row)


def test_a_room_of_a_hub_is_as_the_hub_is() -> None:
    guild = make_guild()
    room = make_hub_room(guild)

    place = place_of(room)

    assert room.hub is not None
    assert (place.bitrate, place.user_limit, place.words) == (96_000, 7, "")
    assert place.parent_id is not None


def test_what_a_hub_says_of_its_rooms_goes_before_what_it_is() -> None:
    guild = make_guild()
    other = make_channel(guild, "Elsewhere", kind=ChannelKind.CATEGORY)
    room = make_hub_room(guild, bitrate=32_000, user_limit=0, parent_id=other.pk)

    place = place_of(room)

    assert (place.parent_id, place.bitrate, place.user_limit) == (other.pk, 32_000, 0)


def test_a_category_that_is_gone_is_done_without_and_said() -> None:
    guild = make_guild()
    room = make_hub_room(guild, gone=True)

    place = place_of(room)

    assert place.parent_id is None
    assert "is gone" in place.words


@pytest.mark.parametrize("gone", [False, True])
def test_whom_staff_shut_out_stays_shut_out(*, gone: bool) -> None:
    guild = make_guild()
    room = make_hub_room(guild, gone=gone)
    assert room.hub is not None
    role = snowflake()
    deny = int(Permission.CONNECT | Permission.SPEAK)
    category_id = place_of(room).parent_id
    for channel_id in {category_id or room.hub.channel_id, room.hub.channel_id}:
        Overwrite.objects.create(
            channel_id=channel_id, target_kind=OverwriteTarget.ROLE, target_id=role, deny=deny
        )

    overwrites = overwrites_for(room, parent_id=category_id, bot_id=BOT)

    [about_role] = [each for each in overwrites if each.target_id == role]
    # Outside of a category only who may come in is taken over from the hub.
    assert about_role.deny == (int(Permission.CONNECT) if gone else deny)


@pytest.mark.parametrize("kind", ["private", "hub"])
def test_a_room_takes_over_only_what_the_bot_may_set(kind: str) -> None:
    guild = make_guild()
    make_bot_member(guild, int(Permission.CONNECT | Permission.SPEAK | Permission.MANAGE_ROLES))
    room = make_hub_room(guild)
    room.kind = kind
    category_id, moderators = place_of(make_hub_room(guild)).parent_id, snowflake()
    assert category_id is not None
    Overwrite.objects.create(
        channel_id=category_id,
        target_kind=OverwriteTarget.ROLE,
        target_id=moderators,
        allow=int(Permission.MUTE_MEMBERS | Permission.SPEAK | Permission.MANAGE_ROLES),
        deny=int(Permission.DEAFEN_MEMBERS),
    )
    Overwrite.objects.create(
        channel_id=category_id,
        target_kind=OverwriteTarget.ROLE,
        target_id=guild.pk,
        deny=int(Permission.SPEAK | Permission.STREAM),
    )

    found = {
        each.target_id: (each.allow, each.deny)
        for each in overwrites_for(room, parent_id=category_id, bot_id=BOT)
    }

    speak, shut = int(Permission.SPEAK), int(Permission.VIEW_CHANNEL | Permission.CONNECT)
    if kind == "hub":
        assert found[moderators] == (speak, 0)
        assert found[guild.pk] == (0, speak)
    else:
        # Nobody is let in by the category, and nobody has to be shut out twice.
        assert moderators not in found
        assert found[guild.pk] == (0, speak | shut)


def make_bot_member(guild: Guild, permissions: int) -> None:
    bot = make_member(guild, "Rollcall", user_id=BOT, is_bot=True, roles_known_since=NOW)
    Role.objects.create(id=guild.pk, guild=guild, name="@everyone")
    role = Role.objects.create(id=snowflake(), guild=guild, name="Bot", permissions=permissions)
    RoleSpan.objects.create(guild=guild, role=role, user_id=bot.user_id, started_at=NOW)


def test_what_was_said_of_an_error_stays_as_long_as_the_error() -> None:
    guild = make_guild()
    room = make_room(guild, make_channel(guild), error="room.permissions", error_text="May not")

    waiting = tell(room.pk, Extended(timedelta(minutes=5)), at=NOW)
    tell(room.pk, CloseAsked("staff"), at=NOW)
    failed = tell(room.pk, DeletionFailed("x", is_refusal=False), at=NOW, words="Later")

    assert (waiting.error, waiting.error_text) == ("room.permissions", "May not")
    assert (failed.error, failed.error_text) == ("x", "Later")
