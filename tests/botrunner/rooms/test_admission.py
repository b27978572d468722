from __future__ import annotations

from collections import Counter
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from botrunner.domain.rooms.admission import Limits, Waiting, admitted

guild_ids = st.integers(min_value=1, max_value=4)


def queue(guilds: list[int]) -> list[Waiting]:
    return [Waiting(UUID(int=place), guild) for place, guild in enumerate(guilds)]


def test_who_asked_first_comes_first() -> None:
    waiting = queue([1, 1, 2])

    turns = admitted(waiting, taken={}, limits=Limits({}))

    assert turns == [waiting[0], waiting[2]]


def test_a_full_guild_holds_up_its_own_members_alone() -> None:
    waiting = queue([1, 2])

    turns = admitted(waiting, taken={1: 3}, limits=Limits({1: 3}))

    assert turns == [waiting[1]]


def test_a_full_installation_holds_up_all() -> None:
    waiting = queue([1, 2, 3])

    turns = admitted(waiting, taken={4: 1}, limits=Limits({}, of_all=2))

    assert turns == waiting[:1]


@given(
    st.lists(guild_ids, max_size=12),
    st.dictionaries(guild_ids, st.integers(min_value=0, max_value=4)),
    st.dictionaries(guild_ids, st.integers(min_value=1, max_value=4)),
    st.none() | st.integers(min_value=1, max_value=6),
)
def test_no_limit_is_exceeded_and_no_slot_left_to_whom_it_could_have_served(
    guilds: list[int], taken: dict[int, int], of_guilds: dict[int, int], of_all: int | None
) -> None:
    waiting, limits = queue(guilds), Limits(of_guilds, of_all=of_all)

    turns = admitted(waiting, taken=taken, limits=limits)

    slots = Counter(taken) + Counter(turn.guild_id for turn in turns)
    is_full = of_all is not None and slots.total() >= of_all
    gained = Counter(turn.guild_id for turn in turns)
    assert all(slots[guild] <= max(limits.of(guild), taken.get(guild, 0)) for guild in gained)
    if gained and of_all is not None:
        assert slots.total() <= of_all
    left = [room for room in waiting if room not in turns]
    assert is_full or all(slots[room.guild_id] >= limits.of(room.guild_id) for room in left)
    for room in left:
        ahead = waiting[: waiting.index(room)]
        behind = [turn for turn in turns if turn.guild_id == room.guild_id and turn not in ahead]
        assert not behind
