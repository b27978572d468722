"""Which records a request may see, which version it saw, and in whose name it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.db.models import OuterRef, Subquery

from community.api.authentication import guild_ids_of
from community.api.problems import ApiError, NotFoundError
from community.models import Guild
from community.services.access import guild_ids_seen_by, within
from events_app.models import Event, EventSeries

if TYPE_CHECKING:
    from uuid import UUID

    from django.contrib.auth.models import User
    from django.db.models import Model, QuerySet

    from community.api.authentication import KeyedRequest

    Rows = TypeVar("Rows", bound=QuerySet[Any])
    Row = TypeVar("Row", bound=Model)

ADD, CHANGE, CREDIT, REWARD = (
    f"events_app.{name}_event" for name in ("add", "change", "credit", "reward")
)
"""What the account behind a key has to be allowed, as in the admin."""


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


def named(rows: Rows) -> Any:
    """Adds the guilds' names, in the same statement, also where one is not mirrored."""
    names = Guild.objects.filter(id=OuterRef("guild_id")).values("name")
    return rows.annotate(guild_name=Subquery(names))


def record_of(
    rows: QuerySet[Row],
    request: KeyedRequest,
    record_id: UUID,
    *,
    what: str,
    maker: User | None = None,
) -> Row:
    """Finds one of some rows within a key's reach; with a maker, one that they may change.

    Args:
        rows: rows with a column ``guild_id``.
        request: the request.
        record_id: the row's id.
        what: what such a row is called.
        maker: the account that writes; None where nothing is written.

    Raises:
        NotFoundError: there is none.
    """
    kept = reachable(rows, request) if maker is None else writable(rows, request, maker)
    row: Row | None = kept.filter(pk=record_id).first()
    if row is None:
        raise NotFoundError(what=what)
    return row


def event_of(request: KeyedRequest, event_id: UUID, *, maker: User | None = None) -> Event:
    """Finds an event; see :func:`record_of`."""
    events = cast("QuerySet[Event]", Event.objects.select_related("series"))
    return record_of(events, request, event_id, what="event", maker=maker)


def series_of(request: KeyedRequest, series_id: UUID, *, maker: User | None = None) -> EventSeries:
    """Finds a series; see :func:`record_of`."""
    return record_of(EventSeries.objects.all(), request, series_id, what="series", maker=maker)


def version_seen(given: int | None, event: Event) -> int:
    """Gives the version that a change was made for.

    Where the client names none, it is the one that the change was put on: what somebody
    else changes in that instant is not taken back by it.
    """
    return event.version if given is None else given


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
