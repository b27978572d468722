"""What goes wrong on demand: at set seconds, at a rate, or when a test asks for it.

`ONE_SHOTS` and `RATES` name all of it. Here are the names, how they are read, and what
goes wrong by chance; `botrunner.sandbox.troubles` does what happens once.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botrunner.sandbox.session import Session

#: Faults that happen once, with what their length means where they have one.
ONE_SHOTS = {
    "drop": "cuts every connection without a word; a resume works",
    "reconnect": "sends op 7",
    "invalid": "sends op 9: sessions are over and nothing is replayed",
    "refuse": "cuts every connection and refuses the resumes",
    "closed": "cuts every connection and lets nobody in for so many seconds (default 10)",
    "silence": "sends nothing more and closes nothing",
    "stall": "sends nothing for so many seconds (default 3), then all at once",
    "delay": "holds everything sent back by so many seconds (default 2) from then on",
    "cut_stream": "sends the next dispatch's first half and cuts the connection",
    "noise": "sends bytes that no stream of compressed data has",
    "gibberish": "sends a message that is no JSON",
    "outage": "makes a guild unavailable for so many seconds (default 10)",
    "swallow": "has a guild's next so many voice states (default 1) never come",
    "garbage": "sends a CHANNEL_CREATE without most of its keys",
    "memberless": "sends a voice state without its member",
    "stranger": "sends a voice state in a channel that nobody knows",
    "malformed": "sends voice states of wrong types, and a guild with one of nobody's place",
}
#: Faults that happen with a probability.
RATES = {
    "duplicate": "a dispatch comes twice",
    "reorder": "a voice state comes after the next one of another member",
    "swallow": "a voice state never comes, nor is it replayed",
    "slow": "what is sent is held back by a fifth of a second",
    "limited": "a REST request is answered with 429",
    "error": "a REST request is answered with 500 and has no effect",
    "aftermath": "a REST request has its effect and is answered with 502",
}
DEFAULT_LENGTHS = {"outage": 10.0, "delay": 2.0, "closed": 10.0, "stall": 3.0, "swallow": 1.0}

#: How long a dispatch is held back for a reordering, if no other comes.
HELD_SECONDS = 0.05
SLOW_SECONDS = 0.2


class WrongFaultError(ValueError):
    """A fault's text cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A fault at a moment.

    Attributes:
        at: seconds after the start.
        length: seconds, or how many; what it means depends on the fault.
    """

    name: str
    at: float
    length: float | None = None


def read_faults(text: str) -> tuple[list[Shot], dict[str, float]]:
    """Reads ``drop@60,outage@180:20,duplicate=0.01`` into shots and rates.

    Raises:
        WrongFaultError: if a part is unknown or its figure makes no sense.
    """
    shots: list[Shot] = []
    rates: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, at_sign, rest = part.partition("@")
        if at_sign:
            moment, colon, length = rest.partition(":")
            shots.append(
                check_shot(
                    name,
                    at=_figure(part, moment),
                    length=_figure(part, length) if colon else None,
                )
            )
            continue
        name, equals, figure = part.partition("=")
        if not equals:
            raise WrongFaultError(f"{part!r} is neither name@seconds nor name=rate.")
        rates[name] = check_rate(name, _figure(part, figure))
    return shots, rates


def check_shot(name: str, *, at: float, length: float | None = None) -> Shot:
    """Makes a shot of figures that are in order."""
    if name not in ONE_SHOTS:
        raise WrongFaultError(f"There is no fault {name!r}: one of {', '.join(ONE_SHOTS)}.")
    if length is not None and name not in DEFAULT_LENGTHS:
        raise WrongFaultError(f"The fault {name!r} has no length.")
    if length is not None and not length >= 0:
        raise WrongFaultError(f"The fault {name!r} cannot have a length of {length:g}.")
    return Shot(name, at, DEFAULT_LENGTHS.get(name) if length is None else length)


def check_rate(name: str, rate: float) -> float:
    """Gives back a rate that is in order."""
    if name not in RATES:
        raise WrongFaultError(f"There is no rate {name!r}: one of {', '.join(RATES)}.")
    if not 0 <= rate <= 1:
        raise WrongFaultError(f"The rate {name}={rate:g} must be from 0 to 1.")
    return rate


def _figure(part: str, text: str) -> float:
    try:
        figure = float(text)
    except ValueError:
        raise WrongFaultError(f"{text!r} in {part!r} is no number.") from None
    if not 0 <= figure < float("inf"):
        raise WrongFaultError(f"{text!r} in {part!r} must be a number from 0 up.")
    return figure


class Faults:
    """The rates now, and the dice.

    Attributes:
        rates: by name; a fault that is not here does not happen.
        resumes_to_refuse: how many resumes are refused yet.
    """

    def __init__(self, *, seed: int = 0, rates: dict[str, float] | None = None) -> None:
        self.rates = dict(rates or {})
        self.resumes_to_refuse = 0
        self._to_swallow: Counter[int] = Counter()
        self._rng = random.Random(seed)
        self._held: dict[Session, tuple[str, bytes]] = {}

    def strikes(self, name: str) -> bool:
        """Throws the dice for a fault."""
        rate = self.rates.get(name, 0.0)
        return rate > 0 and self._rng.random() < rate

    def refuses_resume(self) -> bool:
        """Says whether this resume is one of those to refuse."""
        if self.resumes_to_refuse:
            self.resumes_to_refuse -= 1
            return True
        return False

    def swallow(self, guild_id: int, *, count: int) -> None:
        """Has the next so many voice states of a guild never come."""
        self._to_swallow[guild_id] += count

    def swallows(self, guild_id: int) -> bool:
        """Says whether this voice state of a guild is one that never comes."""
        if self._to_swallow[guild_id] > 0:
            self._to_swallow[guild_id] -= 1
            return True
        return self.strikes("swallow")

    def push(self, session: Session, event: str, payload: dict[str, Any], body: bytes) -> None:
        """Hands a dispatch to a session, with what goes wrong on the way."""
        if not self.rates and not self._held:
            session.push(body)
            return
        if session.connection is not None and self.strikes("slow"):
            session.connection.hitch = SLOW_SECONDS
        user_id = str(payload.get("user_id", "")) if event == "VOICE_STATE_UPDATE" else ""
        held = self._held.get(session)
        if held is not None and held[0] == user_id:
            self.release(session)  # never out of order within one member
            held = None
        if held is None and user_id and self.strikes("reorder"):
            self._held[session] = (user_id, body)
            asyncio.get_running_loop().call_later(HELD_SECONDS, self.release, session)
            return
        session.push(body)
        if self.strikes("duplicate"):
            session.push(body)
        self.release(session)

    def release(self, session: Session) -> None:
        """Hands over what a reordering held back."""
        held = self._held.pop(session, None)
        if held is not None:
            session.push(held[1])
