"""A tracker with its table, told single facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from community.models.ids import new_id
from sessions_app.domain.facts import (
    GapReplayed,
    PresenceChecked,
    VoiceChanged,
    VoicePresence,
    VoiceSnapshot,
)
from sessions_app.domain.tracker import Tracker
from tests.sessions_app.domain.table import Table, after

if TYPE_CHECKING:
    from sessions_app.domain.changes import Batch, SessionRow

GUILD = 1 << 22
USER, OTHER = 7, 8
LOBBY, STUDY = 10, 11
# When the member of the fixtures came or left.
SEEN = 10_000


def sat(channel_id: int | None, user_id: int = USER, **more: Any) -> VoicePresence:
    """Where Discord says that a member is."""
    return VoicePresence(user_id, channel_id, **({"voice_session_id": "v"} | more))


def ends(row: SessionRow) -> tuple[object, ...]:
    """Where a session lies, and by how many seconds each end may be off."""
    return row.started_at, row.start_uncertainty, row.ended_at, row.end_uncertainty


class Desk:
    """A tracker with its table, told facts in milliseconds; its guild is stated at 0."""

    def __init__(self) -> None:
        self.tracker = Tracker(new_id=new_id)
        self.table = Table()
        self.state(0, since=0)
        self.write()

    def voice(
        self,
        at: int,
        channel_id: int | None,
        user_id: int = USER,
        *,
        uncertainty: float = 0.0,
        **more: Any,
    ) -> None:
        """Tells what an event says."""
        presence = sat(channel_id, user_id, **more)
        self.tracker.apply(VoiceChanged(GUILD, presence, after(at), uncertainty))

    def state(self, at: int, *presences: VoicePresence, since: int | None, **more: Any) -> None:
        """Tells who is in voice, after a blind gap."""
        present = {presence.user_id: presence for presence in presences}
        blind_since = None if since is None else after(since)
        self.tracker.apply(VoiceSnapshot(GUILD, present, blind_since, after(at), **more))

    def check(self, asked_at: int, at: int, presence: VoicePresence) -> None:
        """Tells what Discord answered twice."""
        self.tracker.apply(PresenceChecked(GUILD, presence, after(asked_at), after(at)))

    def replay(self, since: int, at: int, **more: Any) -> None:
        """Tells that all that was missed has come."""
        self.tracker.apply(GapReplayed(after(since), after(at), **more))

    def write(self) -> Batch:
        """Writes what changed, and gives it."""
        self.batch = batch = self.tracker.take()
        self.table.write(batch)
        self.table.check()
        return batch

    def rows(self, user_id: int = USER) -> list[SessionRow]:
        """A member's sessions, once all is written."""
        self.write()
        return self.table.of_member(user_id)

    def restart(self) -> None:
        """Has a new tracker go on from the table."""
        self.write()
        self.tracker = self.table.restore(new_id)
