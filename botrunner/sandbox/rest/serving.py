"""What stands around every handler: the token, the limits, what goes wrong, and the log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from aiohttp import web

from botrunner.sandbox.rest.call import Call, Handler
from botrunner.sandbox.rest.errors import ApiError, AwayError
from botrunner.sandbox.rest.limits import GLOBAL, GLOBAL_LIMIT, TooManyRequestsError
from botrunner.sandbox.rest.replies import answered

if TYPE_CHECKING:
    from botrunner.sandbox.server import Sandbox

WebHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CREATING: Final = frozenset({"POST /guilds/{guild}/channels"})
#: Routes without our bot's token; those of interactions are outside the limit over all, too.
WITHOUT_TOKEN: Final = frozenset(
    {
        "GET /gateway",
        "POST /interactions/{interaction}/{token}/callback",
        "POST /webhooks/{application}/{token}",
        "GET /webhooks/{application}/{token}/messages/{message}",
        "PATCH /webhooks/{application}/{token}/messages/{message}",
        "DELETE /webhooks/{application}/{token}/messages/{message}",
    }
)


def serve(sandbox: Sandbox, route: str, handler: Handler) -> WebHandler:
    """Makes a route's handler one of the web server's."""

    async def serve_one(request: web.Request) -> web.StreamResponse:
        noted = sandbox.requests.begin(route, request)
        fault = sandbox.route_faults.met(route, request)
        noted.fault = None if fault is None else fault.way
        response = None
        if fault is not None and not fault.after_effect:
            response = await fault.strike(request)
        if response is None:
            response = await _answer(Call(request, sandbox), route, handler)
            noted.had = response.status
            if fault is not None and fault.after_effect:
                response = await fault.strike(request) or response
        # Discord's front says who it is; a 429 without it is taken for a ban by discord.py.
        response.headers["Via"] = "1.1 google"
        transport = request.transport
        noted.end(None if transport is None or transport.is_closing() else response.status)
        return response

    return serve_one


async def _answer(call: Call, route: str, handler: Handler) -> web.Response:
    try:
        response = await _guarded(call, route, handler)
    except ApiError as error:
        response = answered(error.body, status=error.status)
    except AwayError:
        response = answered({"message": "503: Service Unavailable", "code": 0}, status=503)
    except TooManyRequestsError as error:
        response = answered(error.body, status=429)
        response.headers.update(error.headers)
    response.headers.update(call.sandbox.limits.headers(route, call.major))
    return response


async def _guarded(call: Call, route: str, handler: Handler) -> web.Response:
    faults = call.sandbox.faults
    if route not in WITHOUT_TOKEN:
        if call.request.headers.get("Authorization") != f"Bot {call.sandbox.token}":
            raise ApiError(0)
        call.take(GLOBAL, "", GLOBAL_LIMIT)
    call.take(route, call.major)
    if faults.strikes("limited"):
        raise TooManyRequestsError(0.2, scope="shared")
    if faults.strikes("error"):
        return answered({"message": "500: Internal Server Error", "code": 0}, status=500)
    value = await handler(call)
    if faults.strikes("aftermath"):
        return answered({"message": "502: Bad Gateway", "code": 0}, status=502)
    return answered(value, status=201 if route in CREATING else 200)
