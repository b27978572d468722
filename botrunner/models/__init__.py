"""Rooms, the hubs that give them, and channels that may be ours."""

from botrunner.models.hub import Hub, RoomRules
from botrunner.models.quarantine import QuarantinedChannel, QuarantineState
from botrunner.models.room import Room, RoomKind, RoomReason, RoomState, RoomStep

__all__ = [
    "Hub",
    "QuarantineState",
    "QuarantinedChannel",
    "Room",
    "RoomKind",
    "RoomReason",
    "RoomRules",
    "RoomState",
    "RoomStep",
]
