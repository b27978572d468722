"""What an event was in each of its versions, and what changed from one to the next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from community.admin.showing import moment
from community.domain.durations import in_words
from events_app.admin.outcomes import share_words
from events_app.admin.plan_choices import names_of_channels, names_of_roles
from events_app.models import Event, EventState, EventVersion, GapPolicy
from events_app.services.revisions import record_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo
    from uuid import UUID

    from django.http import HttpResponse

    from events_app.admin.pages import Asker

MOST_VERSIONS: Final = 50
NOT_TOLD: Final = frozenset({"counted_channel_ids"})
"""What follows from the rest."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a change made otherwise, in the page's words."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One change: who, when, why, what; and the version that it replaced."""

    number: int
    at: str
    who: str
    reason: str
    differences: list[Difference]
    qualified: int
    participants: int


def versions_page(asker: Asker, event_id: UUID) -> HttpResponse:
    """Lists an event's versions, the newest change first."""
    event = asker.event(event_id)
    versions = list(EventVersion.objects.filter(event=event)[:MOST_VERSIONS])
    return asker.render(
        "event/versions.html",
        f"Versions of {event.title}",
        event=event,
        lines=version_lines(event, versions),
    )


def version_lines(event: Event, versions: list[EventVersion]) -> list[VersionLine]:
    """Lays versions out, the newest first: each with what replaced it."""
    saying = _Saying(event, [version.plan for version in versions])
    lines, after = [], record_of(event)
    for version in versions:
        lines.append(
            VersionLine(
                number=version.number,
                at=moment(version.replaced_at, event.zone),
                who=version.actor_name or "Discord",
                reason=version.reason,
                differences=saying.differences(version.plan, after),
                qualified=sum(bool(row.get("is_qualified")) for row in version.results.values()),
                participants=len(version.results),
            )
        )
        after = version.plan
    return lines


class _Saying:
    """Says a plan's values in words; names channels and roles in two queries."""

    def __init__(self, event: Event, plans: list[Mapping[str, Any]]) -> None:
        records = [*plans, record_of(event)]
        self.zone: tzinfo = event.zone
        self.channels = names_of_channels(
            {pk for record in records for pk in record.get("channel_ids", ())}
        )
        self.roles = names_of_roles(
            {
                pk
                for record in records
                for name in ("any_role_ids", "all_role_ids", "no_role_ids")
                for pk in record.get(name, ())
            }
            | {record["reward_role"] for record in records if record.get("reward_role")}
        )

        self.by_name: dict[str, Callable[[Any], str]] = {
            "starts_at": self._instant,
            "ends_at": self._instant,
            "channel_ids": self._channels,
            **dict.fromkeys(("any_role_ids", "all_role_ids", "no_role_ids"), self._roles),
            "reward_role": lambda role_id: self._roles([role_id]),
            "minimum_share": share_words,
            "state": lambda state: str(EventState(state).label),
            "gap_policy": lambda policy: str(GapPolicy(policy).label),
        }

    def differences(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
        """Says what differs between two records of an event."""
        return [
            Difference(_label(name), self.word(name, before.get(name)), self.word(name, value))
            for name, value in after.items()
            if name not in NOT_TOLD and before.get(name) != value
        ]

    def word(self, name: str, value: Any) -> str:
        """Says one value."""
        if value is None or value in ("", []):
            return "none"
        say = self.by_name.get(name)
        if say is not None:
            return say(value)
        if isinstance(value, bool):
            return "yes" if value else "no"
        return in_words(value) if name.endswith("_seconds") else str(value)

    def _instant(self, value: str) -> str:
        return f"{datetime.fromisoformat(value).astimezone(self.zone):%Y-%m-%d %H:%M:%S %Z}"

    def _channels(self, ids: list[int]) -> str:
        return ", ".join(self.channels.get(pk, f"channel {pk}") for pk in ids)

    def _roles(self, ids: list[int]) -> str:
        return ", ".join(self.roles.get(pk, f"role {pk}") for pk in ids)


def _label(name: str) -> str:
    words = {
        "channel_ids": "channels that count",
        "any_role_ids": "any of the roles",
        "all_role_ids": "all of the roles",
        "no_role_ids": "none of the roles",
        "minimum_seconds": "minimum stay",
        "late_grace_seconds": "late grace",
        "early_grace_seconds": "early grace",
        "rejoin_grace_seconds": "rejoin grace",
    }
    return words.get(name) or str(getattr(Event._meta.get_field(name), "verbose_name", name))
