"""Plans and events for tests: small makers with sensible defaults, any field by its name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from community.models import ChannelKind, Role
from events_app.domain.plan import Plan
from events_app.models import Change, Event, Participation
from events_app.services.planning import create_event
from tests.factories import NOW, at, make_channel, make_member, snowflake

if TYPE_CHECKING:
    from community.models import Channel, Guild

BERLIN = ZoneInfo("Europe/Berlin")
SANTIAGO = ZoneInfo("America/Santiago")


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def berlin(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


def make_plan(**fields: Any) -> Plan:
    """Makes the plan of a game night of two hours that begins an hour after ``NOW``."""
    values: dict[str, Any] = {
        "title": "Game night",
        "time_zone": "Europe/Berlin",
        "starts_at": at(60),
        "ends_at": at(180),
    }
    return Plan(**values | fields)


def make_event(guild: Guild, *, now: datetime = NOW, **fields: Any) -> Event:
    """Makes an event by the plan of :func:`make_plan`."""
    return create_event(make_plan(**fields), guild_id=guild.pk, actor=None, now=now)


def make_role(guild: Guild, name: str = "Regulars", **columns: Any) -> Role:
    columns.setdefault("id", snowflake())
    return Role.objects.create(guild=guild, name=name, **columns)


def make_category(guild: Guild, name: str = "Lounge", **columns: Any) -> Channel:
    return make_channel(guild, name, kind=ChannelKind.CATEGORY, **columns)


def make_participation(event: Event, **columns: Any) -> Participation:
    user_id = make_member(event.guild).user_id
    return Participation.objects.create(
        event=event, guild_id=event.guild_id, user_id=user_id, **columns
    )


def noted() -> list[Any]:
    """Takes what is noted for the rollup: the ids of events, in order."""
    rows = list(Change.objects.order_by("pk"))
    Change.objects.all().delete()
    assert {row.kind for row in rows} <= {Change.Kind.EVENT}
    return [row.event_id for row in rows]
