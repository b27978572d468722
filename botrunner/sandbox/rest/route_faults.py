"""What goes wrong with chosen requests: refused, unanswered, cut off, or the end of a process.

A fault names a route (one of REST, or what is asked over the gateway), how many matching
requests pass before it, and how many it strikes. It strikes before the request has its effect,
or after.
"""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from aiohttp import web

from botrunner.sandbox.protocol import GATEWAY_ROUTES
from botrunner.sandbox.rest.errors import KNOWN
from botrunner.sandbox.rest.limits import TooManyRequestsError
from botrunner.sandbox.rest.replies import answered

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from botrunner.sandbox.connection import Connection

EVERY_ROUTE: Final = "*"
#: How a fault can strike, with what it takes beside.
WAYS: Final = {
    "answer": "status, code and message, or retry_after and scope for a 429; gateway: ignored",
    "hang": "no answer, until the fault is lifted: then the request goes on",
    "slow": "so many seconds later than usual",
    "cut": "the connection is cut",
    "kill": "the process pid gets SIGKILL, and the connection is cut",
    "call": "a function of the test's is called",
}
MILDEST, TOO_MANY, WORST = 400, 429, 599
SCOPES: Final = ("user", "shared", "global")

_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "route": (str,),
    "way": (str,),
    "after_effect": (bool,),
    "skip": (int,),
    "count": (int, type(None)),
    "major": (str, int, type(None)),
    "reason": (str, type(None)),
    "status": (int,),
    "code": (int,),
    "message": (str, type(None)),
    "retry_after": (int, float),
    "scope": (str,),
    "seconds": (int, float),
    "pid": (int,),
}


class WrongRouteFaultError(ValueError):
    """A fault's description makes no sense; the message says why."""


@dataclass(slots=True, eq=False)
class RouteFault:
    """One fault.

    Attributes:
        route: a key of the routes, such as ``DELETE /channels/{channel}``, one of the gateway's,
            such as ``GATEWAY VOICE_STATE``, or `EVERY_ROUTE` for all of REST.
        way: one of `WAYS`.
        after_effect: whether the request has its effect first.
        skip: how many matching requests pass yet.
        count: how many it strikes yet; None for all.
        major: the guild's or channel's id, or the token, that the path has to have.
        reason: what the audit log reason has to contain.
        hook: called where the way is ``call``.
        struck: how many it has struck.
    """

    route: str
    way: str
    after_effect: bool = False
    skip: int = 0
    count: int | None = 1
    major: str | None = None
    reason: str | None = None
    status: int = 500
    code: int = 0
    message: str | None = None
    retry_after: float = 1.0
    scope: str = "user"
    seconds: float = 0.0
    pid: int = 0
    hook: Callable[[], None] | None = None
    struck: int = 0
    id: int = 0
    lifted: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def shown(self) -> dict[str, Any]:
        """Shows it over the control interface."""
        return {
            "id": self.id,
            "route": self.route,
            "way": self.way,
            "after_effect": self.after_effect,
            "skip": self.skip,
            "count": self.count,
            "struck": self.struck,
        }

    def matches(self, route: str, majors: Collection[str], reason: str) -> bool:
        """Says whether a request is one that it is about."""
        return (
            (self.route == route or (self.route == EVERY_ROUTE and route not in GATEWAY_ROUTES))
            and (self.major is None or self.major in majors)
            and (self.reason is None or self.reason in reason)
        )

    async def strike(self, request: web.Request) -> web.Response | None:
        """Strikes a request; gives the answer where the usual one is not to come."""
        if self.way == "answer":
            return self._answer()
        if not await self._ends():
            return None
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    async def strike_at_gateway(self, connection: Connection) -> bool:
        """Strikes what is asked over the gateway; says whether nothing is to come of it."""
        if self.way == "answer":
            return True
        if not await self._ends():
            return False
        connection.cut()
        return True

    async def _ends(self) -> bool:
        """Does what the way says, and tells whether the connection ends by it."""
        if self.way == "hang":
            await self.lifted.wait()
        elif self.way == "slow":
            await asyncio.sleep(self.seconds)
        elif self.way == "call" and self.hook is not None:
            self.hook()
        elif self.way == "kill":
            os.kill(self.pid, signal.SIGKILL)
        return self.way in ("kill", "cut")

    def _answer(self) -> web.Response:
        if self.status == TOO_MANY:
            limited = TooManyRequestsError(
                self.retry_after, scope=self.scope, code=self.code or None
            )
            response = answered(limited.body, status=TOO_MANY)
            response.headers.update(limited.headers)
            return response
        usual = KNOWN[self.code][1] if self.code in KNOWN and self.code else "Something is wrong"
        body = {"message": self.message or usual, "code": self.code}
        return answered(body, status=self.status)


