"""What members do with rooms: each story makes calls of Discord that no other one makes so."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from botrunner.models import RoomState
from tests.botrunner.gateway.conftest import until
from tests.botrunner.gateway.rooms.conftest import MAKE
from tests.botrunner.gateway.rooms.visitors import CALLBACK, CHANGE, EDIT, EDIT_OWN, WRITE

if TYPE_CHECKING:
    from tests.botrunner.gateway.rooms.refusals import Place

MOST_SECONDS: Final = 40.0
ANSWER_SECONDS: Final = 10.0
CLICK: Final = "enter it by a click"
OF_ASKING: Final = frozenset({CALLBACK, EDIT, MAKE, WRITE, EDIT_OWN})


class Story:
    """One of them.

    Attributes:
        bot_joins: whether the bot sits in the guild's rooms.
        message_intent: whether the bot reads messages.
        elsewhere: calls that another story tries, for which they mean the same.
    """

    bot_joins = False
    message_intent = False
    elsewhere: frozenset[str] = frozenset()

    async def prepare(self, place: Place) -> None:
        """Does what goes before, while all is well."""

    async def begin(self, place: Place) -> None:
        """Does what the story is about."""
        raise NotImplementedError

    def reached(self, place: Place) -> bool:
        """Tells whether all is as it is to be; has members go on where they can."""
        raise NotImplementedError


def is_open(place: Place) -> bool:
    """Has the owner enter a room that is there; tells whether they are in it, with its buttons."""
    room, channel = place.room(), place.channel()
    if room is None or channel is None:
        return False
    if room.state == RoomState.WAITING and place.rooms.where(0) in {None, place.hub_id}:
        place.rooms.enter(0, channel.id)
    return room.state == RoomState.OCCUPIED and place.panel().startswith("This is")


class Asking(Story):
    """A member asks for a room and joins it."""

    elsewhere = frozenset({EDIT_OWN})

    async def begin(self, place: Place) -> None:
        place.use("voice")

    def reached(self, place: Place) -> bool:
        return is_open(place) and "Your room is open" in place.asker_reads()


class Sitting(Asking):
    """The bot sits in it."""

    bot_joins = True
    elsewhere = OF_ASKING

    def reached(self, place: Place) -> bool:
        state = place.guild.voice_states.get(place.rooms.world.bot.id)
        room = place.room()
        return (
            is_open(place)
            and room is not None
            and state is not None
            and state.channel_id == room.channel_id
        )


class Ending(Sitting):
    """Its owner closes it."""

    async def prepare(self, place: Place) -> None:
        await Sitting.begin(self, place)
        await until(lambda: Sitting.reached(self, place), seconds=MOST_SECONDS)

    async def begin(self, place: Place) -> None:
        place.use("close")

    def reached(self, place: Place) -> bool:
        room = place.room()
        assert room is not None
        return (
            room.state == RoomState.CLOSED
            and place.channel() is None
            and place.rooms.world.bot.id not in place.guild.voice_states
            and "Your room is over: its owner closed it." in place.asker_reads()
        )


class Renaming(Story):
    """Its owner gives it another name."""

    elsewhere = OF_ASKING - {EDIT}

    async def prepare(self, place: Place) -> None:
        place.use("voice")
        await until(lambda: is_open(place), seconds=MOST_SECONDS)

    async def begin(self, place: Place) -> None:
        place.use("room rename", name="Den")

    def reached(self, place: Place) -> bool:
        room, channel = place.room(), place.channel()
        return (
            room is not None
            and channel is not None
            and channel.name == room.name_applied == room.name == "Den"
        )


class Hub(Story):
    """A member enters a hub, and is moved to a room."""

    elsewhere = OF_ASKING - {MAKE}

    async def prepare(self, place: Place) -> None:
        place.hub_id = (await place.rooms.hub()).channel_id
        place.chats.add(place.hub_id)

    async def begin(self, place: Place) -> None:
        assert place.hub_id is not None
        if place.rooms.where(0) is not None:
            place.rooms.leave(0)
        place.rooms.enter(0, place.hub_id)

    def reached(self, place: Place) -> bool:
        room = place.room()
        is_inside = room is not None and place.rooms.where(0) == room.channel_id
        # Who waits in the hub enters by a click where they read that they can, and not before.
        return (is_inside or CLICK in place.asker_reads()) and is_open(place)


class Running(Hub):
    """Its owner says who may come in, and how many."""

    elsewhere = OF_ASKING - {EDIT_OWN}

    async def prepare(self, place: Place) -> None:
        await Hub.prepare(self, place)
        await Hub.begin(self, place)
        await until(lambda: is_open(place), seconds=MOST_SECONDS)
        channel = place.channel()
        assert channel is not None
        place.rooms.enter(1, channel.id)

    async def begin(self, place: Place) -> None:
        room = place.room()
        assert room is not None
        owner = place.rooms.members.index(room.owner_id)
        whom = place.rooms.people(1)
        for command, options in (
            ("limit", {"number": 3}),
            ("lock", {}),
            ("unlock", {}),
            ("kick", {"member": whom}),
            ("transfer", {"member": place.rooms.people(2)}),
        ):
            place.use(f"room {command}", who=owner, **options)
            with contextlib.suppress(AssertionError):
                await until(lambda: place.visitors.shown(place.used[-1]), seconds=ANSWER_SECONDS)

    def reached(self, place: Place) -> bool:
        channel = place.channel()
        if channel is None:
            return False
        denied = {each.target_id for each in channel.overwrites if each.deny}
        return (
            channel.user_limit == 3
            and place.rooms.where(1) is None
            and place.rooms.people(1) in denied
            and place.guild.id not in denied
            and f"<@{place.rooms.people(2)}>'s room" in place.panel()
        )


class Form(Renaming):
    """Its owner presses a button, fills a form in and sends it off."""

    elsewhere = OF_ASKING - {CALLBACK} | {CHANGE}

    async def begin(self, place: Place) -> None:
        room, channel = place.room(), place.channel()
        assert room is not None
        assert channel is not None
        [panel] = [each for each in place.visitors.chat(channel.id) if not each.is_ephemeral]
        pressed = place.visitors.press(0, panel, room, "rename")
        with contextlib.suppress(AssertionError):
            await until(lambda: pressed.modal is not None, seconds=ANSWER_SECONDS)
        if pressed.modal is None:
            return
        place.used.append(
            place.rooms.world.submit(
                place.guild.id, place.rooms.people(0), pressed.id, {"value": "Den"}
            )
        )


class Lost(Story):
    """The answer to a creation was lost, and nothing was heard of the channel."""

    elsewhere = OF_ASKING

    async def prepare(self, place: Place) -> None:
        place.lay(MAKE, always=False, way="cut", after_effect=True)

    async def begin(self, place: Place) -> None:
        place.use("voice")

    def reached(self, place: Place) -> bool:
        return is_open(place) and len(place.rooms.made()) == 1


class Message(Story):
    """A member asks by a message."""

    message_intent = True
    elsewhere = OF_ASKING - {WRITE, EDIT_OWN}

    async def begin(self, place: Place) -> None:
        place.rooms.world.say(place.guild.id, place.rooms.people(0), place.visitors.text, "!voice")

    def reached(self, place: Place) -> bool:
        return is_open(place) and "Your room is open" in place.asker_reads()


STORIES: Final[dict[str, Story]] = {
    "asking": Asking(),
    "sitting": Sitting(),
    "ending": Ending(),
    "renaming": Renaming(),
    "running": Running(),
    "form": Form(),
    "hub": Hub(),
    "lost": Lost(),
    "message": Message(),
}
