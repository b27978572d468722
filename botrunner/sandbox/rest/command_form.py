"""Reads application commands, as strictly as Discord does.

Source: Discord's developer documentation, "Application commands".
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Final

from botrunner.sandbox.filled import (
    CHANNEL,
    GROUP,
    INTEGER,
    NUMBER,
    STRING,
    SUBCOMMAND,
)

if TYPE_CHECKING:
    from botrunner.sandbox.rest.form import Form

CHAT_INPUT, USER, MESSAGE = 1, 2, 3
OPTION_TYPES: Final = tuple(range(1, 12))
MOST_NAME, MOST_DESCRIPTION, MOST_OPTIONS, MOST_SIZE = 32, 100, 25, 8_000
MOST_STRING, MOST_WHOLE = 6_000, 2**53
MOST_PERMISSIONS: Final = (1 << 64) - 1
#: Marks of these two scripts belong to their words.
MARKED: Final = ("DEVANAGARI", "THAI")


def read_command(form: Form) -> dict[str, Any]:
    """Reads one command; what is wrong with it is noted in the form."""
    kind = CHAT_INPUT
    if form.has("type"):
        kind = form.choice("type", (CHAT_INPUT, USER, MESSAGE)) or CHAT_INPUT
    command: dict[str, Any] = {
        "type": kind,
        "name": _read_name(form, strict=kind == CHAT_INPUT),
        "name_localizations": form.fields.get("name_localizations"),
        "description": _read_description(form, kind),
        "description_localizations": form.fields.get("description_localizations"),
        "default_member_permissions": _read_permissions(form),
        "dm_permission": form.flag("dm_permission") is not False,
        "contexts": _read_numbers(form, "contexts", (0, 1, 2)),
        "integration_types": _read_numbers(form, "integration_types", (0, 1)) or [0],
        "nsfw": bool(form.flag("nsfw")),
    }
    options = form.listed("options", most=MOST_OPTIONS) or []
    if options and kind != CHAT_INPUT:
        form.complain(
            "options",
            "APPLICATION_COMMAND_OPTIONS_NOT_ALLOWED",
            "Options are only allowed for chat input commands",
        )
    elif options:
        command["options"] = _read_options(form, options, allowed=OPTION_TYPES)
    if not form.errors and _size(command) > MOST_SIZE:
        form.complain(
            "name",
            "APPLICATION_COMMAND_TOO_LARGE",
            f"Command exceeds maximum size ({MOST_SIZE})",
        )
    return command


def _read_name(form: Form, *, strict: bool) -> str | None:
    name = form.text("name", least=1, most=MOST_NAME, required=True)
    if name is None or not strict:
        return name
    if not all(_in_a_name(letter) for letter in name):
        words = "String value did not match validation regex."
        form.complain("name", "STRING_TYPE_REGEX", words)
    if not all(_in_a_name(letter) for letter in name) or name != name.lower():
        form.complain("name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    return name


def _in_a_name(letter: str) -> bool:
    r"""Says whether a letter matches ``[-_'\\p{L}\\p{N}\\p{sc=Deva}\\p{sc=Thai}]``."""
    return (
        letter in "-_'"
        or unicodedata.category(letter)[0] in "LN"
        or unicodedata.name(letter, "").startswith(MARKED)
    )


def _read_description(form: Form, kind: int) -> str:
    if kind == CHAT_INPUT:
        return form.text("description", least=1, most=MOST_DESCRIPTION, required=True) or ""
    return form.text("description", most=0) or ""


def _read_permissions(form: Form) -> str | None:
    """Reads a set of permissions, as a text or a number."""
    value = form.fields.get("default_member_permissions")
    if value is None:
        return None
    text = str(value)
    if isinstance(value, bool) or not text.isdigit() or int(text) > MOST_PERMISSIONS:
        form.complain(
            "default_member_permissions",
            "APPLICATION_COMMAND_INVALID_DEFAULT_MEMBER_PERMISSIONS",
            "Default member permissions must be a valid permission set",
        )
        return None
    return text


def _read_numbers(form: Form, name: str, choices: tuple[int, ...]) -> list[int] | None:
    values = form.listed(name, most=len(choices))
    if values is None:
        return None
    for index, value in enumerate(values):
        if type(value) is not int or value not in choices:
            wanted = ", ".join(str(choice) for choice in choices)
            form.complain(
                f"{name}.{index}", "BASE_TYPE_CHOICES", f"Value must be one of {{{wanted}}}."
            )
    return values


def _read_options(
    form: Form, entries: list[Any], *, allowed: tuple[int, ...]
) -> list[dict[str, Any]]:
    options: list[dict[str, Any]] = []
    for index, entry in enumerate(entries):
        inner = form.within(f"options.{index}", entry)
        if inner is not None:
            options.append(_read_option(inner, allowed))
    if len({option["name"] for option in options}) < len(options):
        form.complain(
            "options",
            "APPLICATION_COMMAND_OPTIONS_NAME_INVALID",
            "Option names must be unique within a command",
        )
    nesting = [option["type"] in (SUBCOMMAND, GROUP) for option in options]
    if any(nesting) and not all(nesting):
        form.complain(
            "options",
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
            "Sub-command and sub-command group option types are mutually exclusive to all other "
            "types",
        )
    required = [bool(option.get("required")) for option in options]
    if required != sorted(required, reverse=True):
        form.complain(
            f"options.{required.index(True, required.index(False))}",
            "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
            "Required options must be placed before non-required options",
        )
    return options


def _read_option(form: Form, allowed: tuple[int, ...]) -> dict[str, Any]:
    kind = form.choice("type", allowed)
    if not form.has("type"):
        form.complain("type", "BASE_TYPE_REQUIRED", "This field is required")
    option: dict[str, Any] = {
        "type": kind,
        "name": _read_name(form, strict=True),
        "description": form.text("description", least=1, most=MOST_DESCRIPTION, required=True),
    }
    if kind in (SUBCOMMAND, GROUP):
        entries = form.listed("options", most=MOST_OPTIONS) or []
        below = (SUBCOMMAND,) if kind == GROUP else OPTION_TYPES[2:]
        option["options"] = _read_options(form, entries, allowed=below)
        return option
    if form.flag("required"):
        option["required"] = True
    if kind in (STRING, INTEGER, NUMBER):
        option |= _read_range(form, kind) | _read_choices(form, kind)
    if kind == CHANNEL and form.has("channel_types"):
        option["channel_types"] = _read_numbers(form, "channel_types", tuple(range(17))) or []
    return option


def _read_range(form: Form, kind: int) -> dict[str, Any]:
    if kind == STRING:
        read = {
            "min_length": form.whole("min_length", least=0, most=MOST_STRING),
            "max_length": form.whole("max_length", least=1, most=MOST_STRING),
        }
        return {name: value for name, value in read.items() if value is not None}
    limits: dict[str, Any] = {}
    for name in ("min_value", "max_value"):
        value = form.fields.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(
            value, int if kind == INTEGER else int | float
        ):
            form.complain(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not a number.')
        elif abs(value) > MOST_WHOLE:
            words = f"int value should be less than or equal to {MOST_WHOLE}."
            form.complain(name, "NUMBER_TYPE_MAX", words)
        else:
            limits[name] = value
    return limits


def _read_choices(form: Form, kind: int) -> dict[str, Any]:
    autocomplete = form.flag("autocomplete")
    entries = form.listed("choices", most=MOST_OPTIONS) or []
    choices = []
    for index, entry in enumerate(entries):
        choice = form.within(f"choices.{index}", entry)
        if choice is None:
            continue
        name = choice.text("name", least=1, most=MOST_DESCRIPTION, required=True)
        value = choice.fields.get("value")
        wanted = str if kind == STRING else int if kind == INTEGER else (int, float)
        if not isinstance(value, wanted) or isinstance(value, bool) or value == "":
            choice.complain("value", "BASE_TYPE_REQUIRED", "This field is required")
        choices.append({"name": name, "value": value})
    if autocomplete and choices:
        form.complain(
            "autocomplete",
            "APPLICATION_COMMAND_AUTOCOMPLETE_WITH_CHOICES",
            "Autocomplete cannot be used together with choices",
        )
    return ({"choices": choices} if choices else {}) | (
        {"autocomplete": True} if autocomplete else {}
    )


def _size(part: Any) -> int:
    """Counts what counts: the characters of names, descriptions and values."""
    own = sum(len(str(part.get(name) or "")) for name in ("name", "description", "value"))
    below = [*part.get("options", ()), *part.get("choices", ())]
    return own + sum(_size(each) for each in below)
