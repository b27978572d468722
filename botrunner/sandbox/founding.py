"""Founds a community: its roles, channels and people, all from one seeded generator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botrunner.sandbox.entities import (
    EPOCH_MS,
    VOICE_TYPES,
    Channel,
    ChannelType,
    Guild,
    Member,
    Role,
    User,
)
from botrunner.sandbox.names import (
    COMMUNITIES,
    GIVEN_NAMES,
    HELPER_BOTS,
    NICK_TAILS,
    ROOM_NAMES,
    USERNAME_HEADS,
    USERNAME_TAILS,
)
from community.domain.permissions import Overwrite, Permission

if TYPE_CHECKING:
    import random

#: No account and no guild is younger, so that ids never depend on when the sandbox starts.
FOUNDED_BY = datetime(2026, 1, 1, tzinfo=UTC)

EVERYONE = int(
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.READ_MESSAGE_HISTORY
    | Permission.CONNECT
    | Permission.SPEAK
    | Permission.STREAM
    | Permission.USE_VAD
    | Permission.CHANGE_NICKNAME
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.REQUEST_TO_SPEAK
    | Permission.USE_SOUNDBOARD
    | Permission.SET_VOICE_CHANNEL_STATUS
)
MODERATOR = int(
    Permission.KICK_MEMBERS
    | Permission.MUTE_MEMBERS
    | Permission.DEAFEN_MEMBERS
    | Permission.MOVE_MEMBERS
    | Permission.MANAGE_MESSAGES
    | Permission.MANAGE_NICKNAMES
    | Permission.MODERATE_MEMBERS
    | Permission.VIEW_AUDIT_LOG
)
OUR_BOT = EVERYONE | int(
    Permission.MANAGE_CHANNELS
    | Permission.MANAGE_ROLES
    | Permission.MOVE_MEMBERS
    | Permission.MUTE_MEMBERS
    | Permission.DEAFEN_MEMBERS
    | Permission.VIEW_AUDIT_LOG
    | Permission.CREATE_EVENTS
)
#: (name, permissions, color, share of the members who hold it), lowest first.
ROLES: tuple[tuple[str, int, int, float], ...] = (
    ("Newcomer", 0, 0x95A5A6, 0.25),
    ("Regular", 0, 0x2ECC71, 0.45),
    (
        "Event crew",
        int(Permission.CREATE_EVENTS | Permission.MANAGE_EVENTS | Permission.MOVE_MEMBERS),
        0xE67E22,
        0.05,
    ),
    ("Supporter", int(Permission.PRIORITY_SPEAKER), 0xF47FFF, 0.1),
    ("Moderator", MODERATOR, 0x3498DB, 0.03),
    ("Admin", int(Permission.ADMINISTRATOR), 0xE74C3C, 0.01),
)


#: Shares of the members.
HAVE_GLOBAL_NAME, HAVE_NICK = 0.8, 0.15


def snowflake(rng: random.Random, *, until: datetime = FOUNDED_BY) -> int:
    """Makes an id of a moment between Discord's beginning and ``until``."""
    last = int(until.timestamp() * 1000) - EPOCH_MS
    return rng.randrange(last // 4, last) << 22 | rng.getrandbits(22)


def found_bot(rng: random.Random) -> User:
    """Makes our bot's account."""
    return User(id=snowflake(rng), username="Rollcall", bot=True)


def found_guild(rng: random.Random, *, number: int, members: int, bot: User) -> Guild:
    """Makes a community with our bot in it.

    Args:
        rng: the source of all that is chance in it.
        number: counts the communities, so that neighbours have different names.
        members: people, apart from the bots.
        bot: our bot's account.
    """
    guild_id = snowflake(rng, until=FOUNDED_BY - timedelta(days=365))
    rounds, index = divmod(number, len(COMMUNITIES))
    name = COMMUNITIES[index] + (f" {rounds + 1}" if rounds else "")
    guild = Guild(
        id=guild_id, name=name, owner_id=bot.id, joined_at=FOUNDED_BY + timedelta(days=rng.random())
    )
    _lay_roles(rng, guild)
    _lay_channels(rng, guild)
    _settle_people(rng, guild, members)
    _settle_bots(rng, guild, bot)
    return guild


def _lay_roles(rng: random.Random, guild: Guild) -> None:
    guild.roles[guild.id] = Role(id=guild.id, name="@everyone", permissions=EVERYONE)
    for position, (name, permissions, color, _) in enumerate(ROLES, start=1):
        role = Role(
            id=snowflake(rng),
            name=name,
            permissions=permissions,
            position=position,
            color=color,
            hoist=permissions != 0,
        )
        guild.roles[role.id] = role
    for offset, (name, permissions) in enumerate((("Bots", EVERYONE), ("Rollcall", OUR_BOT))):
        role = Role(
            id=snowflake(rng),
            name=name,
            permissions=permissions,
            position=len(ROLES) + 1 + offset,
            managed=True,
        )
        guild.roles[role.id] = role


def _role(guild: Guild, name: str) -> Role:
    return next(role for role in guild.roles.values() if role.name == name)


def _lay_channels(rng: random.Random, guild: Guild) -> None:
    def lay(
        kind: ChannelType, name: str, parent: Channel | None = None, *, user_limit: int = 0
    ) -> Channel:
        alike = VOICE_TYPES if kind in VOICE_TYPES else {kind}
        position = sum(channel.type in alike for channel in guild.channels.values())
        channel = Channel(
            id=snowflake(rng),
            type=kind,
            name=name,
            position=position,
            parent_id=parent.id if parent else None,
            user_limit=user_limit,
            bitrate=64_000 if kind is ChannelType.STAGE else rng.choice((64_000, 96_000)),
        )
        guild.channels[channel.id] = channel
        return channel

    information = lay(ChannelType.CATEGORY, "Information")
    for name in ("welcome", "announcements", "rules"):
        lay(ChannelType.TEXT, name, information)
    conversation = lay(ChannelType.CATEGORY, "Conversation")
    for name in ("general", "introductions", "off-topic"):
        lay(ChannelType.TEXT, name, conversation)

    voice = lay(ChannelType.CATEGORY, "Voice")
    lay(ChannelType.VOICE, "General", voice)
    for name in rng.sample(ROOM_NAMES, rng.randint(4, 7)):
        lay(ChannelType.VOICE, name, voice)
    lay(ChannelType.VOICE, "Duo", voice, user_limit=2)
    events = lay(ChannelType.CATEGORY, "Events")
    lay(ChannelType.STAGE, "Town hall", events, user_limit=1_000)
    team = lay(ChannelType.CATEGORY, "Team")
    staff = lay(ChannelType.VOICE, "Staff room", team)
    hidden = int(Permission.VIEW_CHANNEL | Permission.CONNECT)
    for channel in (team, staff):
        channel.overwrites = [
            Overwrite(guild.id, is_role=True, deny=hidden),
            *(
                Overwrite(_role(guild, name).id, is_role=True, allow=hidden)
                for name in ("Moderator", "Rollcall")
            ),
        ]
    guild.afk_channel_id = lay(ChannelType.VOICE, "Away").id


def _settle_people(rng: random.Random, guild: Guild, members: int) -> None:
    taken: set[str] = set()
    for _ in range(members):
        name = rng.choice(USERNAME_HEADS) + rng.choice(USERNAME_TAILS)
        while name in taken:
            name = f"{name}{rng.randrange(10)}"
        taken.add(name)
        given = rng.choice(GIVEN_NAMES)
        user = User(
            id=snowflake(rng),
            username=name,
            global_name=given if rng.random() < HAVE_GLOBAL_NAME else None,
        )
        guild.members[user.id] = Member(
            user=user,
            joined_at=FOUNDED_BY - timedelta(days=rng.uniform(0, 365)),
            nick=f"{given}{rng.choice(NICK_TAILS)}" if rng.random() < HAVE_NICK else None,
            roles=[
                _role(guild, role_name).id
                for role_name, _, _, share in ROLES
                if rng.random() < share
            ],
        )
    if guild.members:
        guild.owner_id = next(iter(guild.members))


def _settle_bots(rng: random.Random, guild: Guild, bot: User) -> None:
    for name in HELPER_BOTS:
        user = User(id=snowflake(rng), username=name, bot=True)
        guild.members[user.id] = Member(
            user=user, joined_at=FOUNDED_BY, roles=[_role(guild, "Bots").id]
        )
    guild.members[bot.id] = Member(
        user=bot, joined_at=guild.joined_at, roles=[_role(guild, "Rollcall").id]
    )
