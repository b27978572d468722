"""Series: what repeats, by which rule, and cancelling what of it is to come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Count, Q
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action

from community.admin.base import GuildScopedAdmin
from community.admin.filters import GuildFilter
from community.admin.pages import ReasonForm
from community.admin.showing import link_to_list
from community.domain.durations import in_words
from events_app.admin.occurrence_words import dates_of
from events_app.admin.pages import CHANGE, VIEW, attempt, bound_to
from events_app.models import Event, EventSeries
from events_app.services.series import cancel_series

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

    from events_app.admin.pages import Asker


@admin.register(EventSeries)
class EventSeriesAdmin(GuildScopedAdmin):
    """Series: changed from one of their events on, and cancelled here."""

    list_display = ("title", "first_date", "start_time", "time_zone", "rule", "made", "guild_link")
    list_filter = (GuildFilter,)
    search_fields = ("title",)
    search_help_text = "Title, or an id"
    ordering = ("-first_date", "-id")
    fields = (
        ("title", "guild_link"),
        ("first_date", "start_time", "time_zone"),
        ("length", "rule", "ended_before"),
        "next_dates",
        "description",
        "events_of_it",
    )
    readonly_fields = ("guild_link", "length", "next_dates", "events_of_it")
    actions_detail = ("cancel",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the guilds that the rows link to, and how many events each has."""
        rows: QuerySet[Any] = super().get_queryset(request).prefetch_related("guild")
        counted: QuerySet[Any] = rows.annotate(event_count=Count("events"))
        return counted

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may look at events."""
        return request.user.has_perm(VIEW)

    def has_plan_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Organizers, who change events."""
        return request.user.has_perms([VIEW, CHANGE])

    def named(self, request: HttpRequest, text: str) -> Q:
        """Selects by title."""
        return Q(title__icontains=text)

    def with_uuid(self, uuid: Any) -> Q:
        """Selects one series."""
        return Q(pk=uuid)

    @action(
        description="Cancel what is to come",
        permissions=["plan"],
        url_path="cancel",
        icon="event_busy",
    )
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for the reason, and cancels the events that have not begun."""
        series = self.get_object(request, object_id)
        if series is None:
            raise Http404
        return bound_to(self, cancel_page, CHANGE)(request, series=series)

    @admin.display(description="events")
    def made(self, series: Any) -> int:
        """Counts its events."""
        return int(series.event_count)

    @admin.display(description="length")
    def length(self, series: EventSeries) -> str:
        """Says how long each is."""
        return in_words(series.length_seconds)

    @admin.display(description="next")
    def next_dates(self, series: EventSeries) -> str:
        """Says when its next events begin, those that were moved as they are."""
        ahead = series.events.filter(starts_at__gt=timezone.now()).exclude(state="cancelled")
        starts = ahead.order_by("starts_at").values_list("starts_at", flat=True)
        dates = dates_of(list(starts), series.time_zone)
        if dates is None:
            return "nothing is to come"
        more = f", and {dates.not_shown} more" if dates.not_shown else ""
        return f"{', '.join(dates.shown)}{more}"

    @admin.display(description="events")
    def events_of_it(self, series: EventSeries) -> SafeString:
        """Links to its events."""
        return link_to_list(Event, "its events", series=str(series.pk))


def cancel_page(asker: Asker, series: EventSeries) -> HttpResponse:
    """Cancels the events of a series that have not begun."""
    back = reverse("admin:events_app_eventseries_change", args=[series.pk])
    form = ReasonForm(asker.request.POST if asker.request.method == "POST" else None)
    if asker.request.method == "POST" and form.is_valid():
        given = form.cleaned_data | {"actor": asker.user, "now": asker.now}
        done = "The events of the series that had not begun were cancelled."
        if attempt(asker, form, lambda: cancel_series(series.pk, **given), done=done):
            return HttpResponseRedirect(back)
    ahead = series.events.filter(starts_at__gt=asker.now).exclude(state="cancelled").count()
    return asker.render(
        "event/decide.html",
        f"Cancel {series.title}",
        form=form,
        explanation=f"Events that have not begun: {ahead}. Each can be taken back by itself.",
        submit="Cancel what is to come",
        back=back,
        media=form.media,
    )
