"""Says in the log what comparisons with Discord came to (PRODUCT's H4)."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Final

from sessions_app.domain import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessions_app.domain.changes import Settled
    from sessions_app.domain.drift import Drift

logger = logging.getLogger(__name__)

# A guild of thousands fills no log: its counts tell of all.
NAMED: Final = 100


def tell(settled: Iterable[Settled]) -> None:
    """Logs what was compared, each one who was mended, and how many of each kind."""
    for each in settled:
        if each.cause == words.EVENT_MISSED:
            # One of a round, which tells its sum itself.
            for drift in each.drift:
                tell_drift(drift)
            continue
        if not (each.compared or each.drift):
            continue
        logger.info(
            "Guild %s: compared %s in voice with Discord (%s)",
            each.guild_id,
            each.compared,
            each.cause,
        )
        for drift in each.drift[:NAMED]:
            tell_drift(drift)
        mended = Counter(drift.kind for drift in each.drift)
        if each.reopened:
            mended["reopened"] = each.reopened
        tell_sum(f"Guild {each.guild_id}", mended)


def tell_drift(drift: Drift) -> None:
    """Logs one member of whom Discord said something else: who, where, and the seconds saved."""
    if drift.kind == words.MISSING:
        logger.warning(
            "Guild %s: member %s was in channel %s without a session, for up to %.0f s",
            drift.guild_id,
            drift.user_id,
            drift.discord_channel_id,
            drift.seconds,
        )
        return
    logger.warning(
        "Guild %s: member %s was no longer in channel %s (%s, session %s): %.0f s saved",
        drift.guild_id,
        drift.user_id,
        drift.channel_id,
        drift.kind,
        drift.session_id,
        drift.seconds,
    )


def tell_sum(what: str, mended: Counter[str]) -> None:
    """Logs how many of each kind were mended, or that all is well."""
    if mended:
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(mended.items()))
        logger.warning("%s: mended %s", what, counts)
    else:
        logger.info("%s: all is well", what)
