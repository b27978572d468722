"""Records cut to what the columns can hold, so that no odd name or number stops a batch.

What Discord sends is within its own documented limits nearly always; what is not is cut
here and not refused, since a directory that is slightly short is better than one that
stands still. The comparison with what is stored happens after this, so a record that was
cut is not written again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from community.domain.directory import (
    ChannelRecord,
    GuildRecord,
    MemberRecord,
    OverwriteRecord,
    RoleRecord,
)

# Lengths of the columns in characters, which are Discord's limits for the names.
TITLE_LENGTH: Final = 100  # of a guild, a role, a channel
PERSON_LENGTH: Final = 32  # of a user, in each of their names
HASH_LENGTH: Final = 64
REGION_LENGTH: Final = 32

_LARGEST_SMALL: Final = 2**15 - 1
_LARGEST: Final = 2**31 - 1
_PERMISSION_BITS: Final = 2**63 - 1


def fit_text(text: str, length: int) -> str:
    """Drops what PostgreSQL refuses (NUL, lone surrogates) and cuts to ``length``."""
    if not text.isascii():
        text = text.encode("utf-8", "ignore").decode("utf-8")
    return text.replace("\0", "")[:length]


def fit_permissions(bits: int) -> int:
    """Keeps the lower 63 bits, those that a signed 64-bit column can hold.

    Discord's highest bit is far below (52 in 2026); a higher one would be one that
    Rollcall does not know, and is left out rather than read as another.
    """
    return bits & _PERMISSION_BITS


def _fit_count(number: int, largest: int = _LARGEST) -> int:
    return min(max(number, 0), largest)


def _fit_optional(number: int | None) -> int | None:
    return None if number is None else _fit_count(number)


def _fit_position(number: int) -> int:
    return min(max(number, -_LARGEST), _LARGEST)


def fit_guild(record: GuildRecord) -> GuildRecord:
    """Fits a guild's own fields."""
    return replace(
        record,
        name=fit_text(record.name, TITLE_LENGTH),
        icon=fit_text(record.icon, HASH_LENGTH),
        afk_timeout=_fit_count(record.afk_timeout),
        member_count=_fit_optional(record.member_count),
    )


def fit_role(record: RoleRecord) -> RoleRecord:
    """Fits a role."""
    return replace(
        record,
        name=fit_text(record.name, TITLE_LENGTH),
        color=_fit_count(record.color),
        position=_fit_position(record.position),
        permissions=fit_permissions(record.permissions),
    )


def fit_channel(record: ChannelRecord) -> ChannelRecord:
    """Fits a channel, with one overwrite for each target, in the targets' order."""
    overwrites = {
        overwrite.target_id: OverwriteRecord(
            target_id=overwrite.target_id,
            target_kind=_fit_count(overwrite.target_kind, _LARGEST_SMALL),
            allow=fit_permissions(overwrite.allow),
            deny=fit_permissions(overwrite.deny),
        )
        for overwrite in record.overwrites
    }
    return replace(
        record,
        kind=_fit_count(record.kind, _LARGEST_SMALL),
        name=fit_text(record.name, TITLE_LENGTH),
        position=_fit_position(record.position),
        bitrate=_fit_optional(record.bitrate),
        user_limit=_fit_optional(record.user_limit),
        rtc_region=fit_text(record.rtc_region, REGION_LENGTH),
        overwrites=tuple(overwrites[target_id] for target_id in sorted(overwrites)),
    )


def fit_member(record: MemberRecord, known: MemberRecord | None) -> MemberRecord:
    """Fits a member, without their roles, which are kept as spans.

    A record without a username came without its user: what is known of the user stays.
    So does the time of joining where the record has none.
    """
    user = known if known is not None and not record.username else record
    joined_at = record.joined_at
    if joined_at is None and known is not None:
        joined_at = known.joined_at
    return MemberRecord(
        guild_id=record.guild_id,
        user_id=record.user_id,
        username=fit_text(user.username, PERSON_LENGTH),
        global_name=fit_text(user.global_name, PERSON_LENGTH),
        nick=fit_text(record.nick, PERSON_LENGTH),
        avatar=fit_text(user.avatar, HASH_LENGTH),
        is_bot=user.is_bot,
        joined_at=joined_at,
        role_ids=frozenset(),
    )
