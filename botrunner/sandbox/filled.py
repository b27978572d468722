"""What an actor fills in: a command's options, a select's choices, a modal's fields.

Each function gives the part of INTERACTION_CREATE's data, and refuses what Discord's client
would not let anybody send.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn

from botrunner.sandbox.entities import stamp
from botrunner.sandbox.errors import CannotDoError
from botrunner.sandbox.snowflakes import read_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from botrunner.sandbox.entities import Channel, Guild

SUBCOMMAND, GROUP, STRING, INTEGER, BOOLEAN = 1, 2, 3, 4, 5
USER, CHANNEL, ROLE, MENTIONABLE, NUMBER = 6, 7, 8, 9, 10
_PYTHON: Final[dict[int, tuple[type, ...]]] = {
    STRING: (str,),
    INTEGER: (int,),
    BOOLEAN: (bool,),
    NUMBER: (int, float),
}
#: Component types, and what an entity select (user, role, mentionable, channel) chooses among.
ACTION_ROW, BUTTON, STRING_SELECT, TEXT_INPUT, USER_SELECT = 1, 2, 3, 4, 5
ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT, TEXT_DISPLAY, LABEL = 6, 7, 8, 10, 18
SELECTS: Final = (STRING_SELECT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT)
_CHOSEN_AS: Final = {
    USER_SELECT: USER,
    ROLE_SELECT: ROLE,
    MENTIONABLE_SELECT: MENTIONABLE,
    CHANNEL_SELECT: CHANNEL,
}


def refuse(why: str) -> NoReturn:
    """Says what an actor cannot do."""
    raise CannotDoError(why=why)


def partial_channel(guild: Guild, channel: Channel, *, permissions: int) -> dict[str, Any]:
    """Shows a channel as interactions do: without its overwrites, with somebody's permissions."""
    shown = {k: v for k, v in channel.payload().items() if k != "permission_overwrites"}
    return shown | {"guild_id": str(guild.id), "permissions": str(permissions)}


class Resolved:
    """Collects the objects that ids in an interaction stand for."""

    def __init__(self, guild: Guild, *, now: Any) -> None:
        self.guild = guild
        self.now = now
        self.shown: dict[str, dict[str, Any]] = {}

    def look_up(self, kind: int, value: Any) -> str:
        """Finds what an id of a kind of option stands for, and gives it as a string."""
        number, guild = read_id(value), self.guild
        if number is not None and kind in (USER, MENTIONABLE) and number in guild.members:
            member = guild.members[number]
            part = {k: v for k, v in member.payload().items() if k not in ("user", "mute", "deaf")}
            part["permissions"] = str(guild.permissions_of(number, now=self.now))
            part["joined_at"] = stamp(member.joined_at)
            self._add("members", number, part)
            self._add("users", number, member.user.payload())
        elif number is not None and kind in (ROLE, MENTIONABLE) and number in guild.roles:
            self._add("roles", number, guild.roles[number].payload())
        elif number is not None and kind == CHANNEL and number in guild.channels:
            shown = partial_channel(guild, guild.channels[number], permissions=0)
            self._add("channels", number, shown)
        else:
            refuse(f"{value!r} is nothing that can be chosen.")
        return str(number)

    def _add(self, name: str, number: int, shown: dict[str, Any]) -> None:
        self.shown.setdefault(name, {})[str(number)] = shown


def fill_command(
    command: Mapping[str, Any], words: Sequence[str], given: Mapping[str, Any], resolved: Resolved
) -> list[dict[str, Any]]:
    """Fills in a command's options.

    Args:
        command: as it was registered.
        words: the subcommand's name, or the group's and the subcommand's; empty without.
        given: values by option.
        resolved: where the users, roles and channels among them are collected.
    """
    declared = command.get("options") or []
    nested = [option for option in declared if option["type"] in (SUBCOMMAND, GROUP)]
    if nested:
        chosen = next((option for option in nested if words and option["name"] == words[0]), None)
        if chosen is None:
            refuse(f"{command['name']} has the subcommands {[each['name'] for each in nested]}.")
        within = fill_command(chosen, words[1:], given, resolved)
        return [{"name": chosen["name"], "type": chosen["type"], "options": within}]
    unknown = set(given) - {option["name"] for option in declared}
    if words or unknown:
        refuse(f"{command['name']} has no {', '.join([*words, *sorted(unknown)])}.")
    filled = []
    for option in declared:
        if given.get(option["name"]) is not None:
            filled.append(_fill_option(option, given[option["name"]], resolved))
        elif option.get("required"):
            refuse(f"the option {option['name']} is required.")
    return filled


