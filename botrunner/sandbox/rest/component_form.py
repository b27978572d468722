"""Reads the components of a message or a modal, as strictly as Discord does.

Source: Discord's developer documentation, "Component reference".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botrunner.sandbox.filled import (
    ACTION_ROW,
    BUTTON,
    LABEL,
    SELECTS,
    STRING_SELECT,
    TEXT_DISPLAY,
    TEXT_INPUT,
)
from botrunner.sandbox.message import walk

if TYPE_CHECKING:
    from collections.abc import Collection

    from botrunner.sandbox.rest.form import Form

SECTION, CONTAINER = 9, 17
#: Thumbnail, media gallery, file and separator: what they show nobody here looks at.
PLAIN: Final = (11, 12, 13, 14)
MOST_ROWS, MOST_BUTTONS, MOST_COMPONENTS = 5, 5, 40
MOST_CUSTOM_ID, MOST_LABEL, MOST_FIELD_LABEL, MOST_PLACEHOLDER = 100, 80, 45, 150
MOST_CHOICES, MOST_TEXT, MOST_DISPLAYED = 25, 4_000, 4_000
STYLES, LINK, PREMIUM = (1, 2, 3, 4, 5, 6), 5, 6


def read_message_components(form: Form, *, is_v2: bool) -> list[dict[str, Any]]:
    """Reads a message's ``components``; without the flag of the newer kind only rows stand there.

    Returns:
        Them with an ``id`` each, as Discord numbers them.
    """
    entries = form.listed("components", most=MOST_COMPONENTS if is_v2 else MOST_ROWS) or []
    kinds = (ACTION_ROW, SECTION, TEXT_DISPLAY, CONTAINER, *PLAIN) if is_v2 else (ACTION_ROW,)
    for index, entry in enumerate(entries):
        _read_top(form, f"components.{index}", entry, kinds)
    return _numbered(form, entries)


def read_modal(form: Form) -> dict[str, Any]:
    """Reads a modal: rows with one text input each, or labels with one field each."""
    title = form.text("title", least=1, most=MOST_FIELD_LABEL, required=True)
    custom_id = form.text("custom_id", least=1, most=MOST_CUSTOM_ID, required=True)
    entries = form.listed("components", most=MOST_ROWS) or []
    if not entries:
        form.complain("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
    for index, entry in enumerate(entries):
        inner, kind = _typed(form, f"components.{index}", entry, (ACTION_ROW, TEXT_DISPLAY, LABEL))
        if inner is None:
            continue
        if kind == ACTION_ROW:
            held = inner.listed("components", most=1) or []
            if not held:
                inner.complain(
                    "components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 1 in length."
                )
            for each in held:
                _read_field(inner, "components.0", each, (TEXT_INPUT,), labelled=True)
        elif kind == LABEL:
            inner.text("label", least=1, most=MOST_FIELD_LABEL, required=True)
            inner.text("description", most=100)
            fields = (TEXT_INPUT, *SELECTS)
            _read_field(inner, "component", inner.fields.get("component"), fields, labelled=False)
    return {"title": title, "custom_id": custom_id, "components": _numbered(form, entries)}


def _typed(
    form: Form, place: str, entry: Any, kinds: Collection[int]
) -> tuple[Form | None, int | None]:
    """Opens a component and reads its type."""
    inner = form.within(place, entry)
    if inner is None:
        return None, None
    kind = inner.fields.get("type")
    if type(kind) is not int or kind not in kinds:
        wanted = ", ".join(str(each) for each in kinds)
        inner.complain(
            "type", "UNION_TYPE_CHOICES", f'Value of field "type" must be one of ({wanted},).'
        )
        return None, None
    return inner, kind


def _read_top(form: Form, place: str, entry: Any, kinds: Collection[int]) -> None:
    inner, kind = _typed(form, place, entry, kinds)
    if inner is None:
        return
    if kind == ACTION_ROW:
        _read_row(inner)
    elif kind == TEXT_DISPLAY:
        inner.text("content", least=1, most=MOST_DISPLAYED, required=True)
    elif kind in (SECTION, CONTAINER):
        inside = (TEXT_DISPLAY,) if kind == SECTION else (ACTION_ROW, SECTION, TEXT_DISPLAY, *PLAIN)
        for index, each in enumerate(inner.listed("components", most=MOST_COMPONENTS) or []):
            _read_top(inner, f"components.{index}", each, inside)
        if kind == SECTION:
            button, of = _typed(inner, "accessory", inner.fields.get("accessory"), (BUTTON, 11))
            if button is not None and of == BUTTON:
                _read_button(button)


def _read_row(row: Form) -> None:
    entries = row.listed("components", most=MOST_BUTTONS)
    if not entries:
        row.complain("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
        return
    kinds = []
    for index, entry in enumerate(entries):
        inner, kind = _typed(row, f"components.{index}", entry, (BUTTON, *SELECTS))
        if inner is None:
            return
        kinds.append(kind)
        if kind == BUTTON:
            _read_button(inner)
        else:
            _read_select(inner, kind)
    if len(kinds) > 1 and any(kind != BUTTON for kind in kinds):
        row.complain(
            "components",
            "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
            "The specified component exceeds the maximum width",
        )


def _read_button(button: Form) -> None:
    style = button.choice("style", STYLES)
    if style is None:
        if not button.has("style"):
            button.complain("style", "BASE_TYPE_REQUIRED", "This field is required")
        return
    button.flag("disabled")
    label = button.text("label", most=MOST_LABEL)
    if style == LINK:
        button.text("url", least=1, most=512, required=True)
        if button.has("custom_id"):
            button.complain(
                "custom_id",
                "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
                "A custom id and url cannot both be specified",
            )
    elif style != PREMIUM:
        button.text("custom_id", least=1, most=MOST_CUSTOM_ID, required=True)
    if style != PREMIUM and not label and not button.fields.get("emoji"):
        button.complain(
            "label",
            "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED",
            "A label or an emoji must be specified",
        )


def _read_select(select: Form, kind: int | None) -> None:
    select.text("custom_id", least=1, most=MOST_CUSTOM_ID, required=True)
    select.text("placeholder", most=MOST_PLACEHOLDER)
    select.flag("disabled")
    select.whole("min_values", least=0, most=MOST_CHOICES)
    select.whole("max_values", least=1, most=MOST_CHOICES)
    if kind != STRING_SELECT:
        return
    entries = select.listed("options", most=MOST_CHOICES) or []
    if not entries:
        select.complain("options", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 25 in length.")
    values = []
    for index, entry in enumerate(entries):
        option = select.within(f"options.{index}", entry)
        if option is not None:
            option.text("label", least=1, most=100, required=True)
            option.text("description", most=100)
            values.append(option.text("value", least=1, most=100, required=True))
    if len(set(values)) < len(values):
        select.complain(
            "options",
            "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
            "The specified option value is already used",
        )


def _read_field(
    form: Form, place: str, entry: Any, kinds: Collection[int], *, labelled: bool
) -> None:
    """Reads the one field of a row or a label in a modal."""
    inner, kind = _typed(form, place, entry, kinds)
    if inner is None:
        return
    inner.flag("required")
    if kind != TEXT_INPUT:
        _read_select(inner, kind)
        return
    inner.text("custom_id", least=1, most=MOST_CUSTOM_ID, required=True)
    if inner.choice("style", (1, 2)) is None and not inner.has("style"):
        inner.complain("style", "BASE_TYPE_REQUIRED", "This field is required")
    if labelled:
        inner.text("label", least=1, most=MOST_FIELD_LABEL, required=True)
    inner.whole("min_length", least=0, most=MOST_TEXT)
    inner.whole("max_length", least=1, most=MOST_TEXT)
    inner.text("value", most=MOST_TEXT)
    inner.text("placeholder", most=100)


def _numbered(form: Form, entries: list[Any]) -> list[dict[str, Any]]:
    """Refuses custom ids that stand there twice, and gives each component an id."""
    if form.errors:
        return []
    numbered = _copied(entries)
    seen: set[str] = set()
    for number, component in enumerate(walk(numbered), start=1):
        component.setdefault("id", number)
        custom_id = component.get("custom_id")
        if custom_id is not None and custom_id in seen:
            form.complain(
                "components",
                "COMPONENT_CUSTOM_ID_DUPLICATED",
                "Component custom id cannot be duplicated",
            )
        if custom_id is not None:
            seen.add(custom_id)
    return numbered


def _copied(entries: list[Any]) -> list[dict[str, Any]]:
    """Copies components, so that what was sent stays as it was."""
    copies = []
    for entry in entries:
        copy = {k: v for k, v in entry.items() if v is not None}
        if "components" in copy:
            copy["components"] = _copied(copy["components"])
        for name in ("accessory", "component"):
            if name in copy:
                (copy[name],) = _copied([copy[name]])
        copies.append(copy)
    return copies
