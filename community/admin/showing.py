"""How records and times are shown in the admin: links, names, times with their zone."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ObjectDoesNotExist
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode

if TYPE_CHECKING:
    from django.db.models import Model
    from django.utils.safestring import SafeString

NOTHING = "-"


def related(row: Model, name: str) -> Any:
    """Finds a row's related record; None where it is not mirrored (yet)."""
    try:
        return getattr(row, name)
    except ObjectDoesNotExist:
        return None


def link_to(record: Model, text: object | None = None) -> SafeString:
    """Links to a record's page in the admin."""
    meta = record._meta
    words = str(record if text is None else text)
    return format_html(
        '<a class="rc-link" href="{}" title="{}">{}</a>',
        reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[record.pk]),
        words,
        words,
    )


def link_to_list(model: type[Model], text: str, **filters: str | int) -> SafeString:
    """Links to a list in the admin, filtered."""
    meta = model._meta
    return format_html(
        '<a class="rc-link" href="{}?{}">{}</a>',
        reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"),
        urlencode(filters),
        text,
    )


def links_to_lists(*lists: tuple[type[Model], str], **filters: str | int) -> SafeString:
    """Links to several lists, filtered alike."""
    return format_html_join(
        " · ", "{}", ((link_to_list(model, text, **filters),) for model, text in lists)
    )


def links_to_pages(*pages: tuple[str, str], key: object) -> SafeString:
    """Links to pages of a record's own, by their names among the admin's addresses."""
    return format_html_join(
        " · ",
        '<a class="rc-link" href="{}">{}</a>',
        ((reverse(f"admin:{address}", args=[key]), text) for address, text in pages),
    )


def link_or_id(row: Model, name: str, *, id_name: str, kind: str) -> SafeString | str:
    """Links to a row's related record, or names it by its id where it is not mirrored."""
    record = related(row, name)
    if record is not None:
        return link_to(record)
    record_id = getattr(row, id_name)
    return f"{kind} {record_id}" if record_id else NOTHING


def zone_of(row: Model) -> tzinfo:
    """Tells the time zone that a guild's row is shown in."""
    guild = related(row, "guild")
    zone: tzinfo = guild.zone if guild else UTC
    return zone


def moment(at: datetime | None, zone: tzinfo = UTC) -> SafeString | str:
    """Shows an instant in a zone, which is named; the instant in UTC is its title."""
    if at is None:
        return NOTHING
    return format_html(
        '<time class="rc-time" datetime="{}" title="{}">{}</time>',
        at.astimezone(UTC).isoformat(),
        f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC",
        f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}",
    )
