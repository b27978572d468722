"""Who sits in which channel of a guild, and what that means for how their time is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions_app.domain.stays import AFK, ALONE, CONDITIONS

if TYPE_CHECKING:
    from datetime import datetime

    from sessions_app.domain.ledger import Ledger
    from sessions_app.domain.stays import Stay

# Below this many members of a channel who are not bots, someone may be alone.
COMPANY: Final = 2


class Seats:
    """The members in one guild's voice, by channel.

    Attributes:
        stays: all of them, by user id.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.stays: dict[int, Stay] = {}
        self._channels: dict[int, dict[int, Stay]] = {}
        self._people: dict[int, int] = {}
        self._afk_channel_id: int | None = None
        self._ledger = ledger

    def in_channel(self, channel_id: int) -> list[Stay]:
        """Lists those in a channel."""
        return list(self._channels.get(channel_id, {}).values())

    def place(self, stay: Stay) -> None:
        """Seats a member of whom nothing changes by it: the database knows it all."""
        self.stays[stay.user_id] = stay
        self._channels.setdefault(stay.channel_id, {})[stay.user_id] = stay
        people = self._people.get(stay.channel_id, 0)
        self._people[stay.channel_id] = people if stay.is_bot else people + 1

    def seat(self, stay: Stay, at: datetime) -> None:
        """Seats a member who comes."""
        self.place(stay)
        self._ledger.stay(stay)
        self.hold(stay, at)
        if not stay.is_bot and self._people[stay.channel_id] <= COMPANY:
            self._hold_others(stay, at)

    def unseat(self, stay: Stay, at: datetime) -> None:
        """Takes a member who goes from their channel."""
        del self.stays[stay.user_id]
        seated = self._channels[stay.channel_id]
        del seated[stay.user_id]
        if not stay.is_bot:
            self._people[stay.channel_id] -= 1
        if not seated:
            del self._channels[stay.channel_id]
            del self._people[stay.channel_id]
        elif not stay.is_bot and self._people[stay.channel_id] < COMPANY:
            self._hold_others(stay, at)

    def hold(self, stay: Stay, at: datetime) -> None:
        """Begins and ends a member's stretches as their switches and their company say."""
        session = stay.session
        if session is None:
            return
        conditions = CONDITIONS[stay.flags & 127]
        others = self._people[stay.channel_id] - (0 if stay.is_bot else 1)
        if others == 0:
            conditions |= ALONE
        if stay.channel_id == self._afk_channel_id:
            conditions |= AFK
        if session.hold(conditions, at):
            self._ledger.session(session)

    def set_afk_channel(self, channel_id: int | None, at: datetime) -> None:
        """Takes over which channel is the guild's AFK channel."""
        if channel_id == self._afk_channel_id:
            return
        affected = (self._afk_channel_id, channel_id)
        self._afk_channel_id = channel_id
        for each in affected:
            if each is not None:
                for stay in self._channels.get(each, {}).values():
                    self.hold(stay, at)

    def _hold_others(self, stay: Stay, at: datetime) -> None:
        for other in self._channels[stay.channel_id].values():
            if other is not stay:
                self.hold(other, at)
