"""Why those who are missing cannot be reminded."""

from __future__ import annotations

from events_app.services.decision_errors import DecisionError


class ReminderError(DecisionError):
    """Those who are missing cannot be reminded."""

    code = "reminder"


class NotNearError(ReminderError):
    """Only of an event that is on, or begins within {minutes} minutes, can anybody be reminded."""

    code = "reminder.not_near"


class TooSoonError(ReminderError):
    """The last reminder was asked for less than {minutes} minutes ago: the next one can be asked for at {next_at}."""  # noqa: E501 - one line is the message

    code = "reminder.too_soon"


class NoDiscordEventError(ReminderError):
    """It is not known who is missing: the event is not among Discord's scheduled events, where members say that they are interested."""  # noqa: E501 - one line is the message

    code = "reminder.no_discord_event"


class NobodyInterestedError(ReminderError):
    """It is not known who is missing: nobody has said on Discord that they are interested."""

    code = "reminder.nobody_interested"


class NobodyMissingError(ReminderError):
    """Nobody is missing: all who said on Discord that they are interested have come, or have left the guild."""  # noqa: E501 - one line is the message

    code = "reminder.nobody_missing"


class NoSuchChannelError(ReminderError):
    """The event's guild has no channel {channel_id} that messages are written in."""

    code = "reminder.no_such_channel"
    field = "channel_id"
