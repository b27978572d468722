"""discord.py's commands, buttons and modals, unchanged, against the sandbox."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import discord
import pytest
from discord import app_commands

from botrunner.sandbox.message import EPHEMERAL
from tests.botrunner.sandbox.controlling import ask
from tests.botrunner.sandbox.discord_bot import until
from tests.botrunner.sandbox.rest_client import text_of
from tests.botrunner.sandbox.socket_client import DEADLINE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.server import Sandbox
    from botrunner.sandbox.world import World

pytestmark = pytest.mark.usefixtures("sandbox_is_discord")
Asked = discord.Interaction["TreeClient"]


class Rename(discord.ui.Modal, title="Rename the room"):
    """Asks for a name, with a select of a person beside it."""

    name: discord.ui.TextInput[Any] = discord.ui.TextInput(label="Name", max_length=20)
    who: discord.ui.Label[Any] = discord.ui.Label(
        text="With whom", component=discord.ui.UserSelect(required=False)
    )

    async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
        assert isinstance(self.who.component, discord.ui.UserSelect)
        chosen = [str(user.id) for user in self.who.component.values]
        await interaction.response.send_message(
            f"Renamed to {self.name.value} {chosen}", ephemeral=True
        )


class Controls(discord.ui.View):
    """A room's buttons."""

    @discord.ui.button(label="Lock", custom_id="room:lock")
    async def lock(self, interaction: Asked, button: discord.ui.Button[Any]) -> None:
        button.label = "Unlock"
        await interaction.response.edit_message(content="Locked", view=self)

    @discord.ui.button(label="Rename", custom_id="room:rename")
    async def rename(self, interaction: Asked, _: discord.ui.Button[Any]) -> None:
        await interaction.response.send_modal(Rename())

    @discord.ui.select(cls=discord.ui.UserSelect, custom_id="room:invite", max_values=3)
    async def invite(self, interaction: Asked, select: discord.ui.UserSelect[Any]) -> None:
        await interaction.response.defer()
        names = ", ".join(str(user.id) for user in select.values)
        await interaction.followup.send(f"Invited {names}", ephemeral=True)


class TreeClient(discord.Client):
    """A client with a tree of commands."""

    def __init__(self) -> None:
        intents = discord.Intents.default()
        super().__init__(intents=intents, guild_ready_timeout=0.2)
        self.tree = app_commands.CommandTree(self)
        self.failed: list[BaseException] = []
        room = app_commands.Group(name="room", description="Your room", guild_only=True)

        @self.tree.command(description="Ask for a room")
        async def voice(interaction: Asked) -> None:
            await interaction.response.defer(ephemeral=True, thinking=True)
            await interaction.edit_original_response(content="Making a room")
            await interaction.edit_original_response(content="Your room is ready")

        @room.command(name="limit", description="How many may be in it")
        @app_commands.describe(number="At most")
        async def limit(interaction: Asked, number: app_commands.Range[int, 0, 99]) -> None:
            await interaction.response.send_message(f"At most {number}", view=Controls())

        @room.command(name="kick", description="Have somebody leave")
        async def kick(interaction: Asked, who: discord.Member) -> None:
            await interaction.response.send_message(f"{who.id} of {who.guild.id}", ephemeral=True)

        @self.tree.command(description="Never answers")
        async def silent(_: Asked) -> None:
            """Leaves the actor without an answer."""

        self.tree.add_command(room)

    async def on_error(self, event_method: str, /, *_: Any, **__: Any) -> None:
        raise AssertionError(event_method)


@contextlib.asynccontextmanager
async def running(sandbox: Sandbox) -> AsyncIterator[TreeClient]:
    async with TreeClient() as client:
        task = asyncio.create_task(client.start(sandbox.token))
        await client.wait_for("ready")
        await client.tree.sync()
        yield client
        await client.close()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def client(sandbox_is_discord: Sandbox) -> AsyncIterator[TreeClient]:
    async with asyncio.timeout(DEADLINE * 2), running(sandbox_is_discord) as ready:
        yield ready


async def answered(sandbox: Sandbox, interaction_id: int, content: str) -> dict[str, Any]:
    """Waits until an actor sees a text, and gives the message."""
    async with asyncio.timeout(DEADLINE):
        while True:
            _, answer = await ask(sandbox, "GET", f"interactions?id={interaction_id}")
            for message in answer["interactions"][0]["messages"]:
                if message["content"] == content:
                    return dict(message)
            await asyncio.sleep(0.01)


