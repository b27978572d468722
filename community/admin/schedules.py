"""Celery beat's schedule, in the admin's theme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django_celery_beat.admin import ClockedScheduleAdmin as BeatClockedScheduleAdmin
from django_celery_beat.admin import CrontabScheduleAdmin as BeatCrontabScheduleAdmin
from django_celery_beat.admin import PeriodicTaskAdmin as BeatPeriodicTaskAdmin
from django_celery_beat.admin import PeriodicTaskForm, TaskSelectWidget
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    PeriodicTasks,
    SolarSchedule,
)
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

for model in (ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule):
    admin.site.unregister(model)


class UnfoldTaskSelectWidget(UnfoldAdminSelectWidget, TaskSelectWidget):
    """The registered tasks, to choose from."""


class UnfoldPeriodicTaskForm(PeriodicTaskForm):
    """Beat's form with the theme's widgets."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Dresses the two fields that beat brings its own widgets for."""
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = UnfoldTaskSelectWidget()


# Beat's own actions ask for no permission: whoever may look could stop the schedule.


@admin.action(description="Enable selected tasks", permissions=["change"])
def enable_tasks(
    model_admin: PeriodicTaskAdmin, request: HttpRequest, queryset: QuerySet[PeriodicTask]
) -> None:
    """Enables tasks, and tells beat."""
    _switch(model_admin, request, queryset, enabled=True)


@admin.action(description="Disable selected tasks", permissions=["change"])
def disable_tasks(
    model_admin: PeriodicTaskAdmin, request: HttpRequest, queryset: QuerySet[PeriodicTask]
) -> None:
    """Disables tasks, and tells beat."""
    _switch(model_admin, request, queryset, enabled=False)


def _switch(
    model_admin: PeriodicTaskAdmin,
    request: HttpRequest,
    queryset: QuerySet[PeriodicTask],
    *,
    enabled: bool,
) -> None:
    count = queryset.update(enabled=enabled)
    PeriodicTasks.update_changed()  # type: ignore[no-untyped-call]  # beat is untyped
    words = "enabled" if enabled else "disabled"
    model_admin.message_user(request, f"{count} tasks were {words}.")


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(BeatPeriodicTaskAdmin, ModelAdmin):
    """The scheduled tasks."""

    form = UnfoldPeriodicTaskForm
    list_fullwidth = True
    actions: Any = (enable_tasks, disable_tasks)


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(ModelAdmin):
    """Every so often."""


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(BeatCrontabScheduleAdmin, ModelAdmin):
    """At times of the day."""


@admin.register(SolarSchedule)
class SolarScheduleAdmin(ModelAdmin):
    """By the sun."""


@admin.register(ClockedSchedule)
class ClockedScheduleAdmin(BeatClockedScheduleAdmin, ModelAdmin):
    """Once, at a time."""
