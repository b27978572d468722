"""What Discord's gateway decides, and a test may have otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from botrunner.sandbox.intents import PRIVILEGED_INTENTS


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """What Discord decides and tests make shorter; seconds where not said otherwise.

    Attributes:
        heartbeat_patience: how late a heartbeat may be; half an interval where it is None.
        privileged: which privileged intents are switched on for our application.
        max_concurrency: IDENTIFYs at once, each a bucket of shards.
        identify_interval: one IDENTIFY in each bucket per so long.
        identifies: IDENTIFYs in a day.
        resume_within: how long a session waits for its client.
        members_interval: one request for all members of a guild per so long.
    """

    heartbeat_interval: float = 41.25
    heartbeat_patience: float | None = None
    privileged: int = PRIVILEGED_INTENTS
    max_concurrency: int = 1
    identify_interval: float = 5.0
    identifies: int = 1_000
    resume_within: float = 120.0
    members_interval: float = 30.0