class RouteFaults:
    """The faults that are laid, in the order in which they were."""

    def __init__(self) -> None:
        self.laid: dict[int, RouteFault] = {}
        self._made = 0

    def lay(self, fault: RouteFault) -> RouteFault:
        """Has a fault strike from now on."""
        self._made += 1
        fault.id = self._made
        self.laid[fault.id] = fault
        return fault

    def lift(self, fault_id: int | None = None) -> None:
        """Takes a fault away, or all; requests that hang because of it go on."""
        for number in [fault_id] if fault_id is not None else list(self.laid):
            fault = self.laid.pop(number, None)
            if fault is not None:
                fault.lifted.set()

    def met(self, route: str, request: web.Request) -> RouteFault | None:
        """Finds the fault that strikes a request, and counts it."""
        reason = unquote(request.headers.get("X-Audit-Log-Reason", ""))
        return self._met(route, request.match_info.values(), reason)

    def met_at_gateway(self, route: str, data: Mapping[str, Any]) -> RouteFault | None:
        """Finds the fault that strikes what is asked over the gateway, and counts it."""
        majors = [str(data[name]) for name in ("guild_id", "channel_id") if data.get(name)]
        return self._met(route, majors, "")

    def _met(self, route: str, majors: Collection[str], reason: str) -> RouteFault | None:
        for fault in self.laid.values():
            if fault.count == 0 or not fault.matches(route, majors, reason):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.count is not None:
                fault.count -= 1
            fault.struck += 1
            return fault
        return None


def read_route_fault(body: Mapping[str, Any], *, routes: Collection[str]) -> RouteFault:
    """Reads a fault as the control interface takes it.

    Args:
        body: the attributes of `RouteFault`, ``route`` and ``way`` at least.
        routes: those that there are.

    Raises:
        WrongRouteFaultError: if it makes no sense.
    """
    _check_types(body)
    given = dict(body)
    _check_sense(given, routes)
    if given.get("major") is not None:
        given["major"] = str(given["major"])
    return RouteFault(**given)


def _check_types(body: Mapping[str, Any]) -> None:
    for name, value in body.items():
        if name not in _KINDS:
            raise WrongRouteFaultError(f"A fault of a route has no {name}.")
        wrong_flag = isinstance(value, bool) and bool not in _KINDS[name]
        if not isinstance(value, _KINDS[name]) or wrong_flag:
            raise WrongRouteFaultError(f"{name} cannot be {value!r}.")
        if isinstance(value, int | float) and value < 0:
            raise WrongRouteFaultError(f"{name} cannot be below 0.")


def _check_sense(given: Mapping[str, Any], routes: Collection[str]) -> None:
    if given.get("route") not in (EVERY_ROUTE, *GATEWAY_ROUTES, *routes):
        raise WrongRouteFaultError(f"There is no route {given.get('route')!r}.")
    if given.get("way") not in WAYS or given["way"] == "call":
        raise WrongRouteFaultError(f"The way is one of {', '.join(WAYS)}, the last within a test.")
    if given["way"] == "kill" and given.get("pid", 0) in (0, 1, os.getpid()):
        raise WrongRouteFaultError("To kill takes the pid of another process.")
    if given.get("scope", "user") not in SCOPES:
        raise WrongRouteFaultError(f"The scope is one of {', '.join(SCOPES)}.")
    if not MILDEST <= given.get("status", 500) <= WORST:
        raise WrongRouteFaultError("The status is one of an error.")
