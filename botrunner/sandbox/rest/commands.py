"""Our application's commands: those of all guilds, and those of one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from botrunner.sandbox.rest.command_form import CHAT_INPUT, read_command
from botrunner.sandbox.rest.errors import ApiError
from botrunner.sandbox.rest.form import Form

if TYPE_CHECKING:
    from botrunner.sandbox.rest.call import Answer, Call

MOST_OF_TYPE = {CHAT_INPUT: 100, 2: 15, 3: 15}


async def get_commands(call: Call) -> Answer:
    """Answers ``GET /applications/{application}/commands``, and a guild's."""
    return list(call.world.commands.get(_scope(call), {}).values())


async def get_command(call: Call) -> Answer:
    """Answers ``GET /applications/{application}/commands/{command}``, and a guild's."""
    return _command(call, _scope(call))


async def delete_command(call: Call) -> Answer:
    """Answers ``DELETE /applications/{application}/commands/{command}``, and a guild's."""
    scope = _scope(call)
    del call.world.commands[scope][int(_command(call, scope)["id"])]


async def put_commands(call: Call) -> Answer:
    """Answers ``PUT /applications/{application}/commands``, and a guild's: these and no others.

    A command of the same name and type keeps its id, and one that is the same its version.
    """
    scope = _scope(call)
    body = await call.json()
    form = Form({})
    if not isinstance(body, list):
        wrong = {"code": "LIST_TYPE_CONVERT", "message": "Only iterables may be used in a ListType"}
        raise ApiError(50035, errors={"_errors": [wrong]})
    read = []
    for index, entry in enumerate(body):
        inner = form.within(str(index), entry)
        if inner is not None:
            read.append(read_command(inner))
    form.check()
    _check_names(form, read)
    counted = Counter(command["type"] for command in read)
    if any(number > MOST_OF_TYPE[kind] for kind, number in counted.items()):
        raise ApiError(30032)
    former = {(each["type"], each["name"]): each for each in _kept(call, scope)}
    made = [_made(call, scope, each, former.get((each["type"], each["name"]))) for each in read]
    call.world.commands[scope] = {int(command["id"]): command for command in made}
    return made


def _check_names(form: Form, commands: list[dict[str, Any]]) -> None:
    seen: set[tuple[int, str]] = set()
    for index, command in enumerate(commands):
        key = command["type"], command["name"]
        if key in seen:
            form.complain(
                f"{index}",
                "APPLICATION_COMMANDS_DUPLICATE_NAME",
                "Application command names must be unique",
            )
        seen.add(key)
    form.check()


def _made(
    call: Call, scope: int | None, command: dict[str, Any], former: dict[str, Any] | None
) -> dict[str, Any]:
    if former is not None and {**former, "options": None, **command} == {"options": None, **former}:
        return former
    shown = {
        "id": str(call.world.new_id()) if former is None else former["id"],
        "application_id": str(call.bot_id),
        "version": str(call.world.new_id()),
    }
    if scope is not None:
        shown["guild_id"] = str(scope)
    return shown | command


def _kept(call: Call, scope: int | None) -> list[dict[str, Any]]:
    return list(call.world.commands.get(scope, {}).values())


def _scope(call: Call) -> int | None:
    """Checks whose application it is, and gives the guild's id where the path has one."""
    if call.id("application", 20012) != call.bot_id:
        raise ApiError(20012)
    return call.guild().id if "guild" in call.request.match_info else None


def _command(call: Call, scope: int | None) -> dict[str, Any]:
    command = call.world.commands.get(scope, {}).get(call.id("command", 10063))
    if command is None:
        raise ApiError(10063)
    return command
