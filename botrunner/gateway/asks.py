"""What other processes ask of the bot (outbox items), and how each is done."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from community.domain.errors import RollcallError
from community.models import OutboxState
from community.services import outbox
from sessions_app.domain.tracker import SessionNotLiveError
from sessions_app.services import comparison, corrections

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from botrunner.gateway.things import Asked, Compared
    from community.models import OutboxItem
    from sessions_app.domain.facts import Fact

logger = logging.getLogger(__name__)

GUILD_RULES: Final = "guild.rules"


class UnknownKindError(RollcallError):
    """This bot knows no request of the kind {kind}."""

    code = "outbox.unknown_kind"


@dataclass(frozen=True, slots=True)
class Settlement:
    """How an item is answered, in the transaction that writes what it asked for.

    Attributes:
        error: why it cannot be done; None if the tracker has done it, or has nothing to
            do with it.
    """

    item: OutboxItem
    error: RollcallError | None

    def write(self, *, now: datetime) -> None:
        """Writes the answer."""
        if self.error is not None:
            corrections.refuse(self.item, self.error, now=now)
        elif self.item.kind in corrections.KINDS:
            corrections.settle(self.item, now=now)
        else:
            outbox.answer(self.item, state=OutboxState.DONE, answer={}, now=now)


@dataclass(frozen=True, slots=True)
class Compare:
    """How a comparison is answered, in the transaction that writes what it mended."""

    item: OutboxItem
    compared: Compared

    def write(self, *, now: datetime) -> None:
        """Writes the answer."""
        drift = self.compared.drift or ()
        found = comparison.Comparison(
            guild_id=self.compared.guild_id,
            checked=self.compared.checked,
            to_check=self.compared.to_check,
            drift=drift,
            mended=len(drift) if self.compared.mend else 0,
        )
        comparison.settle(self.item, found, now=now)


def settlement_of(asked: Asked, apply: Callable[[Fact], None]) -> Settlement:
    """Does what is asked of the tracker, as far as it is the tracker's to do.

    Args:
        asked: the item, and its place in the order of facts.
        apply: tells the tracker a fact.
    """
    item = asked.item
    logger.info("Asked for %s in guild %s (%s)", item.kind, item.guild_id, item.pk)
    try:
        if item.kind in corrections.KINDS:
            apply(corrections.to_fact(item, at=asked.at))
        elif item.kind != GUILD_RULES:
            raise UnknownKindError(kind=item.kind)
    except SessionNotLiveError:
        # It has ended meanwhile: it is corrected as an ended one.
        return Settlement(item, None)
    except RollcallError as error:
        logger.warning("Refused %s: %s", item.pk, error)
        return Settlement(item, error)
    return Settlement(item, None)
