"""Guilds: Discord's side is a mirror, the choices are the staff's."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import label_for_field
from django.db.models import Q
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelect2Widget

from community import registry
from community.admin.base import GuildScopedAdmin
from community.admin.showing import link_to_list, links_to_lists, links_to_pages, moment
from community.models import AuditEntry, Channel, Guild, Member, Role
from community.services import guild_choices

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    _GuildModelForm = forms.ModelForm[Guild]
else:
    _GuildModelForm = forms.ModelForm


class GuildForm(_GuildModelForm):
    """The choices, with the time zone chosen from those that there are."""

    time_zone = forms.ChoiceField(
        choices=lambda: [(name, name) for name in sorted(zoneinfo.available_timezones())],
        widget=UnfoldAdminSelect2Widget,
        help_text="The guild's times are shown in it.",
    )

    class Meta:
        model = Guild
        fields = guild_choices.CHOICES


@admin.register(Guild)
class GuildAdmin(GuildScopedAdmin):
    """Guilds, scoped by their own key."""

    guild_field = "pk"
    exact_ids = ("pk",)
    form = GuildForm
    list_display = ("name", "id", "state", "member_count", "time_zone", "first_seen")
    list_filter = (("gone_at", admin.EmptyFieldListFilter),)
    search_fields = ("name",)
    search_help_text = "Name or id"
    ordering = ("name", "id")
    show_full_result_count = True
    readonly_fields = (
        "name",
        "id",
        "owner_id",
        "state",
        "member_count",
        "first_seen",
        "voice_seen",
        "afk_channel",
        "afk_timeout",
        "lists",
        "checks",
    )
    fieldsets = (
        (
            "On Discord",
            {
                "fields": (
                    ("name", "id"),
                    ("state", "member_count"),
                    ("afk_channel", "afk_timeout"),
                    ("first_seen", "voice_seen"),
                    "lists",
                    "checks",
                )
            },
        ),
        (
            "What counts",
            {
                "fields": (
                    "time_zone",
                    "tracks_bots",
                    "micro_session_seconds",
                    ("counts_muted", "counts_deafened"),
                    ("counts_alone", "counts_afk"),
                )
            },
        ),
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Staff who may change guilds make their choices."""
        return request.user.has_perm("community.change_guild")

    def named(self, request: HttpRequest, text: str) -> Q:
        """Selects by name."""
        return Q(name__icontains=text)

    def save_model(
        self,
        request: HttpRequest,
        obj: Guild,
        form: forms.ModelForm[Guild],
        change: bool,  # noqa: FBT001 - Django's signature
    ) -> None:
        """Makes the choices through their service, and says what became of them."""
        changed = guild_choices.choose(
            obj.pk, form.cleaned_data, actor=cast("User", request.user), now=timezone.now()
        )
        if changed:
            names = ", ".join(str(label_for_field(name, Guild)) for name in changed)
            messages.info(request, f"Changed: {names}. The bot was told.")

    @display(
        description="state",
        label={"in the guild": "success", "outage": "warning", "removed": "danger"},
    )
    def state(self, guild: Guild) -> str:
        """Tells whether the bot is in the guild."""
        if guild.gone_at:
            return "removed"
        return "outage" if guild.unavailable_since else "in the guild"

    @admin.display(description="first seen", ordering="first_seen_at")
    def first_seen(self, guild: Guild) -> SafeString | str:
        """Shows since when the guild is known."""
        return moment(guild.first_seen_at, guild.zone)

    @admin.display(description="voice known since")
    def voice_seen(self, guild: Guild) -> SafeString | str:
        """Shows since when its voice is known."""
        return moment(guild.voice_seen_at, guild.zone)

    @admin.display(description="AFK channel")
    def afk_channel(self, guild: Guild) -> SafeString | str:
        """Links to the AFK channel."""
        if guild.afk_channel_id is None:
            return "none"
        return link_to_list(Channel, f"channel {guild.afk_channel_id}", q=guild.afk_channel_id)

    @admin.display(description="records")
    def lists(self, guild: Guild) -> SafeString:
        """Links to the guild's lists."""
        return links_to_lists(
            *registry.lists_of("guild"),
            (Member, "members"),
            (Role, "roles"),
            (Channel, "channels"),
            (AuditEntry, "audit trail"),
            guild=guild.pk,
        )

    @admin.display(description="checks")
    def checks(self, guild: Guild) -> SafeString:
        """Links to what can be looked into about the guild."""
        return links_to_pages(*registry.pages_of("guild"), key=guild.pk)
