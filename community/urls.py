"""The site's addresses: a composition root, outside the import contracts."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from community.api.composition import build_api
from community.api.metrics import metrics
from events_app.api.credits import of_event as event_credits
from events_app.api.credits import router as credit_router
from events_app.api.disputes import of_event as event_disputes
from events_app.api.disputes import router as disputes
from events_app.api.event_gaps import router as event_gaps
from events_app.api.events import router as events
from events_app.api.exports import router as exports
from events_app.api.participation import members
from events_app.api.participation import router as participation
from events_app.api.previews import router as previews
from events_app.api.publication import router as publication
from events_app.api.reminders import router as reminders
from events_app.api.rewards import of_event as event_rewards
from events_app.api.rewards import router as rewards
from events_app.api.series import changes as series_changes
from events_app.api.series import router as series
from events_app.api.versions import router as versions
from events_app.api.why import router as why
from sessions_app.api.analytics import router as analytics
from sessions_app.api.gaps import router as gaps
from sessions_app.api.health import router as health
from sessions_app.api.sessions import router as sessions

api = build_api(
    routers=[
        ("/health", health),
        ("/analytics", analytics),
        ("/sessions", sessions),
        ("/gaps", gaps),
        # Before the events, of which an id may be anything.
        ("/events", previews),
        ("/events", events),
        ("/events", series_changes),
        ("/events", participation),
        ("/events", why),
        ("/events", exports),
        ("/events", reminders),
        ("/events", event_gaps),
        ("/events", event_credits),
        ("/events", event_disputes),
        ("/events", event_rewards),
        ("/events", publication),
        ("/events", versions),
        ("/series", series),
        ("/credits", credit_router),
        ("/disputes", disputes),
        ("/rewards", rewards),
        ("/members", members),
    ]
)

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/", RedirectView.as_view(pattern_name="api:openapi-view")),
    path("api/", api.urls),
    path("metrics", metrics, name="metrics"),
]
