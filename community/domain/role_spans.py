"""Who held which role from when to when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch of time in which a member held a role; ``ended_at`` is None while held.

    ``is_start_known`` is False where the role was held already at the first sight of
    the member: it began at ``started_at`` or at any time before.
    """

    id: UUID
    guild_id: int
    role_id: int
    user_id: int
    started_at: datetime
    ended_at: datetime | None = None
    start_uncertainty: float = 0.0
    end_uncertainty: float = 0.0
    is_start_known: bool = True


@dataclass(frozen=True, slots=True)
class Observed:
    """A change of roles that an event told of.

    Attributes:
        uncertainty: seconds by which it may have happened earlier.
    """

    at: datetime
    uncertainty: float = 0.0

    def end_of(self, span: Span) -> tuple[datetime, float]:
        """Gives when ``span`` ended and by how much that may be off; never before its start."""
        return max(self.at, span.started_at), max(self.uncertainty, 0.0)


@dataclass(frozen=True, slots=True)
class Inferred:
    """A change of roles that a sighting found, and that nobody saw happen.

    Attributes:
        blind_since: up to when everything was seen; None where nothing was before.
    """

    at: datetime
    blind_since: datetime | None

    @property
    def uncertainty(self) -> float:
        """The gap's length in seconds; 0 where there is no beginning to count from."""
        return 0.0 if self.blind_since is None else _seconds(self.blind_since, self.at)

    def end_of(self, span: Span) -> tuple[datetime, float]:
        """Gives the last instant at which ``span`` certainly went on, and the gap after it."""
        certain_until = span.started_at if self.blind_since is None else self.blind_since
        ended_at = max(min(certain_until, self.at), span.started_at)
        return ended_at, _seconds(ended_at, self.at)


def _seconds(start: datetime, end: datetime) -> float:
    """Gives the length of a stretch, 0 where the clock stepped back."""
    return max((end - start).total_seconds(), 0.0)


class RoleSpans:
    """The spans of some members: those held, and those that ended lately.

    A role that is given at or before the instant at which the member last lost it was
    never away: its span goes on. So spans of a role and a member cannot overlap, though
    clocks step back, and the same events told twice leave what they left the first time.
    """

    def __init__(self, spans: Iterable[Span], *, new_id: Callable[[], UUID]) -> None:
        """Takes what is known.

        Args:
            spans: all that are held by the members that will be spoken of, and all of
                theirs that ended at or after the first instant that will be spoken of.
            new_id: makes the id of a span.
        """
        self.by_id: dict[UUID, Span] = {}
        self._latest: dict[tuple[int, int], dict[int, UUID]] = {}
        self._new_id = new_id
        # Of two spans of a role the later one counts; the one that is held is the latest.
        for span in sorted(spans, key=lambda span: (span.started_at, span.ended_at is None)):
            self._put(span)

    def held(self, guild_id: int, user_id: int) -> frozenset[int]:
        """Gives the roles that a member holds now."""
        latest = self._latest.get((guild_id, user_id), {})
        return frozenset(role_id for role_id, id_ in latest.items() if self._is_held(id_))

    def of_member(self, guild_id: int, user_id: int) -> list[Span]:
        """Gives the latest span of each role of a member's."""
        return [self.by_id[id_] for id_ in self._latest.get((guild_id, user_id), {}).values()]

    def settle(
        self,
        guild_id: int,
        user_id: int,
        role_ids: Collection[int],
        *,
        change: Observed | Inferred,
        is_start_known: bool = True,
    ) -> None:
        """Opens and ends a member's spans, so that they hold ``role_ids`` and no others."""
        held = self.held(guild_id, user_id)
        for role_id in held.difference(role_ids):
            self._end(self._latest[guild_id, user_id][role_id], change)
        for role_id in sorted(set(role_ids) - held):
            self._open(guild_id, user_id, role_id, change, is_start_known=is_start_known)

    def end_roles(self, role_ids: Collection[int], *, change: Observed | Inferred) -> None:
        """Ends every span of some roles."""
        for id_, span in list(self.by_id.items()):
            if span.role_id in role_ids and self._is_held(id_):
                self._end(id_, change)

    def end_guild(self, guild_id: int, *, change: Observed | Inferred) -> None:
        """Ends every span in a guild."""
        for id_, span in list(self.by_id.items()):
            if span.guild_id == guild_id and self._is_held(id_):
                self._end(id_, change)

    def _is_held(self, id_: UUID) -> bool:
        return self.by_id[id_].ended_at is None

    def _put(self, span: Span) -> None:
        self.by_id[span.id] = span
        self._latest.setdefault((span.guild_id, span.user_id), {})[span.role_id] = span.id

    def _end(self, id_: UUID, change: Observed | Inferred) -> None:
        span = self.by_id[id_]
        ended_at, uncertainty = change.end_of(span)
        self.by_id[id_] = replace(span, ended_at=ended_at, end_uncertainty=uncertainty)

    def _open(
        self,
        guild_id: int,
        user_id: int,
        role_id: int,
        change: Observed | Inferred,
        *,
        is_start_known: bool,
    ) -> None:
        latest = self._latest.get((guild_id, user_id), {}).get(role_id)
        if latest is not None:
            span = self.by_id[latest]
            if span.ended_at is not None and change.at <= span.ended_at:
                self.by_id[latest] = replace(span, ended_at=None, end_uncertainty=0.0)
                return
        self._put(
            Span(
                id=self._new_id(),
                guild_id=guild_id,
                role_id=role_id,
                user_id=user_id,
                started_at=change.at,
                start_uncertainty=max(change.uncertainty, 0.0) if is_start_known else 0.0,
                is_start_known=is_start_known,
            )
        )
