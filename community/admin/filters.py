"""Filters of the lists: by a related record found by typing, and by a range of time."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from unfold.contrib.filters.forms import AutocompleteDropdownForm
from unfold.widgets import INPUT_CLASSES

from community.models import Member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.admin.views.main import ChangeList
    from django.db.models import Field, Model, QuerySet
    from django.http import HttpRequest


class RelatedFilter(admin.SimpleListFilter):
    """Filters by one related record, which is found by typing (``?guild=<its key>``).

    What is chosen is looked up within what the account may see.
    """

    template = "unfold/filters/filters_field.html"
    form_class = AutocompleteDropdownForm
    field_name: str

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, Any],
        model: type[Model],
        model_admin: admin.ModelAdmin[Any],
    ) -> None:
        """Reads what is chosen."""
        super().__init__(request, params, model, model_admin)
        field = self.field_of(model)
        self.model_admin = model_admin
        self.request = request
        self.related_admin = model_admin.admin_site.get_model_admin(field.related_model)
        self.source = self.source_of(field)
        value = self.value()
        self.chosen = self.related_admin.get_object(request, str(value)) if value else None

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[Any, str]]:
        """Lists nothing: the browser asks while the name is typed."""
        return []

    def has_output(self) -> bool:
        """Shows the filter, whatever there is."""
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keeps the rows of the chosen record; of one that is not seen there are none."""
        if not self.value():
            return queryset
        return queryset.none() if self.chosen is None else self.rows_of(queryset, self.chosen)

    def rows_of(self, queryset: QuerySet[Any], chosen: Any) -> QuerySet[Any]:
        """Keeps the rows of one record."""
        return queryset.filter(**{self.field_name: chosen})

    def field_of(self, model: type[Model]) -> Any:
        """Tells the field that names the related record."""
        return model._meta.get_field(self.field_name)

    def source_of(self, field: Any) -> Any:
        """Tells the field that the browser's look-ups are for."""
        return field

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Gives the template its form."""
        form = self.form_class(
            request=self.request,
            label=self.title,
            name=self.parameter_name,
            choices=(),
            field=self.source,
            model_admin=self.model_admin,
            data={self.parameter_name: self.chosen and self.chosen.pk},
        )
        form.fields[self.parameter_name].queryset = self.related_admin.get_queryset(self.request)
        yield {"form": form}


class GuildFilter(RelatedFilter):
    """By guild."""

    title = "guild"
    parameter_name = field_name = "guild"


class ChannelFilter(RelatedFilter):
    """By channel."""

    title = "channel"
    parameter_name = field_name = "channel"


class RoleFilter(RelatedFilter):
    """By role."""

    title = "role"
    parameter_name = field_name = "role"


class MemberSelect(AutocompleteSelect):
    """Finds members as they are typed."""

    def get_url(self) -> str:
        """Asks the members' own endpoint: Django's knows no relation over two columns."""
        return reverse("admin:community_member_autocomplete")


class MemberForm(AutocompleteDropdownForm):
    """One member, found by typing."""

    widget = MemberSelect


class MemberFilter(RelatedFilter):
    """By member: rows name the guild's and the user's id."""

    title = "member"
    parameter_name = field_name = "member"
    form_class = MemberForm

    def source_of(self, field: Any) -> Any:
        """Stands a relation to a member's key in for the one over two columns."""
        return SimpleNamespace(
            model=field.model, name=field.name, remote_field=SimpleNamespace(model=Member)
        )

    def rows_of(self, queryset: QuerySet[Any], chosen: Member) -> QuerySet[Any]:
        """Keeps the member's rows."""
        return queryset.filter(guild_id=chosen.guild_id, user_id=chosen.user_id)


class TimeRangeForm(forms.Form):
    """From and until, in UTC, with the browser's own pickers."""

    def __init__(self, *, name: str, data: dict[str, Any]) -> None:
        """Names the fields for the column."""
        super().__init__(data=data)
        for end, label in (("from", "from"), ("to", "before")):
            self.fields[f"{name}_{end}"] = forms.CharField(
                required=False,
                label=label,
                widget=forms.DateTimeInput(
                    attrs={
                        "type": "datetime-local",
                        "aria-label": f"{label} (UTC)",
                        "class": " ".join(INPUT_CLASSES),
                    }
                ),
            )


class TimeRangeFilter(admin.FieldListFilter):
    """By a time, from (included) and before (not included), in UTC; either may be empty."""

    template = "unfold/filters/filters_datetime_range.html"

    def __init__(
        self,
        field: Field[Any, Any],
        request: HttpRequest,
        params: dict[str, Any],
        model: type[Model],
        model_admin: admin.ModelAdmin[Any],
        field_path: str,
    ) -> None:
        """Reads what is chosen."""
        self.names = (f"{field_path}_from", f"{field_path}_to")
        super().__init__(field, request, params, model, model_admin, field_path)
        self.title = f"{self.title} (UTC)"
        self.chosen = {name: self._last(self.used_parameters.get(name)) for name in self.names}

    @staticmethod
    def _last(value: Any) -> str:
        return str(value[-1] if isinstance(value, list) and value else value or "")

    def expected_parameters(self) -> list[str | None]:
        """Names the address's parameters."""
        return list(self.names)

    def has_output(self) -> bool:
        """Shows the filter always."""
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keeps what lies within; what is no time is as if it were empty."""
        lookups = zip(self.names, ("gte", "lt"), strict=True)
        for name, lookup in lookups:
            at = _as_utc(self.chosen[name])
            if at is not None:
                queryset = queryset.filter(**{f"{self.field_path}__{lookup}": at})
        return queryset

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Gives the template its form."""
        yield {"form": TimeRangeForm(name=str(self.field_path), data=self.chosen)}


def _as_utc(text: str) -> datetime | None:
    try:
        at = parse_datetime(text)
    except ValueError:
        return None
    if at is None:
        return None
    return timezone.make_aware(at, UTC) if timezone.is_naive(at) else at
