"""The slash commands of rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands

from botrunner.domain.rooms.names import LONGEST
from botrunner.models.hub import MOST_USERS

if TYPE_CHECKING:
    from botrunner.gateway.rooms.answering import Answering

# discord.py reads what commands take from these at run time.
Used = discord.Interaction[Any]
Name = app_commands.Range[str, 1, LONGEST]
Number = app_commands.Range[int, 0, MOST_USERS]


def tree_of(client: discord.Client, answering: Answering) -> app_commands.CommandTree[Any]:
    """Hangs the commands on a client that has not connected yet."""
    tree: app_commands.CommandTree[Any] = app_commands.CommandTree(
        client,
        allowed_contexts=app_commands.AppCommandContext(guild=True),
        allowed_installs=app_commands.AppInstallationType(guild=True),
    )
    _add_alone(tree, answering)
    group = app_commands.Group(name="room", description="Run your room", guild_only=True)
    _add_settings(group, answering)
    _add_people(group, answering)
    tree.add_command(group)
    return tree


def _add_alone(tree: app_commands.CommandTree[Any], answering: Answering) -> None:
    @tree.command(name="voice", description="Ask for a private voice channel of your own")
    @app_commands.guild_only()
    async def voice(used: Used) -> None:
        await answering.ask_for_room(used)

    @tree.command(name="close", description="Close your room, or take your request back")
    @app_commands.guild_only()
    async def close(used: Used) -> None:
        await answering.act(used, "close")


def _add_settings(group: app_commands.Group, answering: Answering) -> None:
    @group.command(name="rename", description="Call it something else")
    @app_commands.describe(name="Its new name")
    async def rename(used: Used, name: Name) -> None:
        await answering.act(used, "rename", value=name)

    @group.command(name="limit", description="Limit how many may be in it")
    @app_commands.describe(number="At most so many; 0 for any number")
    async def limit(used: Used, number: Number) -> None:
        await answering.act(used, "limit", value=str(number))

    @group.command(name="lock", description="Let nobody in any more but whom you invite")
    async def lock(used: Used) -> None:
        await answering.act(used, "lock")

    @group.command(name="unlock", description="Take the lock back")
    async def unlock(used: Used) -> None:
        await answering.act(used, "unlock")

    @group.command(name="extend", description="Put its end off by five minutes")
    async def extend(used: Used) -> None:
        await answering.act(used, "extend")


def _add_people(group: app_commands.Group, answering: Answering) -> None:
    @group.command(name="invite", description="Let somebody in")
    @app_commands.describe(member="Whom")
    async def invite(used: Used, member: discord.User) -> None:
        await answering.act(used, "invite", value=member)

    @group.command(name="kick", description="Send somebody out")
    @app_commands.describe(member="Whom")
    async def kick(used: Used, member: discord.User) -> None:
        await answering.act(used, "kick", value=member)

    @group.command(name="transfer", description="Hand it over to somebody else")
    @app_commands.describe(member="To whom")
    async def transfer(used: Used, member: discord.User) -> None:
        await answering.act(used, "transfer", value=member)

    @group.command(
        name="claim", description="Take over the room that you are in, if its owner left"
    )
    async def claim(used: Used) -> None:
        await answering.act(used, "claim")
