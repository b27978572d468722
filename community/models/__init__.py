"""The tables that every app shares."""

from community.models.access import GuildAccess
from community.models.api_key import ApiKey
from community.models.audit import AuditEntry
from community.models.channel import Channel, ChannelKind, Overwrite, OverwriteTarget
from community.models.guild import Guild
from community.models.job_run import JobRun
from community.models.member import Member, Role, RoleSpan
from community.models.outbox import OutboxItem, OutboxState
from community.models.shard import Shard

__all__ = [
    "ApiKey",
    "AuditEntry",
    "Channel",
    "ChannelKind",
    "Guild",
    "GuildAccess",
    "JobRun",
    "Member",
    "OutboxItem",
    "OutboxState",
    "Overwrite",
    "OverwriteTarget",
    "Role",
    "RoleSpan",
    "Shard",
]