def _fill_option(option: Mapping[str, Any], value: Any, resolved: Resolved) -> dict[str, Any]:
    kind, name = option["type"], option["name"]
    if kind in _PYTHON:
        if not isinstance(value, _PYTHON[kind]) or (kind != BOOLEAN and isinstance(value, bool)):
            refuse(f"the option {name} cannot be {value!r}.")
        choices = [choice["value"] for choice in option.get("choices") or ()]
        if choices and value not in choices:
            refuse(f"the option {name} is one of {choices}.")
        size = len(value) if isinstance(value, str) else value
        ends = ("min_length", "max_length") if kind == STRING else ("min_value", "max_value")
        least, most = (option.get(end) for end in ends)
        if (least is not None and size < least) or (most is not None and size > most):
            refuse(f"the option {name} must be from {least} to {most}.")
    else:
        value = resolved.look_up(kind, value)
        types = option.get("channel_types")
        if kind == CHANNEL and types and resolved.shown["channels"][value]["type"] not in types:
            refuse(f"the option {name} takes channels of the types {types}.")
    return {"name": name, "type": kind, "value": value}


def fill_select(select: Mapping[str, Any], values: Sequence[Any], resolved: Resolved) -> list[str]:
    """Chooses in a select; the ids of an entity select are collected in ``resolved``."""
    least, most = select.get("min_values", 1), select.get("max_values", 1)
    if not least <= len(values) <= most or len(set(values)) != len(values):
        refuse(f"one chooses from {least} to {most} of them.")
    if select["type"] != STRING_SELECT:
        return [resolved.look_up(_CHOSEN_AS[select["type"]], value) for value in values]
    offered = [option["value"] for option in select["options"]]
    if set(values) - set(offered):
        refuse(f"there is only {offered} to choose from.")
    return list(values)


def fill_modal(
    modal: Mapping[str, Any], given: Mapping[str, Any], resolved: Resolved
) -> list[dict[str, Any]]:
    """Fills in a modal: texts, and lists for selects, by custom id."""
    unknown = dict(given)
    filled: list[dict[str, Any]] = []
    for top in modal["components"]:
        if top["type"] == TEXT_DISPLAY:
            filled.append({"type": TEXT_DISPLAY, "id": top["id"]})
            continue
        inner = top["component"] if top["type"] == LABEL else top["components"][0]
        field = _fill_field(inner, unknown.pop(inner["custom_id"], None), resolved)
        within = {"component": field} if top["type"] == LABEL else {"components": [field]}
        filled.append({"type": top["type"], "id": top["id"]} | within)
    if unknown:
        refuse(f"the modal has no {', '.join(unknown)}.")
    return filled


def _fill_field(field: Mapping[str, Any], value: Any, resolved: Resolved) -> dict[str, Any]:
    shown = {"type": field["type"], "id": field["id"], "custom_id": field["custom_id"]}
    required = field.get("required", True)
    if field["type"] != TEXT_INPUT:
        chosen = [] if value is None else value
        if not chosen and not required:
            return shown | {"values": []}
        return shown | {"values": fill_select(field, chosen, resolved)}
    text = field.get("value", "") if value is None else value
    if not isinstance(text, str):
        refuse(f"the field {field['custom_id']} takes a text.")
    least, most = field.get("min_length", 0), field.get("max_length", 4_000)
    if (not text and required) or (text and not least <= len(text) <= most):
        refuse(f"the field {field['custom_id']} takes from {least} to {most} characters.")
    return shown | {"value": text}
