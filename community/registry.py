"""What the floors above bring: links on the pages of guilds, members and channels, metrics, ears.

And what the demo is to show.

Filled in ``AppConfig.ready()``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from django.db.models import Model
    from prometheus_client.core import Metric

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


MetricsOf = Callable[[datetime], "Iterable[Metric]"]
_metrics: list[str] = []


def add_metrics(path: str) -> None:
    """Adds families to the answer of ``/metrics``.

    Args:
        path: the dotted path of a function that takes the instant of a scrape and gives
            families, in a fixed number of statements. Only the process that is asked for
            metrics imports it.
    """
    _metrics.append(path)


def metrics() -> list[MetricsOf]:
    """Gives the functions that were added."""
    return [import_string(path) for path in _metrics]


SceneOf = Callable[[datetime], None]
_scenes: list[str] = []


def add_to_demo(path: str) -> None:
    """Adds something that the demo shows beside those who are in voice.

    Args:
        path: the dotted path of a function that takes the instant, and makes it once: at
            each start of the demo it is called, and nobody else imports it.
    """
    _scenes.append(path)


def scenes() -> list[SceneOf]:
    """Gives the functions that were added."""
    return [import_string(path) for path in _scenes]


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


class RolesChanged(NamedTuple):
    """Members of a guild whose roles, or whose joining, changed.

    Attributes:
        since: from when on it may matter; None for ever.
    """

    guild_id: int
    user_ids: Sequence[int]
    since: datetime | None


RolesListener = Callable[[Sequence[RolesChanged]], None]
_roles_listeners: list[RolesListener] = []


def hear_of_roles(listener: RolesListener) -> RolesListener:
    """Has an upper floor hear of each change, in the transaction that writes it."""
    _roles_listeners.append(listener)
    return listener


def tell_of_roles(changes: Sequence[RolesChanged]) -> None:
    """Tells those who listen; to be called in the transaction that writes."""
    if changes:
        for listener in _roles_listeners:
            listener(changes)
