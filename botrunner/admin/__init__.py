"""The pages of rooms: what there is, its story, hubs, and what staff decide."""

from botrunner.admin import hub, quarantine, room

__all__ = ["hub", "quarantine", "room"]
