"""Accounts, groups, and which guilds staff see: superusers' business."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from community.models import GuildAccess

if TYPE_CHECKING:
    from django.http import HttpRequest

    _UserAdmin = DjangoUserAdmin[User]
else:
    _UserAdmin = DjangoUserAdmin

admin.site.unregister(User)
admin.site.unregister(Group)


class SuperuserOnly:
    """Whoever could edit accounts could make themselves anything, and see any guild."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Superusers alone."""
        return bool(request.user.is_active and request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers alone."""
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers alone."""
        return self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers alone."""
        return self.has_module_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers alone."""
        return self.has_module_permission(request)


class GuildAccessInline(SuperuserOnly, TabularInline):
    """The guilds that an account sees."""

    model = GuildAccess
    extra = 0
    autocomplete_fields = ("guild",)
    tab = True


@admin.register(User)
class UserAdmin(SuperuserOnly, _UserAdmin, ModelAdmin):
    """Accounts, with the guilds that they see."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (GuildAccessInline,)
    list_fullwidth = True
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login")


@admin.register(Group)
class GroupAdmin(SuperuserOnly, DjangoGroupAdmin, ModelAdmin):
    """Groups of permissions."""

    list_fullwidth = True


@admin.register(GuildAccess)
class GuildAccessAdmin(SuperuserOnly, ModelAdmin):
    """Which accounts see which guilds."""

    list_display = ("user", "guild")
    list_select_related = ("user", "guild")
    list_fullwidth = True
    autocomplete_fields = ("user", "guild")
    search_fields = ("user__username", "guild__name")
    search_help_text = "Account or guild"
    ordering = ("user__username", "guild__name")
