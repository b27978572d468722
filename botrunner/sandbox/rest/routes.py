"""Which handler answers which path of ``/api/v10``, and what stands around every one."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from botrunner.sandbox.rest import application
from botrunner.sandbox.rest.call import Call, Handler, answered
from botrunner.sandbox.rest.errors import ApiError
from botrunner.sandbox.rest.limits import GLOBAL_LIMIT, Limit

if TYPE_CHECKING:
    from aiohttp import web

    from botrunner.sandbox.server import Sandbox

logger = logging.getLogger(__name__)

ROUTES: dict[str, Handler] = {
    "GET /gateway": application.get_gateway,
    "GET /gateway/bot": application.get_gateway_bot,
    "GET /users/@me": application.get_me,
    "GET /applications/@me": application.get_application,
    "GET /oauth2/applications/@me": application.get_application,
}
WITHOUT_TOKEN = frozenset({"GET /gateway"})


class TooManyRequestsError(Exception):
    """A rate limit is used up."""

    def __init__(self, wait: float, *, scope: str) -> None:
        super().__init__(wait)
        self.wait = wait
        self.scope = scope

    def response(self) -> web.Response:
        """Answers 429 as Discord does."""
        response = answered(
            {
                "message": "You are being rate limited.",
                "retry_after": round(self.wait, 3),
                "global": self.scope == "global",
            },
            status=429,
        )
        response.headers["Retry-After"] = str(int(self.wait) + 1)
        response.headers["X-RateLimit-Scope"] = self.scope
        if self.scope == "global":
            response.headers["X-RateLimit-Global"] = "true"
        return response


def add_routes(app: web.Application, sandbox: Sandbox) -> None:
    """Puts all of REST under ``/api/v10``."""
    for route, handler in ROUTES.items():
        method, path = route.split(" ")
        app.router.add_route(method, f"/api/v10{path}", _serve(sandbox, route, handler))
    app.router.add_route("*", "/api/{rest:.*}", _nothing_here)


async def _nothing_here(_: web.Request) -> web.Response:
    return answered({"message": "404: Not Found", "code": 0}, status=404)


def _serve(sandbox: Sandbox, route: str, handler: Handler) -> Any:
    async def serve(request: web.Request) -> web.Response:
        try:
            response = await _guarded(Call(request, sandbox), route, handler)
        except ApiError as error:
            response = answered(error.body, status=error.status)
        except TooManyRequestsError as error:
            response = error.response()
        # A 429 without it is taken for a ban by discord.py.
        response.headers["Via"] = "1.1 google"
        major = request.match_info.get("guild") or request.match_info.get("channel") or ""
        bucket = sandbox.limits.bucket(route, major)
        response.headers.update(sandbox.limits.headers(route, bucket))
        return response

    return serve


async def _guarded(call: Call, route: str, handler: Handler) -> web.Response:
    sandbox, request = call.sandbox, call.request
    if route not in WITHOUT_TOKEN and request.headers.get("Authorization") != (
        f"Bot {sandbox.token}"
    ):
        raise ApiError(0)
    if sandbox.limits.on:
        _take(call, route)
    if sandbox.faults.strikes("limited"):
        raise TooManyRequestsError(0.2, scope="shared")
    if sandbox.faults.strikes("error"):
        return answered({"message": "500: Internal Server Error", "code": 0}, status=500)
    value = await handler(call)
    if sandbox.faults.strikes("aftermath"):
        return answered({"message": "502: Bad Gateway", "code": 0}, status=502)
    created = request.method == "POST" and route.endswith("/channels")
    return answered(value, status=201 if created else 200)


def _take(call: Call, route: str) -> None:
    now = time.time()
    limits = call.limits
    overall = limits.bucket("global", "", Limit(GLOBAL_LIMIT, 1.0)).take(now)
    if overall and route not in WITHOUT_TOKEN:
        raise TooManyRequestsError(overall, scope="global")
    major = call.request.match_info.get("guild") or call.request.match_info.get("channel") or ""
    wait = limits.bucket(route, major).take(now)
    if wait:
        raise TooManyRequestsError(wait, scope="user")
