"""Visits, voice sessions, and who is in voice now."""

from sessions_app.models.blind_gap import BlindGap, GapCause
from sessions_app.models.visit import Visit
from sessions_app.models.voice_session import EndReason, SessionStatus, StartKind, VoiceSession
from sessions_app.models.voice_state import VoiceState

__all__ = [
    "BlindGap",
    "EndReason",
    "GapCause",
    "SessionStatus",
    "StartKind",
    "Visit",
    "VoiceSession",
    "VoiceState",
]
