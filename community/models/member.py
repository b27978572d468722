"""Members, roles, and who held which role from when to when."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from community.models.guild import Guild
from community.models.ids import new_id


class MemberQuerySet(models.QuerySet["Member"]):
    """Members by what they mean to us."""

    def present(self) -> MemberQuerySet:
        """Members who have not left, as far as we know."""
        return self.filter(gone_at=None)


class Member(models.Model):
    """A user in a guild. Rows that speak of a member name the guild's and the user's id."""

    guild = models.ForeignKey(
        Guild, on_delete=models.DO_NOTHING, db_constraint=False, related_name="members"
    )
    user_id = models.BigIntegerField(help_text="Discord's user id (snowflake).")
    username = models.CharField(max_length=32, help_text="The account's unique name.")
    global_name = models.CharField(max_length=32, blank=True, help_text="Name shown everywhere.")
    nick = models.CharField(max_length=32, blank=True, help_text="Name shown in this guild.")
    display_name = models.CharField(
        max_length=32, help_text="The name to show: nick, else global name, else username."
    )
    avatar = models.CharField(max_length=64, blank=True, help_text="Hash of the avatar.")
    is_bot = models.BooleanField("bot", default=False)
    joined_at = models.DateTimeField(null=True, blank=True, help_text="When they joined the guild.")
    gone_at = models.DateTimeField(null=True, blank=True, help_text="When they left the guild.")
    roles_known_since = models.DateTimeField(
        null=True,
        blank=True,
        help_text="From when on Rollcall knows which roles they hold; empty: not yet.",
    )

    objects = MemberQuerySet.as_manager()

    class Meta:
        ordering = ["display_name", "user_id"]
        constraints = [
            models.UniqueConstraint(fields=["guild", "user_id"], name="member_one_in_guild")
        ]
        indexes = [models.Index(fields=["user_id"], name="member_user")]

    def __str__(self) -> str:
        return self.display_name


def member_relation(
    related_name: str, *, blank: bool = False
) -> models.ForeignObject[Member | None, Member | None]:
    """Makes a row's relation to the member whom its ``guild`` and ``user_id`` name.

    It has no column of its own, and leads to nobody where the member is not mirrored.
    """
    return models.ForeignObject(
        Member,
        on_delete=models.DO_NOTHING,
        from_fields=["guild", "user_id"],
        to_fields=["guild", "user_id"],
        related_name=related_name,
        null=True,
        blank=blank,
    )


def named_member(row: models.Model, user_id: int) -> str:
    """Names the member whom a row speaks of, for its ``__str__``; asks the database nothing.

    Args:
        row: a row with the relation ``member``. Where it was not read along with the row,
            or is not mirrored, the user's id stands for the name.
        user_id: the member's user id.
    """
    member = row._state.fields_cache.get("member")
    return f"user {user_id}" if member is None else str(member)


class Role(models.Model):
    """A role of a guild, mirrored and marked gone rather than deleted."""

    id = models.BigIntegerField(primary_key=True, help_text="Discord's id (snowflake).")
    guild = models.ForeignKey(
        Guild, on_delete=models.DO_NOTHING, db_constraint=False, related_name="roles"
    )
    name = models.CharField(max_length=100)
    color = models.PositiveIntegerField(default=0, help_text="RGB as one number; 0 for none.")
    position = models.IntegerField(default=0, help_text="Order; the higher, the mightier.")
    permissions = models.BigIntegerField(default=0, help_text="Permission bits.")
    is_managed = models.BooleanField(
        "managed", default=False, help_text="Whether an integration owns it."
    )
    gone_at = models.DateTimeField(null=True, blank=True, help_text="When it was deleted.")

    class Meta:
        ordering = ["guild_id", "-position", "id"]

    def __str__(self) -> str:
        return self.name


class RoleSpanQuerySet(models.QuerySet["RoleSpan"]):
    """Role spans by what they mean to us."""

    def held(self) -> RoleSpanQuerySet:
        """Spans that go on: roles that are held now."""
        return self.filter(ended_at=None)


class RoleSpan(models.Model):
    """One stretch of time in which a member held a role.

    The role of everyone (its id is the guild's) has no spans: who is a member holds it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    guild = models.ForeignKey(
        Guild, on_delete=models.DO_NOTHING, db_constraint=False, related_name="role_spans"
    )
    role = models.ForeignKey(
        Role, on_delete=models.DO_NOTHING, db_constraint=False, related_name="spans"
    )
    user_id = models.BigIntegerField(help_text="The member's user id.")
    member = member_relation("role_spans")
    started_at = models.DateTimeField(help_text="Since when the role was held, as far as known.")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Empty while it is held.")
    start_uncertainty = models.FloatField(
        default=0.0, help_text="Seconds by which the start may be off; 0 when seen live."
    )
    end_uncertainty = models.FloatField(
        default=0.0, help_text="Seconds by which the end may be off; 0 when seen live."
    )
    is_start_known = models.BooleanField(
        "start known",
        default=True,
        help_text="No where the role was held already when Rollcall first saw the member.",
    )

    objects = RoleSpanQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["role", "user_id"],
                condition=Q(ended_at=None),
                name="role_span_one_held",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("started_at")),
                name="role_span_ends_after_start",
            ),
            models.CheckConstraint(
                condition=Q(start_uncertainty__gte=0, end_uncertainty__gte=0),
                name="role_span_uncertainty_not_negative",
            ),
        ]
        indexes = [models.Index(fields=["guild", "user_id"], name="role_span_member")]

    def __str__(self) -> str:
        return f"role {self.role_id} of {named_member(self, self.user_id)}"
