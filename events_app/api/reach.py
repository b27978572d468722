"""Which records a request may see, and in whose name it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from community.api.authentication import guild_ids_of
from community.api.problems import ApiError, NotFoundError
from community.models import Guild
from community.services.access import guild_ids_seen_by, within
from events_app.models import Event, EventSeries

if TYPE_CHECKING:
    from uuid import UUID

    from django.contrib.auth.models import User
    from django.db.models import QuerySet

    from community.api.authentication import KeyedRequest

    Rows = TypeVar("Rows", bound=QuerySet[Any])


class MakerMissingError(ApiError):
    """Nothing can be written by this key: the account that made it is gone or inactive."""

    code = "maker_missing"
    status = 403


class MakerNotAllowedError(ApiError):
    """The account that made this key lacks the permission {permission}."""

    code = "maker_not_allowed"
    status = 403


class GuildBeyondReachError(ApiError):
    """guild_id should be the id of a guild within your key's reach."""

    code = "invalid"
    status = 422


def maker_of(request: KeyedRequest, permission: str) -> User:
    """Finds the account in whose name a request writes: the one that made its key.

    What that account may do no more, its keys do no more either. A key without an account
    writes nothing, since in the trail it would be taken for Discord.

    Args:
        request: the request.
        permission: what the account has to be allowed, such as ``events_app.add_event``.

    Raises:
        MakerMissingError: there is no such account, or it is inactive.
        MakerNotAllowedError: it lacks the permission.
    """
    maker = request.auth.created_by
    if maker is None or not maker.is_active:
        raise MakerMissingError
    if not maker.has_perm(permission):
        raise MakerNotAllowedError(permission=permission)
    return maker


def reachable(rows: Rows, request: KeyedRequest) -> Rows:
    """Keeps the rows of the guilds that a request's key reaches."""
    return within(rows, guild_ids_of(request.auth))


def writable(rows: Rows, request: KeyedRequest, maker: User) -> Rows:
    """Keeps the rows of the guilds that a key reaches and its maker still sees."""
    return within(reachable(rows, request), guild_ids_seen_by(maker))


def event_of(request: KeyedRequest, event_id: UUID, *, maker: User | None = None) -> Event:
    """Finds an event within a key's reach; with a maker, one that they may change.

    Raises:
        NotFoundError: there is none.
    """
    events = cast("QuerySet[Event]", Event.objects.select_related("series"))
    kept = reachable(events, request) if maker is None else writable(events, request, maker)
    event = kept.filter(pk=event_id).first()
    if event is None:
        raise NotFoundError(what="event")
    return event


def series_of(request: KeyedRequest, series_id: UUID) -> EventSeries:
    """Finds a series within a key's reach.

    Raises:
        NotFoundError: there is none.
    """
    series = reachable(EventSeries.objects.all(), request).filter(pk=series_id).first()
    if series is None:
        raise NotFoundError(what="series")
    return series


def guild_for(request: KeyedRequest, guild_id: int, *, maker: User) -> int:
    """Checks that a key and its maker may write into a guild.

    Raises:
        GuildBeyondReachError: they may not, or there is no such guild.
    """
    reached, seen = guild_ids_of(request.auth), guild_ids_seen_by(maker)
    known = Guild.objects.filter(pk=guild_id).exists()
    if not known or any(some is not None and guild_id not in some for some in (reached, seen)):
        raise GuildBeyondReachError(field="guild_id")
    return guild_id
