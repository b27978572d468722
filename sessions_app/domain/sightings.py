"""Up to when it is known where the members of a guild are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sessions_app.domain.departures import REMEMBERED

if TYPE_CHECKING:
    from collections.abc import Container
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of one member.

    Attributes:
        seen_at: up to then they were surely where they are remembered to be.
        heard_at: when the latest word of them arrived. What was replayed happened before
            it arrived, so this may be later.
    """

    seen_at: datetime
    heard_at: datetime


class Sightings:
    """What was heard of the members of one guild, be they in voice or not.

    Attributes:
        stated_at: when all who are in voice were last stated; None until then.
    """

    def __init__(self) -> None:
        self.stated_at: datetime | None = None
        self._of: dict[int, _Known] = {}
        self._replayed: set[int] = set()

    def stated(self, at: datetime) -> None:
        """Notes that all who are in voice were stated, and everyone was compared with it."""
        self.stated_at = at
        self._replayed.clear()

    def told(self, user_id: int, at: datetime, uncertainty: float) -> None:
        """Notes that an event told of a member, which may have happened earlier."""
        seen_at = at
        if uncertainty:
            seen_at = at - timedelta(seconds=uncertainty)
            self._replayed.add(user_id)
        known = self._of.get(user_id)
        if known is not None:
            seen_at, at = max(seen_at, known.seen_at), max(at, known.heard_at)
        self._of[user_id] = _Known(seen_at, at)

    def checked(self, user_id: int, at: datetime) -> None:
        """Notes that Discord, when asked, said of a member what is remembered by now.

        Nothing that was heard of them is newer: such an answer is not taken in.
        """
        self._of[user_id] = _Known(at, at)

    def until(self, user_id: int) -> datetime | None:
        """Gives up to when a member was surely where they are remembered to be, if it is known."""
        known = self._of.get(user_id)
        if known is None:
            return self.stated_at
        return known.seen_at if self.stated_at is None else max(known.seen_at, self.stated_at)

    def is_newer(self, user_id: int, asked_at: datetime) -> bool:
        """Tells whether a member was heard of since Discord was asked about them."""
        known = self._of.get(user_id)
        is_stated = self.stated_at is not None and self.stated_at >= asked_at
        return is_stated or (known is not None and known.heard_at >= asked_at)

    def take_replayed(self) -> set[int]:
        """Gives those of whom something was told afterwards since the last time."""
        replayed, self._replayed = self._replayed, set()
        return replayed

    def forget(self, at: datetime, *, kept: Container[int]) -> None:
        """Forgets those who were heard of long before ``at``, but for those to be kept."""
        since = at - REMEMBERED
        if any(known.heard_at < since for known in self._of.values()):
            self._of = {
                user_id: known
                for user_id, known in self._of.items()
                if known.heard_at >= since or user_id in kept
            }
