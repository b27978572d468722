"""Who may see and enter a room: the overwrites of its channel.

A bot may set only what it holds itself, in the guild or in the category. Overwrites of the
category that speak of others stay, so that a role that staff shut out stays shut out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from community.domain.permissions import Overwrite, Permission

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

SEE: Final = int(Permission.VIEW_CHANNEL)
ENTER: Final = int(Permission.VIEW_CHANNEL | Permission.CONNECT | Permission.SPEAK)
OURS: Final = ENTER | int(Permission.MANAGE_CHANNELS | Permission.MOVE_MEMBERS)
"""What the bot keeps for itself, so that nobody's overwrite locks it out of its own room."""
NAMED: Final = frozenset({(ENTER, 0), (0, int(Permission.CONNECT))})
"""What a room allows and denies somebody by name whom it lets in, or shuts out."""


@dataclass(frozen=True, slots=True)
class Guests:
    """Whom a room is for.

    Attributes:
        owner_id: user id of its owner.
        is_private: whether nobody else sees it.
        is_locked: whether nobody else comes in, though they see it.
        invited_ids: user ids of those who come in all the same.
        kicked_ids: user ids of those who do not come in again, invited or not.
    """

    owner_id: int
    is_private: bool
    is_locked: bool = False
    invited_ids: Collection[int] = ()
    kicked_ids: Collection[int] = ()


def overwrites_of(
    guests: Guests, *, guild_id: int, bot_id: int, inherited: Iterable[Overwrite] = ()
) -> list[Overwrite]:
    """Gives the overwrites of a room's channel, in a fixed order.

    Args:
        guests: whom it is for.
        guild_id: the guild's id, which is also the role @everyone's.
        bot_id: the bot's user id.
        inherited: the category's.
    """
    found: dict[int, Overwrite] = {overwrite.target_id: overwrite for overwrite in inherited}
    shut = _shut(guests)
    if shut:
        _put(found, guild_id, is_role=True, deny=shut)
        # Whom the category lets in would come in over @everyone's head.
        for overwrite in list(found.values()):
            _put(found, overwrite.target_id, is_role=overwrite.is_role, deny=shut)
    for user_id in sorted(guests.invited_ids):
        _put(found, user_id, is_role=False, allow=ENTER)
    for user_id in sorted(guests.kicked_ids):
        _put(found, user_id, is_role=False, deny=int(Permission.CONNECT))
    _put(found, guests.owner_id, is_role=False, allow=ENTER)
    _put(found, bot_id, is_role=False, allow=OURS)
    return [found[target_id] for target_id in sorted(found)]


def _shut(guests: Guests) -> int:
    """Gives what everybody else is denied."""
    if guests.is_private:
        return SEE | int(Permission.CONNECT)
    return int(Permission.CONNECT) if guests.is_locked else 0


def _put(
    found: dict[int, Overwrite], target_id: int, *, is_role: bool, allow: int = 0, deny: int = 0
) -> None:
    """Adds to what a target has; what is new goes before what was there."""
    former = found.get(target_id, Overwrite(target_id=target_id, is_role=is_role))
    found[target_id] = Overwrite(
        target_id=target_id,
        is_role=is_role,
        allow=(former.allow & ~deny) | allow,
        deny=(former.deny & ~allow) | deny,
    )
