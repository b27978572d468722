"""The admin's pages of what every app shares."""

from community.admin import accounts, channel, guild, member, running, schedules, trail

__all__ = ["accounts", "channel", "guild", "member", "running", "schedules", "trail"]
