"""Voice sessions and the visits that they belong to."""

from django.apps import AppConfig

from community import registry


class SessionsConfig(AppConfig):
    """Who was in voice, when and for how long."""

    name = "sessions_app"
    verbose_name = "Sessions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Shows this floor's lists and metrics on the pages of the floor below."""
        visit, session, state, gap = (
            self.get_model(name) for name in ("Visit", "VoiceSession", "VoiceState", "BlindGap")
        )
        registry.link_list(visit, "visits", to=("guild", "member"))
        registry.link_list(session, "voice sessions", to=("guild", "member", "channel"))
        registry.link_list(gap, "blind gaps", to=("guild",))
        registry.link_page("sessions_app_guild_drift", "Discord beside the sessions", to=("guild",))
        registry.link_list(state, "in voice now", to=("guild", "member", "channel"))
        registry.add_metrics("sessions_app.api.metrics.families")
