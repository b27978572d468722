"""Whom a message notifies: what its text names, as far as ``allowed_mentions`` lets it.

Source: Discord's developer documentation, "Allowed mentions object". Without the field
whatever the text names is notified; with it, only what it lists.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from botrunner.sandbox.rest.errors import ApiError
from botrunner.sandbox.rest.form import Form
from community.domain.permissions import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botrunner.sandbox.entities import Guild

FIELD: Final = "allowed_mentions"
MOST_NAMED: Final = 100
PARSED: Final = ("roles", "users", "everyone")

_USER: Final = re.compile("<@!?([0-9]{1,19})>", re.ASCII)
_ROLE: Final = re.compile("<@&([0-9]{1,19})>", re.ASCII)
_EVERYONE: Final = re.compile("@(?:everyone|here)")


class Allowed:
    """What a message may notify; everything that its text names where nothing is said."""

    def __init__(self, form: Form) -> None:
        """Reads the field, and complains in the form of what is wrong with it."""
        self._kinds = frozenset(PARSED)
        self._ids: Mapping[str, frozenset[int]] = {"users": frozenset(), "roles": frozenset()}
        given = form.fields.get(FIELD)
        if given is None:
            return
        try:
            read = Form(given)
        except ApiError:
            form.complain(
                FIELD, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType"
            )
            return
        self._kinds = frozenset(self._parsed(read))
        self._ids = {kind: frozenset(self._named(read, kind)) for kind in ("users", "roles")}
        read.flag("replied_user")
        for kind, ids in self._ids.items():
            if ids and kind in self._kinds:
                form.complain(
                    FIELD,
                    "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                    f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.',
                )
        if read.errors:
            form.errors.setdefault(FIELD, {}).update(read.errors)

    @staticmethod
    def _parsed(read: Form) -> list[str]:
        kinds = read.listed("parse", most=len(PARSED)) or []
        for index, kind in enumerate(kinds):
            if kind not in PARSED:
                wanted = ", ".join(f"'{name}'" for name in PARSED)
                read.complain(
                    f"parse.{index}", "BASE_TYPE_CHOICES", f"Value must be one of ({wanted})."
                )
        return [kind for kind in kinds if isinstance(kind, str)]

    @staticmethod
    def _named(read: Form, kind: str) -> list[int]:
        given = read.listed(kind, most=MOST_NAMED) or []
        ids = [read.id_of(value, f"{kind}.{index}") for index, value in enumerate(given)]
        return [found for found in ids if found is not None]

    def notified(self, content: str, guild: Guild, *, held: int) -> dict[str, Any]:
        """Says whom a text notifies, in the fields of a message.

        Args:
            content: the text.
            guild: where it is written.
            held: the author's permissions there, on which it depends to notify everyone.
        """
        may_all = bool(held & Permission.MENTION_EVERYONE)
        users = [
            guild.members[user_id].user.payload()
            for user_id in _found(_USER, content)
            if user_id in guild.members and self._lets("users", user_id)
        ]
        roles = [
            str(role_id)
            for role_id in _found(_ROLE, content)
            if role_id in guild.roles
            and self._lets("roles", role_id)
            and (may_all or guild.roles[role_id].mentionable)
        ]
        everyone = may_all and "everyone" in self._kinds and bool(_EVERYONE.search(content))
        return {"mentions": users, "mention_roles": roles, "mention_everyone": everyone}

    def _lets(self, kind: str, id_: int) -> bool:
        return kind in self._kinds or id_ in self._ids[kind]


def _found(pattern: re.Pattern[str], content: str) -> dict[int, None]:
    """Gives the ids in a text, each once, in their order."""
    return dict.fromkeys(int(found) for found in pattern.findall(content))
