"""What the floors above record of a guild, a member or a channel, for the links on its page.

Filled in ``AppConfig.ready()``.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.db.models import Model

_lists: defaultdict[str, list[tuple[type[Model], str]]] = defaultdict(list)
_pages: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)


def link_list(model: type[Model], text: str, *, to: tuple[str, ...]) -> None:
    """Adds a link to a list in the admin to the pages of other records.

    Args:
        model: whose list it is; it must be filtered by the names in ``to``.
        text: the link's words.
        to: the pages that it stands on: ``guild``, ``member``, ``channel``.
    """
    for name in to:
        _lists[name].append((model, text))


def lists_of(name: str) -> list[tuple[type[Model], str]]:
    """Lists what was added for a kind of page."""
    return list(_lists[name])


def link_page(address: str, text: str, *, to: tuple[str, ...]) -> None:
    """Adds a link to a page of a record's own to the pages of such records.

    Args:
        address: the page's name among the admin's addresses; it takes the record's key.
        text: the link's words.
        to: the pages that it stands on: ``guild``.
    """
    for name in to:
        _pages[name].append((address, text))


def pages_of(name: str) -> list[tuple[str, str]]:
    """Lists the pages that were added for a kind of record."""
    return list(_pages[name])