async def test_the_tree_is_synced_and_fetched(client: TreeClient, world: World) -> None:
    fetched = {command.name: command for command in await client.tree.fetch_commands()}

    assert set(fetched) == {"voice", "silent", "room"}
    assert [option.name for option in fetched["room"].options] == ["limit", "kick"]
    assert set(world.commands[None]) == {command.id for command in fetched.values()}
    assert client.application_id == world.bot.id


async def test_a_tree_with_a_wrong_command_is_refused_by_its_name(client: TreeClient) -> None:
    wrong = client.tree.get_command("voice")
    assert isinstance(wrong, app_commands.Command)
    wrong.description = "x" * 101

    with pytest.raises(app_commands.CommandSyncFailure, match="voice"):
        await client.tree.sync()


@pytest.mark.usefixtures("client")
async def test_a_command_is_deferred_and_edited(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int]
) -> None:
    used = world.use_command(guild.id, people[0], text_of(guild), "voice")
    message = await answered(sandbox, used.id, "Your room is ready")

    contents = [version.get("content", "") for version in message["versions"]]
    assert contents == ["", "Making a room", "Your room is ready"]
    assert message["flags"] == EPHEMERAL
    assert message["only_for"] == str(people[0])


@pytest.mark.usefixtures("client")
async def test_a_member_option_is_a_member(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int]
) -> None:
    used = world.use_command(
        guild.id, people[0], text_of(guild), "room kick", options={"who": people[1]}
    )

    await answered(sandbox, used.id, f"{people[1]} of {guild.id}")


@pytest.mark.usefixtures("client")
async def test_buttons_modals_and_selects_go_round(
    sandbox: Sandbox,
    world: World,
    guild: Guild,
    people: list[int],
    rooms: list[int],
) -> None:
    used = world.use_command(guild.id, people[0], rooms[0], "room limit", options={"number": 5})
    message = await answered(sandbox, used.id, "At most 5")
    message_id = int(message["id"])
    locked = world.press(guild.id, people[1], message_id, "room:lock")
    await answered(sandbox, locked.id, "Locked")
    asked = world.press(guild.id, people[1], message_id, "room:rename")
    await until(lambda: asked.modal is not None)
    assert asked.modal is not None
    name, who = (
        each.get("component", {}).get("custom_id") or each["components"][0]["custom_id"]
        for each in asked.modal["components"]
    )
    fields = {name: "Den", who: [people[2]]}
    sent = world.submit(guild.id, people[1], asked.id, fields)
    await answered(sandbox, sent.id, f"Renamed to Den ['{people[2]}']")
    chosen = world.choose(guild.id, people[0], message_id, "room:invite", people[3:5])
    invited = await answered(sandbox, chosen.id, f"Invited {people[3]}, {people[4]}")

    assert invited["only_for"] == str(people[0])
    shown = world.message(message_id).component("room:lock")
    assert shown is not None
    assert shown["label"] == "Unlock"
    states = [each.state(world.clock()) for each in world.interactions.values()]
    assert states == ["answered", "answered", "modal", "answered", "acknowledged"]


@pytest.mark.usefixtures("client")
async def test_who_is_not_answered_sees_it(world: World, guild: Guild, people: list[int]) -> None:
    used = world.use_command(guild.id, people[0], text_of(guild), "silent")
    clock = world.clock
    waiting = used.state(clock())
    world.clock = lambda: clock() + timedelta(seconds=3.1)

    assert (waiting, used.state(world.clock())) == ("waiting", "did not respond")


async def test_a_message_with_the_word_is_heard(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int]
) -> None:
    heard: list[str] = []
    client = TreeClient()
    client._connection._intents.message_content = True

    async def on_message(message: discord.Message) -> None:
        heard.append(message.content)
        if not message.author.bot:
            await message.reply("Making a room", mention_author=False)

    client.event(on_message)
    async with client:
        task = asyncio.create_task(client.start(sandbox.token))
        await client.wait_for("ready")
        world.say(guild.id, people[0], text_of(guild), "!voice")
        await until(lambda: len(heard) == 2)
        await client.close()
        await asyncio.gather(task, return_exceptions=True)

    assert heard == ["!voice", "Making a room"]
