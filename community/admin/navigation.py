"""The sidebar: what staff come for, in groups, each entry for those who may see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin
from django.urls import reverse

if TYPE_CHECKING:
    from django.http import HttpRequest

# Group, then its entries: the model's label, its words, its icon (Material Symbols). A
# model of a floor above is named by its label, and one that has no page is left out. A page
# that is no model's list stands in PAGES, with the permission that it asks for.
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
        "Events",
        (
            ("events_app.Event", "Events", "event"),
            ("events_app.EventSeries", "Series", "event_repeat"),
            ("events_app.Participation", "Participation", "how_to_reg"),
            ("events_app.Dispute", "Disputes", "gavel"),
            ("events_app.Reward", "Rewards", "workspace_premium"),
        ),
    ),
    (
        "Rooms",
        (
            ("botrunner.Room", "Rooms", "meeting_room"),
            ("botrunner.Hub", "Hubs", "add_home"),
            ("botrunner.QuarantinedChannel", "Quarantine", "help_center"),
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
            ("sessions_app.health", "Health and recovery", "ecg_heart"),
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

PAGES = {"sessions_app.health": "sessions_app.view_voicesession"}


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
    _mark_where_it_is(groups, request.path)
    return groups


def _mark_where_it_is(groups: list[dict[str, Any]], path: str) -> None:
    """Marks the one entry that a page belongs to: a page's address begins with its list's."""
    items = [item for group in groups for item in group["items"]]
    home = items[0]["link"]
    nearest = max(
        (link for link in (item["link"] for item in items[1:]) if path.startswith(link)),
        key=len,
        default=home if path == home else None,
    )
    for item in items:
        item["active"] = item["link"] == nearest


def _list_of(label: str) -> str:
    if label in PAGES:
        return reverse(f"admin:{label.replace('.', '_')}")
    return reverse(f"admin:{label.replace('.', '_').lower()}_changelist")


def _is_seen(request: HttpRequest, label: str) -> bool:
    if label in PAGES:
        return request.user.has_perm(PAGES[label])
    model = apps.get_model(label)
    if not admin.site.is_registered(model):
        return False
    return admin.site.get_model_admin(model).has_view_or_change_permission(request)
