from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botrunner.gateway import translate, translate_directory
from botrunner.gateway.payload import LARGEST_BIGINT, UnreadableError
from community.domain.directory import MemberRecord, OverwriteRecord
from sessions_app.domain.facts import (
    ChannelDeleted,
    LeaveExplained,
    VoiceFlags,
    VoicePresence,
)

if TYPE_CHECKING:
    from collections.abc import Callable

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
STATE = {
    "guild_id": "10",
    "channel_id": "20",
    "user_id": "30",
    "session_id": "ab",
    "deaf": False,
    "mute": True,
    "self_deaf": False,
    "self_mute": True,
    "self_stream": True,
    "self_video": False,
    "suppress": False,
    "request_to_speak_timestamp": "2026-11-20T11:59:00+00:00",
}
MEMBER = {
    "user": {"id": "30", "username": "sam", "global_name": None, "avatar": None},
    "nick": None,
    "avatar": None,
    "roles": ["10", "11", "12"],
    "joined_at": "2026-01-02T03:04:05.678000+00:00",
}


def test_a_voice_state_becomes_a_fact() -> None:
    fact = translate.voice_changed(STATE, guild_id=10, at=AT, uncertainty=1.5)

    assert (fact.guild_id, fact.at, fact.uncertainty) == (10, AT, 1.5)
    assert fact.presence == VoicePresence(
        user_id=30,
        channel_id=20,
        voice_session_id="ab",
        flags=VoiceFlags.MUTE | VoiceFlags.SELF_MUTE | VoiceFlags.SELF_STREAM,
        requested_to_speak_at=datetime(2026, 11, 20, 11, 59, tzinfo=UTC),
        is_bot=None,
    )


def test_a_voice_state_with_nearly_nothing_is_a_leave() -> None:
    fact = translate.voice_changed({"user_id": 30}, guild_id=10, at=AT, uncertainty=0)

    assert fact.presence == VoicePresence(user_id=30, channel_id=None)


@pytest.mark.parametrize(
    ("member", "wanted"),
    [
        (None, None),
        ({}, None),
        ({"user": None}, None),
        ({"user": {"id": "30"}}, False),
        ({"user": {"id": "30", "bot": True}}, True),
    ],
)
def test_a_members_payload_tells_whether_they_are_a_bot(member: Any, *, wanted: bool) -> None:
    fact = translate.voice_changed(STATE | {"member": member}, guild_id=10, at=AT, uncertainty=0)

    assert fact.presence.is_bot is wanted


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": None},
        {"user_id": "thirty"},
        {"user_id": True},
        {"user_id": "0"},
        {"user_id": -3},
        {"user_id": "9" * 30},
        {"user_id": "٣"},
        {"channel_id": [1]},
    ],
)
def test_a_voice_state_that_makes_no_sense_is_unreadable(change: dict[str, Any]) -> None:
    with pytest.raises(UnreadableError, match=next(iter(change))):
        translate.voice_changed(STATE | change, guild_id=10, at=AT, uncertainty=0)


@pytest.mark.parametrize("change", [{"session_id": 5}, {"request_to_speak_timestamp": "yesterday"}])
def test_who_is_where_is_not_lost_over_what_stands_beside_it(change: dict[str, Any]) -> None:
    fact = translate.voice_changed(STATE | change, guild_id=10, at=AT, uncertainty=0)

    assert str(fact.presence.channel_id) == STATE["channel_id"]


def test_a_guilds_voice_states_leave_out_who_is_nowhere_and_what_is_odd() -> None:
    presences = translate.voice_presences(
        {
            "members": [MEMBER, {"user": {"id": "31", "bot": True}}, None],
            "voice_states": [
                STATE,
                STATE | {"user_id": "31"},
                STATE | {"user_id": "32", "channel_id": None},
                {"channel_id": "20"},
                "odd",
            ],
        }
    )

    assert {user_id: found.is_bot for user_id, found in presences.by_user.items()} == {
        30: False,
        31: True,
    }
    assert presences.unreadable == 2


def test_only_a_voice_channels_deletion_concerns_voice() -> None:
    payload = {"id": "20", "guild_id": "10", "type": 2}

    assert translate.channel_deleted(payload, at=AT, uncertainty=0) == ChannelDeleted(10, 20, AT)
    assert translate.channel_deleted(payload | {"type": 0}, at=AT, uncertainty=0) is None


@pytest.mark.parametrize(
    ("action", "wanted"),
    [
        (20, LeaveExplained(10, 30, "kicked", AT)),
        (27, LeaveExplained(10, None, "disconnected", AT)),
        (26, None),
        (None, None),
    ],
)
def test_the_audit_log_explains_leaves(action: int | None, wanted: LeaveExplained | None) -> None:
    entry = {"guild_id": "10", "target_id": "30", "action_type": action}

    assert translate.leave_explained(entry, at=AT) == wanted


