"""Keys to the API: made here, shown once, revoked; never edited."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from community.domain.scopes import SCOPE_MEANINGS, Scope
from community.models import ApiKey
from community.services.access import visible_guilds
from community.services.api_keys import issue_key, revoke

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import User
    from django.db.models import ManyToManyField, Model, QuerySet

USUAL_LIFE: Final = timedelta(days=90)

STANDING: Final = "in force"
EXPIRED: Final = "expired"
REVOKED: Final = "revoked"


class _IssuingRequest(HttpRequest):
    """The request that made a key: the key itself lives as long as it does."""

    key_text: str


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # it takes none at run time
    """What staff choose of a new key."""

    scopes = forms.MultipleChoiceField(
        choices=[(str(scope), f"{scope}: {meaning}") for scope, meaning in SCOPE_MEANINGS.items()],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What the key may do.",
    )

    class Meta:
        model = ApiKey
        fields = ("name", "scopes", "guilds", "expires_at")

    def clean_expires_at(self) -> datetime:
        """Refuses a key that would be born dead."""
        expires_at: datetime = self.cleaned_data["expires_at"]
        if expires_at <= timezone.now():
            raise ValidationError("Choose a time in the future.", code="past")
        return expires_at


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):
    """Keys to the API. Staff see those whose guilds they see all of; superusers see every one."""

    form = ApiKeyForm
    list_display = ("name", "prefix", "scopes_text", "state", "expires_at", "last_used_at")
    list_filter = ("expires_at",)
    list_fullwidth = True
    search_fields = ("name", "prefix")
    search_help_text = "Name, or how the key begins"
    actions = ("revoke_keys",)
    fields_seen = (
        "name",
        "prefix",
        "state",
        "scopes_text",
        "guilds_text",
        "created_by",
        "created_at",
        "expires_at",
        "revoked_at",
        "last_used_at",
    )

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """Nobody: what a key may do is settled when it is given out."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """Nobody: a revoked key stays, so that its trail can be read."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """Whoever may view keys or revoke them."""
        return super().has_view_permission(request, obj) or self.has_revoke_permission(request)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whoever may change keys: to revoke is the only change there is."""
        return request.user.has_perm("community.change_apikey")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        """Keeps to keys that reach nothing beyond what the account sees."""
        keys: QuerySet[ApiKey] = super().get_queryset(request).select_related("created_by")
        if request.user.is_superuser:
            return keys
        reached = ApiKey.guilds.through.objects.filter(apikey_id=OuterRef("pk"))
        seen = visible_guilds(request.user).values("pk")
        return keys.filter(
            Exists(reached.filter(guild_id__in=seen)), ~Exists(reached.exclude(guild_id__in=seen))
        )

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        """Shows the form for a new key, and what is known of an old one."""
        return ApiKeyForm.Meta.fields if obj is None else self.fields_seen

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        """Keeps an old key as it is."""
        return () if obj is None else self.fields_seen

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Proposes how long a key lives."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        return {"expires_at": timezone.now() + USUAL_LIFE, **initial}

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Offers one way to save: what comes next is to copy the key."""
        one_button = {"show_save_and_continue": False, "show_save_and_add_another": False}
        page: HttpResponse = super().add_view(
            request, form_url, {**(extra_context or {}), **one_button}
        )
        return page

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.ModelMultipleChoiceField[Any]:
        """Offers the guilds that the account sees; all at once is a superuser's to give."""
        if db_field.name == "guilds":
            kwargs["queryset"] = visible_guilds(request.user)
            if not request.user.is_superuser:
                kwargs |= {"required": True, "help_text": "The guilds that it may read."}
        field: forms.ModelMultipleChoiceField[Any] = super().formfield_for_manytomany(
            db_field, request, **kwargs
        )
        return field

    def save_model(
        self,
        request: HttpRequest,
        obj: Model,
        form: forms.Form,
        change: bool,  # noqa: FBT001 - Django's signature
    ) -> None:
        """Issues the key; nobody can come here to change one."""
        chosen = form.cleaned_data
        key, key_text = issue_key(
            name=chosen["name"],
            scopes=[Scope(scope) for scope in chosen["scopes"]],
            guilds=list(chosen["guilds"]),
            expires_at=chosen["expires_at"],
            created_by=cast("User", request.user),
            now=timezone.now(),
        )
        obj.pk = key.pk
        obj.refresh_from_db()
        cast("_IssuingRequest", request).key_text = key_text

    def response_add(
        self,
        request: HttpRequest,
        obj: ApiKey,
        post_url_continue: str | None = None,
    ) -> HttpResponse:
        """Shows the key in the very answer that made it: it is stored nowhere to be shown later."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"API key {obj.name}",
            "key": obj,
            "key_text": cast("_IssuingRequest", request).key_text,
        }
        return TemplateResponse(request, "admin/community/apikey/issued.html", context)

    @action(description="Revoke selected keys", permissions=["revoke"])
    def revoke_keys(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Refuses the selected keys from now on."""
        now = timezone.now()
        revoked = [
            key for key in queryset if revoke(key, actor=cast("User", request.user), now=now)
        ]
        names = ", ".join(str(key) for key in revoked)
        self.message_user(
            request,
            f"Revoked {names}." if revoked else "All of them were revoked already.",
            messages.SUCCESS if revoked else messages.WARNING,
        )

    @display(
        description="state",
        label={STANDING: "success", EXPIRED: "warning", REVOKED: "danger"},
    )
    def state(self, key: ApiKey) -> str:
        """Tells whether a key still opens anything."""
        if key.revoked_at is not None:
            return REVOKED
        return EXPIRED if key.expires_at <= timezone.now() else STANDING

    @admin.display(description="scopes")
    def scopes_text(self, key: ApiKey) -> str:
        """Lists what a key may do."""
        return ", ".join(key.scopes)

    @admin.display(description="guilds")
    def guilds_text(self, key: ApiKey) -> str:
        """Lists what a key reaches."""
        return ", ".join(guild.name for guild in key.guilds.all()) or "all"
