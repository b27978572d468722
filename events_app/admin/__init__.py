"""The organizers' pages: events, series, participation, disputes, rewards."""

from events_app.admin import dispute, event, participation, reward, series

__all__ = ["dispute", "event", "participation", "reward", "series"]
