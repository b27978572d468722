"""What really happened in a story: a plain oracle, kept apart from everything it judges."""

from __future__ import annotations

from dataclasses import dataclass, field

from sessions_app.domain.facts import VoiceFlags, VoicePresence

AFK_CHANNEL = 10
PASS = 30_000
NO_HUBS: frozenset[int] = frozenset()


@dataclass
class TrueStay:
    """A stay of a member in a channel, in milliseconds."""

    user_id: int
    channel_id: int
    visit: str
    since: int
    until: int | None = None
    is_moved: bool = False

    def is_dropped(self, micro: int, hubs: frozenset[int] = NO_HUBS) -> bool:
        """Whether V4 keeps no session of it: too short, or a pass through a hub."""
        if self.until is None:
            return False
        length = self.until - self.since
        return length < micro or (self.is_moved and self.channel_id in hubs and length < PASS)


@dataclass
class Truth:
    """Who is where, and all that was, a line of history for each instant of change."""

    now: int = 0
    visits: int = 0
    where: dict[int, TrueStay] = field(default_factory=dict)
    flags: dict[int, int] = field(default_factory=dict)
    stays: list[TrueStay] = field(default_factory=list)
    # (from, until, {user: the kinds that hold}) for each elementary interval.
    conditions: list[tuple[int, int, dict[int, set[str]]]] = field(default_factory=list)

    def pass_time(self, milliseconds: int) -> None:
        """Lets time pass, in which nothing changes."""
        if milliseconds:
            now = {user_id: self._holding(user_id) for user_id in self.where}
            self.conditions.append((self.now, self.now + milliseconds, now))
        self.now += milliseconds

    def _holding(self, user_id: int) -> set[str]:
        stay = self.where[user_id]
        flags = self.flags.get(user_id, 0)
        kinds = set()
        if flags & (VoiceFlags.MUTE | VoiceFlags.SELF_MUTE):
            kinds.add("muted")
        if flags & (VoiceFlags.DEAF | VoiceFlags.SELF_DEAF):
            kinds.add("deafened")
        if flags & VoiceFlags.SELF_VIDEO:
            kinds.add("camera")
        if flags & VoiceFlags.SELF_STREAM:
            kinds.add("streaming")
        if stay.channel_id == AFK_CHANNEL:
            kinds.add("afk")
        if all(
            other.channel_id != stay.channel_id
            for other in self.where.values()
            if other is not stay
        ):
            kinds.add("alone")
        return kinds

    def go(self, user_id: int, channel_id: int | None) -> None:
        """Lets a member join, move or leave."""
        old = self.where.pop(user_id, None)
        if old is not None:
            old.until = self.now
            old.is_moved = channel_id is not None
        if channel_id is None:
            self.flags.pop(user_id, None)
            return
        if old is None:
            self.visits += 1
        visit = f"v{self.visits}" if old is None else old.visit
        stay = TrueStay(user_id, channel_id, visit, self.now)
        self.where[user_id] = stay
        self.stays.append(stay)

    def presence(self, user_id: int) -> VoicePresence:
        """A member's voice state as Discord would send it now."""
        stay = self.where.get(user_id)
        if stay is None:
            return VoicePresence(user_id, None, is_bot=False)
        return VoicePresence(
            user_id, stay.channel_id, stay.visit, self.flags.get(user_id, 0), is_bot=False
        )

    def expected(
        self, user_id: int, micro: int, hubs: frozenset[int] = NO_HUBS
    ) -> list[tuple[int, int, int | None]]:
        """The sessions that V3 and V4 make of a member's stays: (channel, from, until)."""
        sessions: list[tuple[int, int, int | None]] = []
        visit = None
        inherited: int | None = None
        for stay in self.stays:
            if stay.user_id != user_id:
                continue
            if stay.visit != visit:
                visit, inherited = stay.visit, None
            since = stay.since if inherited is None else inherited
            if stay.is_dropped(micro, hubs):
                inherited = since
                continue
            inherited = None
            sessions.append((stay.channel_id, since, stay.until))
        return sessions

    def seconds(self, user_id: int, kind: str, since: int, until: int) -> float:
        """How long a condition held of a member within an interval."""
        total = 0
        for start, end, holding in self.conditions:
            if kind in holding.get(user_id, ()):
                total += max(0, min(end, until) - max(start, since))
        return total / 1000
