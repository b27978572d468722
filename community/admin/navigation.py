"""The sidebar: what staff come for, in groups, each entry for those who may see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin
from django.urls import reverse

if TYPE_CHECKING:
    from django.http import HttpRequest

# Group, then its entries: the model's label, its words, its icon (Material Symbols). A
# model of a floor above is named by its label, and one that has no page is left out.
GROUPS: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "Voice",
        (
            ("sessions_app.VoiceState", "In voice now", "graphic_eq"),
            ("sessions_app.VoiceSession", "Voice sessions", "timer"),
            ("sessions_app.Visit", "Visits", "route"),
            ("sessions_app.BlindGap", "Blind gaps", "visibility_off"),
        ),
    ),
    (
        "Directory",
        (
            ("community.Guild", "Guilds", "hub"),
            ("community.Member", "Members", "group"),
            ("community.Role", "Roles", "badge"),
            ("community.RoleSpan", "Role history", "history"),
            ("community.Channel", "Channels", "volume_up"),
        ),
    ),
    (
        "Trail",
        (
            ("community.AuditEntry", "Audit trail", "fact_check"),
            ("community.OutboxItem", "Asked of the bot", "outbox"),
        ),
    ),
    (
        "Running",
        (
            ("community.Shard", "Bot", "smart_toy"),
            ("community.JobRun", "Job runs", "task_alt"),
            ("django_celery_beat.PeriodicTask", "Schedule", "event_repeat"),
        ),
    ),
    (
        "Access",
        (
            ("auth.User", "Accounts", "person"),
            ("auth.Group", "Groups", "groups"),
            ("community.GuildAccess", "Guild access", "key"),
            ("community.ApiKey", "API keys", "vpn_key"),
        ),
    ),
)


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Lays out the sidebar for an account; groups that it sees nothing of are left out."""
    home = {"title": "Now", "icon": "dashboard", "link": reverse("admin:index")}
    groups: list[dict[str, Any]] = [{"items": [home]}]
    for title, entries in GROUPS:
        items = [
            {"title": words, "icon": icon, "link": _list_of(label)}
            for label, words, icon in entries
            if _is_seen(request, label)
        ]
        if items:
            groups.append({"title": title, "separator": True, "items": items})
    return groups


def _list_of(label: str) -> str:
    return reverse(f"admin:{label.replace('.', '_').lower()}_changelist")


def _is_seen(request: HttpRequest, label: str) -> bool:
    model = apps.get_model(label)
    if not admin.site.is_registered(model):
        return False
    return admin.site.get_model_admin(model).has_view_or_change_permission(request)
