"""The mirror of Discord's directory: guilds, roles, channels, members and who held what."""

from community.services.directory.batch import apply

__all__ = ["apply"]
