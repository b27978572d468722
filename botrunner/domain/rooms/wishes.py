"""What an owner's wish changed of a room, written so that it can be taken back.

The words stand in the wish's step of the room's story: staff read them, and where Discord
refuses what was wished, the room is again what it was. Of several requests that a wish takes
Discord may have done some by then: those are brought in line with the room once more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_FORMERLY: Final = re.compile(r"\(before: (?P<what>[^()]*)\)$")
_LOCKED: Final = {"locked": True, "unlocked": False}
_LET_IN: Final = "let in"
_SHUT_OUT: Final = "shut out"
_NEITHER: Final = "neither let in nor shut out"
_PERSON: Final = re.compile(rf"user (?P<id>\d+) (?P<how>{_LET_IN}|{_SHUT_OUT}|{_NEITHER})")
_NAMED: Final = re.compile(r"\b(?:user|owner) (\d+)")
_NUMBER: Final = re.compile(r"(?P<what>owner|limit) (?P<number>\d+)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a room is to be, as far as wishes that may be taken back change it.

    Attributes:
        owner_id: user id of its owner.
        user_limit: how many may be in it; 0 for any number.
        is_locked: whether only who is invited comes in.
        invited_ids: user ids of those who come in all the same.
        kicked_ids: user ids of those who do not come in again.
    """

    owner_id: int
    user_limit: int
    is_locked: bool
    invited_ids: tuple[int, ...]
    kicked_ids: tuple[int, ...]


def reason_with(why: str, *, former: Wanted, latter: Wanted) -> str:
    """Says of a wish what it is about, and what was before; nothing of what stays as it was."""
    before = []
    if former.owner_id != latter.owner_id:
        before.append(f"owner {former.owner_id}")
    if former.user_limit != latter.user_limit:
        before.append(f"limit {former.user_limit}")
    if former.is_locked != latter.is_locked:
        before.append("locked" if former.is_locked else "unlocked")
    changed = {*former.invited_ids} ^ {*latter.invited_ids}
    changed |= {*former.kicked_ids} ^ {*latter.kicked_ids}
    before += [f"user {user_id} {_standing(former, user_id)}" for user_id in sorted(changed)]
    return f"{why} (before: {', '.join(before)})".lstrip() if before else why


def taken_back(wanted: Wanted, reasons: Iterable[str]) -> Wanted:
    """Gives what a room was before some wishes.

    Args:
        wanted: what it is to be with them.
        reasons: of the wishes' steps, the latest in front.
    """
    for reason in reasons:
        formerly = _FORMERLY.search(reason)
        for each in formerly["what"].split(", ") if formerly is not None else ():
            wanted = _with(wanted, each)
    return wanted


def named_in(reasons: Iterable[str]) -> set[int]:
    """Gives the user ids of those whom wishes are about, or who had the room before them."""
    return {int(user_id) for reason in reasons for user_id in _NAMED.findall(reason)}


@dataclass(frozen=True, slots=True)
class ToDo:
    """What Discord is to be brought in line with.

    Attributes:
        wishes: what the steps are called of the wishes that are not settled yet.
        puts_back: whether some of what was refused may have been done, and is to be undone.
    """

    wishes: frozenset[str] = frozenset()
    puts_back: bool = False

    def __bool__(self) -> bool:
        """Tells whether there is anything to do."""
        return bool(self.wishes) or self.puts_back


def to_do(happenings: Iterable[str], *, applied: str, refused: str, many: Collection[str]) -> ToDo:
    """Tells what is to be done after wishes and what came of them.

    What was refused is put back once. Discord may refuse that too: then staff read it, and it
    goes with the next wish that is done.

    Args:
        happenings: what the steps of wishes and of their settlements are called, in order.
        applied: what a step is called that settles all before it as done.
        refused: what a step is called that settles all before it as refused.
        many: wishes that take more than one request.
    """
    wishes: set[str] = set()
    puts_back = False
    for happening in happenings:
        if happening == applied:
            wishes, puts_back = set(), False
        elif happening == refused:
            puts_back = not wishes.isdisjoint(many) or (puts_back and bool(wishes))
            wishes = set()
        else:
            wishes.add(happening)
    return ToDo(frozenset(wishes), puts_back)


def _with(wanted: Wanted, former: str) -> Wanted:
    if former in _LOCKED:
        return replace(wanted, is_locked=_LOCKED[former])
    number = _NUMBER.fullmatch(former)
    if number is not None:
        if number["what"] == "owner":
            return replace(wanted, owner_id=int(number["number"]))
        return replace(wanted, user_limit=int(number["number"]))
    person = _PERSON.fullmatch(former)
    if person is None:
        return wanted
    user_id = int(person["id"])
    invited = tuple(each for each in wanted.invited_ids if each != user_id)
    kicked = tuple(each for each in wanted.kicked_ids if each != user_id)
    if person["how"] == _LET_IN:
        invited = (*invited, user_id)
    if person["how"] == _SHUT_OUT:
        kicked = (*kicked, user_id)
    return replace(wanted, invited_ids=invited, kicked_ids=kicked)


def _standing(wanted: Wanted, user_id: int) -> str:
    if user_id in wanted.invited_ids:
        return _LET_IN
    return _SHUT_OUT if user_id in wanted.kicked_ids else _NEITHER
