"""What a shard works with, under one lease."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

    from botrunner.gateway.asking import Asking
    from botrunner.gateway.blindness import Sight
    from botrunner.gateway.books import Books
    from botrunner.gateway.client import Connection
    from botrunner.gateway.comparing import Comparing
    from botrunner.gateway.feed import Feed
    from botrunner.gateway.interests import Interests
    from botrunner.gateway.members import MemberRequests
    from botrunner.gateway.pipeline import Pipeline
    from botrunner.gateway.pulse import Pulse
    from botrunner.gateway.rooms.answering import Answering
    from botrunner.gateway.rooms.faces import Faces
    from botrunner.gateway.rooms.keeper import RoomKeeper
    from community.domain.leases import Lease


@dataclass(slots=True)
class Watch:
    """What a shard works with between two looks at the database's memory."""

    lease: Lease
    sight: Sight
    requests: MemberRequests
    books: Books
    pipeline: Pipeline
    feed: Feed
    interests: Interests
    rooms: RoomKeeper
    pulse: Pulse = field(init=False)
    comparing: Comparing = field(init=False)
    asking: Asking = field(init=False)
    faces: Faces = field(init=False)
    answering: Answering = field(init=False)
    connection: Connection | None = None

    def tasks(self) -> list[asyncio.Task[Any]]:
        """Lists what is under way beside the shard's own tasks."""
        return [
            *self.asking.tasks(),
            *self.rooms.tasks(),
            *self.faces.tasks(),
            *self.answering.tasks(),
        ]
