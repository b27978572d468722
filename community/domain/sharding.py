"""Which shard a guild belongs to: Discord's rule."""

from __future__ import annotations


def shard_of(guild_id: int, shard_count: int) -> int:
    """Gives the shard, from 0 to ``shard_count`` - 1, that Discord sends a guild's events to."""
    return (guild_id >> 22) % shard_count
