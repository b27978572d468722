"""Channels with their overwrites: read and written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from community.domain.difference import Difference, difference
from community.domain.directory import ChannelRecord, OverwriteRecord
from community.domain.mirror import Row
from community.models import Channel, Overwrite

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from community.services.directory.scope import Scope

_RECORD = (
    "id",
    "guild_id",
    "kind",
    "name",
    "position",
    "parent_id",
    "bitrate",
    "user_limit",
    "rtc_region",
)
_MIRRORED = (*_RECORD[1:], "gone_at")


def load(scope: Scope) -> dict[int, Row[ChannelRecord]]:
    """Reads the channels of a batch, each with its overwrites in the targets' order."""
    overwrites: dict[int, list[OverwriteRecord]] = {}
    for channel_id, *overwrite in (
        Overwrite.objects.filter(
            Q(channel__guild__in=scope.named_roles) | Q(channel__in=scope.channels)
        )
        .order_by("target_id")
        .values_list("channel_id", "target_id", "target_kind", "allow", "deny")
    ):
        overwrites.setdefault(channel_id, []).append(OverwriteRecord(*overwrite))
    rows = Channel.objects.filter(
        Q(guild__in=scope.named_roles) | Q(id__in=scope.channels)
    ).values_list(*_RECORD, "gone_at")
    return {
        row[0]: Row(
            ChannelRecord(
                id=row[0],
                guild_id=row[1],
                kind=row[2],
                name=row[3],
                position=row[4],
                parent_id=row[5],
                bitrate=row[6],
                user_limit=row[7],
                rtc_region=row[8],
                overwrites=tuple(overwrites.get(row[0], ())),
            ),
            row[9],
        )
        for row in rows.order_by()
    }


def write(
    change: Difference[int, Row[ChannelRecord]], *, old: Mapping[int, Row[ChannelRecord]]
) -> None:
    """Writes what changed; overwrites that are no longer named are deleted.

    Args:
        change: what became of the channels.
        old: the channels as they were read.
    """
    Channel.objects.bulk_create(
        [
            Channel(
                id=row.record.id,
                guild_id=row.record.guild_id,
                kind=row.record.kind,
                name=row.record.name,
                position=row.record.position,
                parent_id=row.record.parent_id,
                bitrate=row.record.bitrate,
                user_limit=row.record.user_limit,
                rtc_region=row.record.rtc_region,
                gone_at=row.gone_at,
            )
            for row in change.upserted
        ],
        update_conflicts=True,
        update_fields=_MIRRORED,
        unique_fields=["id"],
    )
    _write_overwrites(
        difference(
            _overwrites(old[channel_id] for channel_id in change.changed),
            _overwrites(change.upserted),
        )
    )


def _overwrites(
    channels: Iterable[Row[ChannelRecord]],
) -> dict[tuple[int, int], OverwriteRecord]:
    """Gives the overwrites of some channels by channel and target."""
    return {
        (row.record.id, overwrite.target_id): overwrite
        for row in channels
        for overwrite in row.record.overwrites
    }


def _write_overwrites(change: Difference[tuple[int, int], OverwriteRecord]) -> None:
    if change.removed:
        candidates = Overwrite.objects.filter(
            channel__in={channel_id for channel_id, _ in change.removed}
        ).values_list("id", "channel_id", "target_id")
        removed = [row[0] for row in candidates.order_by() if row[1:] in change.removed]
        Overwrite.objects.filter(id__in=removed).delete()
    Overwrite.objects.bulk_create(
        [
            Overwrite(
                channel_id=channel_id,
                target_id=overwrite.target_id,
                target_kind=overwrite.target_kind,
                allow=overwrite.allow,
                deny=overwrite.deny,
            )
            for (channel_id, _), overwrite in {**change.added, **change.changed}.items()
        ],
        update_conflicts=True,
        update_fields=["target_kind", "allow", "deny"],
        unique_fields=["channel", "target_id"],
    )