def test_a_list_of_guilds_that_is_not_one_is_unreadable() -> None:
    assert translate.ready_guild_ids({"guilds": [{"id": "10", "unavailable": True}]}) == {10}
    odd: list[Any] = [None, {}, [{"id": None}], ["10"]]
    for guilds in odd:
        with pytest.raises(UnreadableError):
            translate.ready_guild_ids({"guilds": guilds})


def test_a_member_becomes_a_record_without_the_role_of_everyone() -> None:
    assert translate_directory.member_record(MEMBER, guild_id=10) == MemberRecord(
        guild_id=10,
        user_id=30,
        username="sam",
        global_name="",
        nick="",
        avatar="",
        is_bot=False,
        joined_at=datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
        role_ids=frozenset({11, 12}),
    )


def test_names_that_postgresql_cannot_keep_are_mended() -> None:
    member = MEMBER | {"nick": "a\x00b\ud800c" + "d" * 40}

    record = translate_directory.member_record(member, guild_id=10)

    assert record.nick == "ab?c" + "d" * 28


def test_a_channel_becomes_a_record_with_its_overwrites_in_order() -> None:
    record = translate_directory.channel_record(
        {
            "id": "20",
            "type": 2,
            "name": "General",
            "parent_id": None,
            "rtc_region": None,
            "permission_overwrites": [
                {"id": "12", "type": 1, "allow": "0", "deny": "1024"},
                {"id": "11", "type": "role", "allow": str(2**70 + 8), "deny": None},
            ],
        },
        guild_id=10,
    )

    assert record is not None
    assert (record.user_limit, record.bitrate, record.rtc_region) == (None, None, "")
    assert record.overwrites == (OverwriteRecord(11, 0, 8, 0), OverwriteRecord(12, 1, 0, 1024))


def test_a_kind_of_channel_that_is_not_mirrored_is_none() -> None:
    thread = {"id": "20", "type": 11, "name": "a thread"}

    assert translate_directory.channel_record(thread, guild_id=10) is None


def test_odd_entries_of_a_list_are_left_out_and_counted() -> None:
    records, unreadable = translate_directory.readable(
        translate_directory.member_record, [MEMBER, {}, 5, {"user": {}}], "members", guild_id=10
    )

    assert ([record.user_id for record in records], unreadable) == ([30], 3)


WHOLE: dict[str, Any] = STATE | {
    "id": "10",
    "member": MEMBER,
    "members": [MEMBER],
    "voice_states": [STATE],
    "guilds": [{"id": "10"}],
    "user": MEMBER["user"],
    "roles": ["11"],
    "type": 2,
    "name": "General",
    "position": 3,
    "color": 7,
    "permissions": "1024",
    "permission_overwrites": [{"id": "11", "type": 0, "allow": "1", "deny": "2"}],
    "action_type": 20,
    "target_id": "30",
    "afk_timeout": 300,
    "member_count": 5,
    "owner_id": "30",
}
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.integers(0, 2**65).map(str)
    | st.floats()
    | st.text("aé9\x00\ud800 :-", max_size=8)
    | st.text("a", min_size=101, max_size=120)
    | st.sampled_from(["2026-11-20T12:00:00", "0001-01-01T00:00:00+23:00", "9" * 5_000, 2, 13])
)
NAMES = st.sampled_from(sorted({*WHOLE, "username", "bot", "nick", "joined_at", "allow"}))
GARBAGE = (
    SCALARS
    | st.lists(SCALARS, max_size=3)
    | st.dictionaries(NAMES, SCALARS, max_size=4)
    | st.lists(st.dictionaries(NAMES, SCALARS, max_size=4), max_size=3)
)
PAYLOADS = st.dictionaries(NAMES, GARBAGE, max_size=4).map(lambda garbage: WHOLE | garbage)


@given(PAYLOADS)
def test_garbage_raises_one_named_error_at_most(payload: dict[str, Any]) -> None:
    readers: list[Callable[[], object]] = [
        lambda: translate.voice_changed(payload, guild_id=10, at=AT, uncertainty=0),
        lambda: translate.voice_presences(payload),
        lambda: translate.channel_deleted(payload, at=AT, uncertainty=0),
        lambda: translate.leave_explained(payload, at=AT),
        lambda: translate.ready_guild_ids(payload),
        lambda: translate_directory.guild_record(payload),
        lambda: translate_directory.role_record(payload, guild_id=10),
        lambda: translate_directory.channel_record(payload, guild_id=10),
        lambda: translate_directory.member_record(payload, guild_id=10),
    ]

    for read in readers:
        with contextlib.suppress(UnreadableError):
            read()


@given(PAYLOADS)
def test_what_is_read_fits_the_columns(payload: dict[str, Any]) -> None:
    with contextlib.suppress(UnreadableError):
        record = translate_directory.role_record(payload, guild_id=10)
        assert 0 < record.id <= LARGEST_BIGINT
        assert 0 <= record.permissions <= LARGEST_BIGINT
        assert -(2**31) <= record.position < 2**31
        assert len(record.name) <= 100
        assert "\x00" not in record.name
        record.name.encode()
