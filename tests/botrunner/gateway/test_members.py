from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from botrunner.gateway import members
from botrunner.gateway.members import MemberRequests
from botrunner.gateway.pauses import IdentifyGate, Pauses
from botrunner.gateway.payload import UnreadableError
from botrunner.gateway.seen_members import SeenMembers
from botrunner.gateway.translate_directory import member_record

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GUILD = 10


def raw(user_id: int, *roles: int, nick: str = "") -> dict[str, Any]:
    return {
        "user": {"id": str(user_id), "username": "sam"},
        "nick": nick,
        "roles": [str(role) for role in roles],
    }


def chunk(index: int, count: int, *found: Any, nonce: str = "rollcall-1") -> dict[str, Any]:
    return {
        "guild_id": str(GUILD),
        "chunk_index": index,
        "chunk_count": count,
        "nonce": nonce,
        "members": list(found),
    }


def wanting() -> MemberRequests:
    requests = MemberRequests()
    requests.want(GUILD, blind_since=AT)
    return requests


def test_chunks_are_gathered_to_one_list() -> None:
    requests = wanting()

    assert requests.chunk(chunk(0, 2, raw(1), raw(2)), at=AT) is None
    sighted = requests.chunk(chunk(1, 2, raw(3)), at=AT)

    assert sighted is not None
    assert [member.user_id for member in sighted.members] == [1, 2, 3]
    assert sighted.has_all_members
    assert sighted.blind_since == AT


def test_chunks_of_somebody_elses_request_are_not_ours() -> None:
    requests = wanting()

    assert requests.chunk(chunk(0, 1, raw(1), nonce="other"), at=AT) is None
    assert requests.chunk(chunk(0, 1, raw(1)), at=AT) is not None


def test_what_changed_meanwhile_stands() -> None:
    requests = wanting()
    requests.chunk(chunk(0, 2, raw(1, 5), raw(2)), at=AT)
    requests.changed(member_record(raw(1, 6), guild_id=GUILD))
    requests.gone(GUILD, 2)

    sighted = requests.chunk(chunk(1, 2, raw(3)), at=AT)

    assert sighted is not None
    assert {member.user_id: member.role_ids for member in sighted.members} == {1: {6}, 3: set()}


def test_a_member_who_cannot_be_read_is_not_taken_for_gone() -> None:
    sighted = wanting().chunk(chunk(0, 1, raw(1), {}), at=AT)

    assert sighted is not None
    assert not sighted.has_all_members


def test_a_chunk_without_its_number_is_unreadable() -> None:
    with pytest.raises(UnreadableError):
        wanting().chunk(chunk(0, 1) | {"chunk_index": None}, at=AT)


async def test_guilds_are_asked_about_one_after_another_and_again_if_need_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(members, "SECONDS_BETWEEN_REQUESTS", 0.0)
    monkeypatch.setattr(members, "SECONDS_BETWEEN_TRIES", 10.0)
    now = 0.0
    sent: list[tuple[int, str]] = []
    requests = MemberRequests()
    requests.want(1, blind_since=None)
    requests.want(2, blind_since=None)

    async def send(guild_id: int, nonce: str) -> None:
        sent.append((guild_id, nonce))

    task = asyncio.create_task(requests.ask(send, elapsed=lambda: now))
    await asyncio.sleep(0.05)
    assert sent == [(1, "rollcall-1"), (2, "rollcall-2")]
    requests.drop(1)
    now = 10.0
    await asyncio.sleep(0.05)
    task.cancel()

    assert sent[2:] == [(2, "rollcall-2")]


def later(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def test_a_member_in_passing_is_told_of_only_when_they_differ() -> None:
    seen = SeenMembers()

    first = seen.passing(raw(1), guild_id=GUILD, user_id=1, at=AT)
    again = seen.passing(raw(1), guild_id=GUILD, user_id=1, at=later(1))
    muted = seen.passing(raw(1) | {"mute": True}, guild_id=GUILD, user_id=1, at=later(2))
    renamed = seen.passing(raw(1, nick="Sam"), guild_id=GUILD, user_id=1, at=later(3))

    assert first is not None
    assert first.seen_at is None
    assert again is muted is None
    assert renamed is not None
    assert (renamed.member.nick, renamed.seen_at) == ("Sam", later(2))


def test_a_member_who_was_stated_was_seen_then() -> None:
    seen = SeenMembers()
    seen.stated(member_record(raw(1), guild_id=GUILD), at=AT)

    assert seen.passing(raw(1), guild_id=GUILD, user_id=1, at=later(5)) is None
    passed = seen.passing(raw(1, 7), guild_id=GUILD, user_id=1, at=later(9))

    assert passed is not None
    assert passed.seen_at == later(5)


def test_the_memory_of_members_is_bounded() -> None:
    seen = SeenMembers(most=2)

    for user_id in (1, 2, 3):
        seen.passing(raw(user_id), guild_id=GUILD, user_id=user_id, at=AT)

    assert seen.passing(raw(3), guild_id=GUILD, user_id=3, at=AT) is None
    forgotten = seen.passing(raw(1), guild_id=GUILD, user_id=1, at=AT)
    assert forgotten is not None
    assert forgotten.seen_at is None


def test_pauses_grow_and_begin_again() -> None:
    pauses = Pauses(first=1, longest=5)

    grown = [pauses.take() for _ in range(5)]
    pauses.reset()

    assert grown == [1, 2, 4, 5, 5]
    assert pauses.take() == 1


async def test_identifies_of_one_bucket_are_spaced(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("botrunner.gateway.pauses.asyncio.sleep", sleep)
    gate = IdentifyGate(max_concurrency=2, elapsed=lambda: 100.0, spacing=5)

    for shard_id in range(5):
        await gate.enter(shard_id)

    assert waits == [0, 0, 5, 5, 10]
