"""The admin's pages of what every app shares."""

from community.admin import (
    accounts,
    api_key,
    channel,
    guild,
    member,
    running,
    schedules,
    trail,
)

__all__ = [
    "accounts",
    "api_key",
    "channel",
    "guild",
    "member",
    "running",
    "schedules",
    "trail",
]
