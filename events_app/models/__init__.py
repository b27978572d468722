"""Events, series, participation, and what staff decide by hand."""

from events_app.models.credit import (
    Credit,
    Dispute,
    DisputeState,
    Interest,
    Reward,
    RewardState,
    Verdict,
)
from events_app.models.event import DiscordStatus, Event, EventState
from events_app.models.participation import Participation, Reason, SessionLink
from events_app.models.rules import RULE_FIELDS, GapPolicy
from events_app.models.series import EventSeries
from events_app.models.version import Change, EventVersion

__all__ = [
    "RULE_FIELDS",
    "Change",
    "Credit",
    "DiscordStatus",
    "Dispute",
    "DisputeState",
    "Event",
    "EventSeries",
    "EventState",
    "EventVersion",
    "GapPolicy",
    "Interest",
    "Participation",
    "Reason",
    "Reward",
    "RewardState",
    "SessionLink",
    "Verdict",
]
