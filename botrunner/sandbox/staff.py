"""What happens to members rather than by them: roles, names, and moderators at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botrunner.sandbox.names import GIVEN_NAMES, NICK_TAILS
from botrunner.sandbox.people import HOUR
from community.domain.permissions import Permission

if TYPE_CHECKING:
    from botrunner.sandbox.actors import Show
    from botrunner.sandbox.entities import Guild

#: How often something of the kind happens to each hundred members in an hour.
RATES = {"role": 3.0, "rename": 2.0, "disconnect": 1.0, "drag": 2.0, "silence": 2.0}
HUNDRED = 100
#: Even a small community has so many of these in an hour.
LEAST = 4.0


class Staff:
    """The moderators of a guild, and what they and chance do to its members."""

    def __init__(self, show: Show, guild_id: int) -> None:
        """Finds out who may move members, and plans the first happening."""
        self.show = show
        self.guild_id = guild_id
        guild, now = self._guild, show.world.clock()
        self.people = [person.user_id for person in show.people[guild_id]]
        self.moderators = [
            user_id
            for user_id in self.people
            if guild.permissions_of(user_id, now=now) & Permission.MOVE_MEMBERS
        ]
        self.rate = max(LEAST, sum(RATES.values()) * len(self.people) / HUNDRED) / HOUR
        if self.people:
            self._plan()

    @property
    def _guild(self) -> Guild:
        return self.show.world.guild(self.guild_id)

    def _plan(self) -> None:
        self.show.after(self.show.rng.expovariate(self.rate), self._happen, self._plan)

    def _happen(self) -> None:
        rng, guild = self.show.rng, self._guild
        what = rng.choices(list(RATES), list(RATES.values()))[0]
        if what in {"role", "rename"}:
            user_id = rng.choice(self.people)
            if user_id in guild.members:
                (self._change_role if what == "role" else self._rename)(user_id)
        else:
            connected = [
                user_id for user_id in guild.voice_states if not guild.members[user_id].user.bot
            ]
            if connected:
                self._intervene(what, rng.choice(connected))
        self._plan()

    def _change_role(self, user_id: int) -> None:
        """Gives a role that grants nothing, or takes it: the staff stay the staff."""
        harmless = [
            role.id
            for role in self._guild.roles.values()
            if role.id != self.guild_id and not role.managed and not role.permissions
        ]
        if harmless:
            held = set(self._guild.members[user_id].roles) ^ {self.show.rng.choice(harmless)}
            self.show.world.update_member(
                self.guild_id, user_id, roles=sorted(held), by=self._moderator()
            )

    def _rename(self, user_id: int) -> None:
        rng = self.show.rng
        nick = rng.choice([None, rng.choice(GIVEN_NAMES) + rng.choice(NICK_TAILS)])
        self.show.world.update_member(self.guild_id, user_id, nick=nick)

    def _intervene(self, what: str, user_id: int) -> None:
        """Disconnects, moves, mutes or unmutes somebody who is connected."""
        world, guild, by = self.show.world, self._guild, self._moderator()
        if what == "disconnect":
            world.leave(guild.id, user_id, by=by, reason="Quiet, please")
        elif what == "silence":
            world.set_voice(guild.id, user_id, mute=not guild.members[user_id].mute, by=by)
        else:
            channels = [
                channel.id
                for channel in guild.channels.values()
                if channel.is_voice and world.may_join(guild.id, user_id, channel.id)
            ]
            if channels:
                world.move(guild.id, user_id, self.show.rng.choice(channels), by=by)

    def _moderator(self) -> int:
        """Chooses one of those who may move members; the owner may always."""
        members = self._guild.members
        present = [user_id for user_id in self.moderators if user_id in members]
        return self.show.rng.choice(present) if present else self._guild.owner_id
