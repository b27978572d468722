"""Reads what a message is to show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botrunner.sandbox.message import COMPONENTS_V2, EPHEMERAL
from botrunner.sandbox.rest.component_form import read_message_components

if TYPE_CHECKING:
    from botrunner.sandbox.rest.form import Form

MOST_CONTENT, MOST_EMBEDS = 2_000, 10
MOST_TITLE, MOST_DESCRIPTION, MOST_FIELDS, MOST_IN_EMBEDS = 256, 4_096, 25, 6_000
SUPPRESS_EMBEDS, SUPPRESS_NOTIFICATIONS = 1 << 2, 1 << 12
#: What a bot may set on a message of its own; on an answer to an interaction `EPHEMERAL` too.
OWN_FLAGS: Final = SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | COMPONENTS_V2
MOST_FLAGS: Final = (1 << 53) - 1


def read_message(
    form: Form, *, is_answer: bool = False, former: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Reads a message's fields; null empties one.

    Args:
        form: the body.
        is_answer: whether it answers an interaction, so that it can be for one member alone.
        former: what it showed before, where it is edited.
    """
    before = 0 if former is None else former.get("flags", 0)
    fields: dict[str, Any] = {}
    flags = form.whole("flags", least=0, most=MOST_FLAGS)
    if flags is not None:
        kept = OWN_FLAGS | (EPHEMERAL if is_answer and former is None else 0)
        fields["flags"] = flags & kept | before & (EPHEMERAL | COMPONENTS_V2)
    is_v2 = bool(fields.get("flags", before) & COMPONENTS_V2)
    if form.has("content"):
        fields["content"] = form.text("content", most=MOST_CONTENT) or ""
    if form.has("embeds"):
        fields["embeds"] = _read_embeds(form)
    if form.has("components"):
        fields["components"] = read_message_components(form, is_v2=is_v2)
    if is_v2:
        for name in ("content", "embeds"):
            if fields.get(name):
                form.complain(
                    name,
                    "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                    f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
                )
    return fields


def is_empty(fields: dict[str, Any]) -> bool:
    """Says whether a message would show nothing."""
    return not any(fields.get(name) for name in ("content", "embeds", "components"))


def _read_embeds(form: Form) -> list[Any]:
    embeds = form.listed("embeds", most=MOST_EMBEDS) or []
    length = 0
    for index, entry in enumerate(embeds):
        embed = form.within(f"embeds.{index}", entry)
        if embed is None:
            continue
        length += len(embed.text("title", most=MOST_TITLE) or "")
        length += len(embed.text("description", most=MOST_DESCRIPTION) or "")
        for number, each in enumerate(embed.listed("fields", most=MOST_FIELDS) or []):
            field = embed.within(f"fields.{number}", each)
            if field is not None:
                length += len(field.text("name", least=1, most=256, required=True) or "")
                length += len(field.text("value", least=1, most=1_024, required=True) or "")
    if length > MOST_IN_EMBEDS:
        form.complain(
            "embeds",
            "MAX_EMBED_SIZE_EXCEEDED",
            f"Embed size exceeds maximum size of {MOST_IN_EMBEDS}",
        )
    return embeds
