"""Whatever waits on disk comes back as it was."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum, IntFlag
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints
from uuid import UUID, uuid4

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from botrunner.gateway import spool_records, things
from botrunner.gateway.spool_records import (
    FOR_DISK,
    NotForDiskError,
    SpoolUnreadableError,
    can_wait_on_disk,
    decode,
    encode,
)
from botrunner.gateway.things import Asked, Compared, Mark, RoomsDue, RulesWanted
from community.domain.directory import DirectoryEvent, MemberRecord, MembersSighted
from community.models import OutboxItem
from events_app.domain.scheduled import ScheduledFact
from sessions_app.domain.facts import (
    Fact,
    VoiceChanged,
    VoiceFlags,
    VoicePresence,
    VoiceSnapshot,
)

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CHANGED = VoiceChanged(10, VoicePresence(30, 20, "ab", 5, AT, is_bot=False), AT, 1.5)
NAMES = {"Mapping": Mapping, "UUID": UUID, "datetime": datetime}
SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    NoneType: st.none(),
    bool: st.booleans(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    float: st.floats(allow_nan=False, allow_infinity=False),
    int: st.integers(-(2**63), 2**63 - 1),
    str: st.text(max_size=20),
    UUID: st.uuids(),
}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Finds what may stand in a field; a kind of field that is new here is an error."""
    if hint in SIMPLE:
        return SIMPLE[hint]
    if isinstance(hint, type) and is_dataclass(hint):
        hints = get_type_hints(hint, localns=NAMES)
        return st.builds(hint, **{name: values(inner) for name, inner in hints.items()})
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is UnionType:
        return st.one_of([values(argument) for argument in arguments])
    if origin is tuple and arguments[1:] == (Ellipsis,):
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is frozenset:
        return st.frozensets(values(arguments[0]), max_size=3)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        key, value = arguments
        return st.dictionaries(values(key), values(value), max_size=3)
    raise AssertionError(f"{hint}: say here and in the codec what it is")


def alike(one: Any, other: Any) -> bool:
    """Compares values and the types of all that is in them."""
    if type(one) is not type(other) or one != other:
        return False
    if is_dataclass(one):
        return all(
            alike(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)
        )
    if isinstance(one, dict):
        return all(map(alike, one, other)) and all(map(alike, one.values(), other.values()))
    if isinstance(one, datetime):
        return bool(one.utcoffset() == other.utcoffset())
    if isinstance(one, frozenset):
        return {type(value) for value in one} == {type(value) for value in other}
    return all(map(alike, one, other)) if isinstance(one, tuple) else True


@pytest.mark.parametrize("kind", FOR_DISK, ids=lambda kind: kind.__name__)
def test_a_thing_of_any_class_comes_back_as_it_was(kind: type) -> None:
    @given(values(kind))
    def comes_back(thing: object) -> None:
        assert alike(decode(encode(thing)), thing)

    comes_back()


def test_all_that_stands_in_the_queue_waits_on_disk_but_asks_and_their_answers() -> None:
    # Whether rooms are due is looked up anew.
    ours = {
        kind
        for _, kind in inspect.getmembers(things, is_dataclass)
        if kind.__module__ == things.__name__
    }

    heard = {*get_args(Fact), *get_args(DirectoryEvent), *get_args(ScheduledFact)}
    assert set(FOR_DISK) == {*heard, *ours} - {Asked, Compared, RoomsDue}
    assert len({kind.__name__ for kind in FOR_DISK}) == len(FOR_DISK)


def test_an_outbox_item_does_not_wait_on_disk() -> None:
    asked = Asked(OutboxItem(), AT)

    assert not can_wait_on_disk(asked)
    assert can_wait_on_disk(CHANGED)
    with pytest.raises(NotForDiskError, match="A Asked cannot wait on disk"):
        encode(asked)


@pytest.mark.parametrize(
    "thing",
    [
        replace(CHANGED, guild_id=2**64),
        replace(CHANGED, presence=VoicePresence(1, 2, "\ud800")),
        replace(CHANGED, guild_id={1}),  # type: ignore[arg-type]  # what it is about
    ],
)
def test_what_json_cannot_tell_is_refused_by_name(thing: object) -> None:
    with pytest.raises(NotForDiskError, match="A VoiceChanged cannot wait on disk"):
        encode(thing)


def test_flags_come_back_as_equal_numbers() -> None:
    flags = VoiceFlags.MUTE | VoiceFlags.SELF_DEAF
    presence = VoicePresence(1, 2, flags=flags)

    thing = decode(encode(replace(CHANGED, presence=presence)))

    assert isinstance(thing, VoiceChanged)
    assert thing.presence == presence


