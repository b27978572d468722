"""The world's verbs by name, with arguments as JSON has them."""

from __future__ import annotations

import inspect
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botrunner.sandbox.entities import User
from botrunner.sandbox.scheduled_event import Recurrence
from botrunner.sandbox.snowflakes import read_id
from community.domain.errors import RollcallError
from community.domain.permissions import Overwrite

if TYPE_CHECKING:
    from collections.abc import Callable

    from botrunner.sandbox.world import World

VERBS = (
    "join",
    "move",
    "leave",
    "set_voice",
    "add_member",
    "remove_member",
    "update_member",
    "create_role",
    "update_role",
    "delete_role",
    "create_channel",
    "update_channel",
    "delete_channel",
    "set_overwrite",
    "delete_overwrite",
    "create_scheduled_event",
    "update_scheduled_event",
    "delete_scheduled_event",
    "add_interest",
    "remove_interest",
    "pass_time",
    "update_guild",
    "begin_outage",
    "end_outage",
    "remove_bot",
    "add_bot",
    "say",
    "use_command",
    "press",
    "choose",
    "submit",
    "set_voice_status",
)
#: Verbs that make something whose id is worth knowing, beside those called ``create_…``.
MAKING = frozenset({"say", "use_command", "press", "choose", "submit"})


class WrongVerbError(RollcallError):
    """The sandbox cannot do that: {why}"""  # noqa: D415 (what follows has its full stop)

    code = "wrong_verb"


def do(world: World, verb: Any, arguments: dict[str, Any]) -> Any:
    """Does one of `VERBS`.

    Args:
        world: where.
        verb: which.
        arguments: as the verb takes them; ids may be strings, moments are ISO 8601, an
            overwrite has ``id``, ``type``, ``allow`` and ``deny`` as Discord's, and so has
            a ``recurrence_rule`` its fields.

    Returns:
        The id of what was created, as a string, or None.

    Raises:
        WrongVerbError: if there is no such verb, or it takes no such arguments.
        RollcallError: if what it is about does not exist.
    """
    if verb not in VERBS:
        raise WrongVerbError(why=f"there is no {verb!r}, only {', '.join(VERBS)}.")
    method: Callable[..., Any] = getattr(world, verb)
    try:
        read = {name: _read(world, name, value) for name, value in arguments.items()}
        inspect.signature(method).bind(**read)
        made = method(**read)
    except (TypeError, ValueError, KeyError) as error:
        raise WrongVerbError(why=f"{verb}: {error}.") from error
    makes = verb.startswith("create_") or verb in MAKING
    created = getattr(made, "id", None) if makes else None
    return None if created is None else str(created)


def _read(world: World, name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "user":
        return User(**({"id": world.new_id()} | value | _ids(value)))
    if (name.endswith("_id") and name != "custom_id") or name == "by":
        return _id(value)
    reader = READERS.get(name)
    return value if reader is None else reader(value)


def _id(value: Any) -> int:
    number = read_id(value)
    if number is None:
        raise ValueError(f"{value!r} is no id")
    return number


def _ids(value: dict[str, Any]) -> dict[str, int]:
    return {"id": _id(value["id"])} if "id" in value else {}


def _overwrite(value: dict[str, Any]) -> Overwrite:
    return Overwrite(
        _id(value["id"]),
        is_role=value["type"] == 0,
        allow=int(value.get("allow", 0)),
        deny=int(value.get("deny", 0)),
    )


READERS: dict[str, Callable[[Any], Any]] = {
    "timed_out_until": datetime.fromisoformat,
    "request_to_speak_timestamp": datetime.fromisoformat,
    "roles": lambda value: [_id(role) for role in value],
    "overwrite": _overwrite,
    "overwrites": lambda value: [_overwrite(entry) for entry in value],
    "permissions": int,
    "scheduled_start_time": datetime.fromisoformat,
    "scheduled_end_time": datetime.fromisoformat,
    "recurrence_rule": Recurrence.read,
}
