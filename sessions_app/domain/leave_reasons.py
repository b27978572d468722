"""Tells leaves apart, as far as Discord lets us.

Discord says why a member left voice in another event than the leave, before or after
it: the audit log's entry of a kick or a disconnect (which names no member), or the
deletion of the channel. Events that are this close in time are taken to belong together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sessions_app.domain import words

if TYPE_CHECKING:
    from datetime import datetime

    from sessions_app.domain.stays import LiveSession

TOGETHER: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class _Left:
    at: datetime
    user_id: int
    session: LiveSession


@dataclass(frozen=True, slots=True)
class _Said:
    at: datetime
    user_id: int | None
    reason: str


class LeaveReasons:
    """The leaves and the explanations of the last seconds in one guild."""

    def __init__(self) -> None:
        self._left: list[_Left] = []
        self._said: list[_Said] = []

    def reason_for(self, user_id: int, at: datetime) -> str:
        """Gives the reason of a leave that is seen now: one already told, or ``left``."""
        if not self._said:
            return words.LEFT
        self._forget(at)
        for said in self._said:
            if said.user_id in {user_id, None}:
                self._said.remove(said)
                return said.reason
        return words.LEFT

    def note_leave(self, user_id: int, session: LiveSession, at: datetime) -> None:
        """Remembers a leave that nothing has explained yet."""
        self._forget(at)
        self._left.append(_Left(at, user_id, session))

    def explain(self, user_id: int | None, reason: str, at: datetime) -> LiveSession | None:
        """Finds the leave that an explanation belongs to, or keeps it for the one to come.

        Args:
            user_id: whom it concerns; None where Discord names nobody, so that it is
                taken for a leave only where there is one alone that it can mean.

        Returns:
            The session whose end it explains, if that leave was seen already.
        """
        self._forget(at)
        meant = [left for left in self._left if user_id is None or left.user_id == user_id]
        if not meant:
            self._said.append(_Said(at, user_id, reason))
            return None
        if user_id is None and len(meant) > 1:
            return None
        self._left.remove(meant[-1])
        return meant[-1].session

    def left_channel(self, channel_id: int, at: datetime) -> list[LiveSession]:
        """Finds the sessions that ended in a channel just before it was deleted."""
        self._forget(at)
        meant = [left for left in self._left if left.session.channel_id == channel_id]
        for left in meant:
            self._left.remove(left)
        return [left.session for left in meant]

    def _forget(self, at: datetime) -> None:
        if self._left and at - self._left[0].at > TOGETHER:
            self._left = [left for left in self._left if at - left.at <= TOGETHER]
        if self._said and at - self._said[0].at > TOGETHER:
            self._said = [said for said in self._said if at - said.at <= TOGETHER]
