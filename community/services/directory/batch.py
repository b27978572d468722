"""A batch of the directory's events, from the stored rows to the changed ones."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from community import registry
from community.domain.difference import difference
from community.domain.mirror import Mirror
from community.domain.role_spans import RoleSpans
from community.models.ids import new_id
from community.registry import RolesChanged
from community.services.directory import channels, guilds, members, role_spans, roles
from community.services.directory.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from community.domain.difference import Difference
    from community.domain.directory import DirectoryEvent
    from community.domain.role_knowledge import MemberRow
    from community.domain.role_spans import Span

logger = logging.getLogger(__name__)


def apply(events: Sequence[DirectoryEvent]) -> None:
    """Brings the directory in step with events, in their order of arrival.

    The rows that the events can touch are read, the events are taken in one after the
    other in memory, and what then differs is written: the number of statements does not
    depend on the number of events. It is a transaction of its own, and the same events a
    second time change nothing.

    Args:
        events: those of any number of guilds, no guild's at the same time in two calls.
    """
    if not events:
        return
    scope = Scope.of(events)
    with transaction.atomic():
        mirror = _read(scope)
        old_guilds, old_roles = dict(mirror.guilds), dict(mirror.roles)
        old_channels, old_members = dict(mirror.channels), dict(mirror.members)
        old_spans = dict(mirror.spans.by_id)
        for event in events:
            mirror.apply(event)
        members.forget_roles(mirror.forgotten)
        old_members = {
            key: replace(row, roles_known_since=None) if key[0] in mirror.forgotten else row
            for key, row in old_members.items()
        }
        guild_change = difference(old_guilds, mirror.guilds)
        role_change = difference(old_roles, mirror.roles)
        channel_change = difference(old_channels, mirror.channels)
        member_change = difference(old_members, mirror.members)
        span_change = difference(old_spans, mirror.spans.by_id)
        guilds.write(guild_change)
        roles.write(role_change)
        channels.write(channel_change, old=old_channels)
        members.write(member_change)
        role_spans.write(span_change)
        _tell(span_change, member_change, old_members)
    if scope.named_roles:
        logger.info(
            "Sighted guilds %s: wrote %d roles, %d channels, %d members, %d role spans",
            sorted(scope.named_roles),
            len(role_change.upserted),
            len(channel_change.upserted),
            len(member_change.upserted),
            len(span_change.upserted),
        )


def _tell(
    spans: Difference[UUID, Span],
    members: Difference[tuple[int, int], MemberRow],
    old_members: Mapping[tuple[int, int], MemberRow],
) -> None:
    """Tells the floors above whose roles, or whose joining of a guild, changed."""
    since: dict[int, datetime] = {}
    users: defaultdict[int, set[int]] = defaultdict(set)
    for span in spans.upserted:
        at, uncertainty = (
            (span.started_at, span.start_uncertainty)
            if span.ended_at is None
            else (span.ended_at, span.end_uncertainty)
        )
        at -= timedelta(seconds=uncertainty)
        since[span.guild_id] = min(at, since.get(span.guild_id, at))
        users[span.guild_id].add(span.user_id)
    joined: defaultdict[int, list[int]] = defaultdict(list)
    for row in members.upserted:
        record = row.record
        old = old_members.get((record.guild_id, record.user_id))
        if old is None or old.record.joined_at != record.joined_at:
            joined[record.guild_id].append(record.user_id)
    registry.tell_of_roles(
        [
            *(
                RolesChanged(guild_id, sorted(who), since[guild_id])
                for guild_id, who in users.items()
            ),
            *(RolesChanged(guild_id, sorted(who), None) for guild_id, who in joined.items()),
        ]
    )


def _read(scope: Scope) -> Mirror:
    known_guilds = guilds.load(scope)
    known_roles = roles.load(scope)
    unnamed_roles = {
        id_
        for id_, row in known_roles.items()
        if row.gone_at is None and id_ not in scope.named_roles.get(row.record.guild_id, {id_})
    }
    spans = role_spans.load(scope, ended_roles=scope.ended_roles | unnamed_roles)
    return Mirror(
        spans=RoleSpans(spans, new_id=new_id),
        guilds=known_guilds,
        roles=known_roles,
        channels=channels.load(scope),
        members=members.load(scope),
    )
