"""How rooms are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

LONGEST: Final = 100
"""Of a channel's name on Discord."""

USER: Final = "{user}"
NUMBER: Final = "{number}"


def name_from(template: str, *, user: str, taken: Collection[str] = ()) -> str:
    """Fills a template in, within Discord's length; the member's name is what is cut.

    Args:
        template: with ``{user}`` for the member's name and ``{number}`` for the lowest
            number, from 1, that makes a name that is not taken; other braces are text.
        user: the member's name.
        taken: names of rooms that are there.

    Returns:
        A name of 1 to :data:`LONGEST` characters.
    """
    if NUMBER not in template:
        return _filled(template, user)
    # Of one name more than are taken one is free, unless the number itself was cut off.
    for number in range(1, len(taken) + 2):
        name = _filled(template.replace(NUMBER, str(number)), user)
        if name not in taken:
            break
    return name


def _filled(template: str, user: str) -> str:
    user = " ".join(user.split()) or "member"
    rest = len(template.replace(USER, ""))
    uses = template.count(USER)
    if uses:
        user = user[: max(1, (LONGEST - rest) // uses)]
    name = " ".join(template.replace(USER, user).split())
    return name[:LONGEST].strip() or user[:LONGEST]
