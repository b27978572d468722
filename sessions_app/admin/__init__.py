"""The admin's pages of visits and sessions, and the page that it opens on."""

from sessions_app.admin import blind_gap, visit, voice_session, voice_state

__all__ = ["blind_gap", "visit", "voice_session", "voice_state"]
