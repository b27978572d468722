"""The organizers' pages: events, series, participation, disputes."""

from events_app.admin import dispute, event, participation, series

__all__ = ["dispute", "event", "participation", "series"]