def test_a_time_of_another_zone_comes_back_in_utc() -> None:
    there = AT.astimezone(timezone(timedelta(hours=2)))

    thing = decode(encode(replace(CHANGED, at=there)))

    assert thing == CHANGED
    assert alike(thing, CHANGED)


def test_a_snapshot_keeps_the_order_of_its_members() -> None:
    presences = {number: VoicePresence(number, 2) for number in (3, 1, 2)}

    thing = decode(encode(VoiceSnapshot(10, presences, None, AT)))

    assert isinstance(thing, VoiceSnapshot)
    assert list(thing.presences) == [3, 1, 2]


def test_a_record_names_its_class_and_fields() -> None:
    found = orjson.loads(encode(RulesWanted(10, None, AT)))

    assert found == {
        "RulesWanted": {"guild_id": 10, "afk_channel_id": None, "at": "2026-11-20T12:00:00+00:00"}
    }


def changed_body(**changes: Any) -> bytes:
    """The record of CHANGED with other fields; None takes one away."""
    found = orjson.loads(encode(CHANGED))
    found["VoiceChanged"] |= changes
    for name in [name for name, value in changes.items() if value is None]:
        del found["VoiceChanged"][name]
    return orjson.dumps(found)


def test_a_field_that_an_older_record_lacks_has_its_default() -> None:
    body = changed_body(uncertainty=None, presence={"user_id": 30, "channel_id": 20})

    assert decode(body) == VoiceChanged(10, VoicePresence(30, 20), AT)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (changed_body(at=None), "missing 1 required .* 'at'"),
        (changed_body(mood="good"), "VoiceChanged has no mood"),
        (changed_body(presence={"user_id": 1, "channel_id": 2, "hat": 3}), "has no hat"),
        (changed_body(presence=[1, 2]), "no attribute 'keys'"),
        (changed_body(at="soon"), "Invalid isoformat"),
        (changed_body(at="2026-11-20T12:00:00"), "has no zone"),
        (changed_body(at=5), "must be str"),
        (b'{"Gossip":{}}', "class 'Gossip' is unknown"),
        (b'{"Asked":{}}', "class 'Asked' is unknown"),
        (b'{"Mark":{},"RulesWanted":{}}', "too many values"),
        (b"{}", "not enough values"),
        (b"[]", "no attribute 'items'"),
        (b'{"Mark":', "unexpected end of data"),
        (b"", "end of data|empty"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_reason(body: bytes, why: str) -> None:
    with pytest.raises(SpoolUnreadableError, match=why):
        decode(body)


@pytest.mark.parametrize("members", ["abc", {"1": 2}, 7])
def test_a_list_of_members_that_is_none_is_refused(members: object) -> None:
    found = orjson.loads(encode(MembersSighted(10, (), True, None, AT)))
    found["MembersSighted"]["members"] = members

    with pytest.raises(SpoolUnreadableError, match="is no list"):
        decode(orjson.dumps(found))


def test_a_members_roles_are_a_set() -> None:
    member = MemberRecord(10, 30, "sam", "", "", "", False, None, frozenset({2, 1}))
    sighted = MembersSighted(10, (member,), False, AT, AT)

    assert alike(decode(encode(sighted)), sighted)


# Kinds of fields that no class has yet ------------------------------------------------------


class Mood(Enum):
    GOOD = "good"


class Switches(IntFlag):
    ONE = 1
    TWO = 2


@dataclass(frozen=True, slots=True)
class Odd:
    id: UUID
    mood: Mood
    switches: Switches | None
    pair: tuple[int, datetime]
    named: dict[str, tuple[UUID, ...]]
    word: Literal["a", "b"]
    either: int | str


def test_further_kinds_of_fields_can_be_read() -> None:
    odd = Odd(
        id=uuid4(),
        mood=Mood.GOOD,
        switches=Switches.ONE | Switches.TWO,
        pair=(1, AT),
        named={"x": (uuid4(),)},
        word="a",
        either="7",
    )
    read = spool_records._record_reader(Odd)

    assert alike(read(orjson.loads(orjson.dumps(odd))), odd)


@pytest.mark.parametrize("hint", [list[int], set[int], datetime | UUID, dict[UUID, int], bytes])
def test_a_kind_of_field_that_cannot_be_read_is_refused_at_once(hint: Any) -> None:
    with pytest.raises(TypeError, match="nothing here"):
        spool_records._reader(hint)


def test_a_mark_that_knows_nothing_comes_back() -> None:
    mark = Mark(None, is_connected=False, latency=None, is_checkpoint=False, is_last=True)

    assert decode(encode(mark)) == mark
