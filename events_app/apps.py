"""Events and what members are credited with."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.apps import AppConfig
from django.utils.module_loading import import_string

from community import registry as community_registry
from sessions_app import registry as sessions_registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from sessions_app.models import VoiceSession
    from sessions_app.registry import Panel


LONGEST_WITHOUT_JOB: Final = timedelta(minutes=5)
"""Each of the jobs here runs every minute."""


class EventsConfig(AppConfig):
    """What organizers plan, and who took part."""

    name = "events_app"
    verbose_name = "Events"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listens to what changes on the floors below, and shows itself on their pages."""
        from events_app.services import (  # noqa: PLC0415 - models are loaded now
            linking,
            rewards,
            rollup,
            self_check,
            states,
        )

        event, participation, dispute, reward = (
            self.get_model(name) for name in ("Event", "Participation", "Dispute", "Reward")
        )
        community_registry.link_list(event, "events", to=("guild",))
        community_registry.link_list(participation, "participation", to=("guild", "member"))
        community_registry.link_list(dispute, "disputes", to=("guild", "member"))
        community_registry.link_list(reward, "rewards", to=("guild", "member"))
        community_registry.hear_of_roles(linking.roles_written)
        community_registry.add_to_demo("events_app.services.demo_evenings.make_demo_events")
        sessions_registry.hear_of_sessions(linking.sessions_written)
        sessions_registry.add_book_check(self_check.NAME, self_check.look_at_participation)
        for job in (states.JOB, rollup.JOB, rewards.RETRY):
            sessions_registry.expect_job(job, within=LONGEST_WITHOUT_JOB)
        sessions_registry.name_events_of_sessions(linking.event_ids_of)
        sessions_registry.show_on_session_page(_events_of_session)


def _events_of_session(request: HttpRequest, session: VoiceSession) -> Panel | None:
    """Makes the box on a session's page; only who shows one loads the admin, and never the bot."""
    make: Callable[[HttpRequest, VoiceSession], Panel | None] = import_string(
        "events_app.admin.session_panel.events_of_session"
    )
    return make(request, session)
