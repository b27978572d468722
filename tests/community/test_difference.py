from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from community.domain.difference import Difference, difference

records = st.dictionaries(st.integers(0, 20), st.integers(0, 3))


def patched(old: dict[int, int], change: Difference[int, int]) -> dict[int, int]:
    kept = {key: record for key, record in old.items() if key not in change.removed}
    return {**kept, **change.changed, **change.added}


@given(old=records, new=records)
def test_difference_turns_the_old_into_the_new(old: dict[int, int], new: dict[int, int]) -> None:
    change = difference(old, new)

    assert patched(old, change) == new
    assert bool(change) == (old != new)


@given(old=records, new=records)
def test_difference_is_empty_once_it_is_applied(old: dict[int, int], new: dict[int, int]) -> None:
    applied = patched(old, difference(old, new))

    assert not difference(applied, new)


@given(old=records, new=records)
def test_difference_names_no_record_that_stays_as_it_is(
    old: dict[int, int], new: dict[int, int]
) -> None:
    change = difference(old, new)

    same = {key for key in old.keys() & new.keys() if old[key] == new[key]}
    assert same.isdisjoint([*change.added, *change.changed, *change.removed])
