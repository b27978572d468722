"""Which handler answers which path of ``/api/v10``, and what stands around every one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import web

from botrunner.sandbox.rest import (
    application,
    channels,
    guilds,
    members,
    messages,
    scheduled_events,
)
from botrunner.sandbox.rest.call import Call, Handler, answered
from botrunner.sandbox.rest.errors import ApiError, AwayError
from botrunner.sandbox.rest.limits import GLOBAL, GLOBAL_LIMIT, TooManyRequestsError

if TYPE_CHECKING:
    from botrunner.sandbox.server import Sandbox

WebHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ROUTES: dict[str, Handler] = {
    "GET /gateway": application.get_gateway,
    "GET /gateway/bot": application.get_gateway_bot,
    "GET /users/@me": application.get_me,
    "GET /applications/@me": application.get_application,
    "GET /oauth2/applications/@me": application.get_application,
    "GET /guilds/{guild}": guilds.get_guild,
    "GET /guilds/{guild}/roles": guilds.get_roles,
    "GET /guilds/{guild}/channels": guilds.get_channels,
    "POST /guilds/{guild}/channels": guilds.post_channel,
    "GET /guilds/{guild}/audit-logs": guilds.get_audit_log,
    "GET /guilds/{guild}/members": members.get_members,
    "GET /guilds/{guild}/members/{user}": members.get_member,
    "PATCH /guilds/{guild}/members/{user}": members.patch_member,
    "DELETE /guilds/{guild}/members/{user}": members.delete_member,
    "PUT /guilds/{guild}/members/{user}/roles/{role}": members.put_role,
    "DELETE /guilds/{guild}/members/{user}/roles/{role}": members.delete_role,
    "GET /guilds/{guild}/voice-states/{user}": members.get_voice_state,
    "GET /guilds/{guild}/scheduled-events": scheduled_events.get_scheduled_events,
    "POST /guilds/{guild}/scheduled-events": scheduled_events.post_scheduled_event,
    "GET /guilds/{guild}/scheduled-events/{event}": scheduled_events.get_scheduled_event,
    "PATCH /guilds/{guild}/scheduled-events/{event}": scheduled_events.patch_scheduled_event,
    "DELETE /guilds/{guild}/scheduled-events/{event}": scheduled_events.delete_scheduled_event,
    "GET /guilds/{guild}/scheduled-events/{event}/users": (
        scheduled_events.get_scheduled_event_users
    ),
    "GET /channels/{channel}": channels.get_channel,
    "PATCH /channels/{channel}": channels.patch_channel,
    "DELETE /channels/{channel}": channels.delete_channel,
    "PUT /channels/{channel}/permissions/{target}": channels.put_overwrite,
    "DELETE /channels/{channel}/permissions/{target}": channels.delete_overwrite,
    "POST /channels/{channel}/messages": messages.post_message,
    "GET /channels/{channel}/messages/{message}": messages.get_message,
    "PATCH /channels/{channel}/messages/{message}": messages.patch_message,
    "DELETE /channels/{channel}/messages/{message}": messages.delete_message,
}
CREATING = frozenset({"POST /guilds/{guild}/channels"})
WITHOUT_TOKEN = frozenset({"GET /gateway"})


def add_routes(app: web.Application, sandbox: Sandbox) -> None:
    """Puts all of REST under ``/api/v10``."""
    for route, handler in ROUTES.items():
        method, path = route.split(" ")
        app.router.add_route(method, f"/api/v10{path}", _serve(sandbox, route, handler))
    app.router.add_route("*", "/api/{rest:.*}", _nothing_here)


async def _nothing_here(_: web.Request) -> web.Response:
    return answered({"message": "404: Not Found", "code": 0}, status=404)


def _serve(sandbox: Sandbox, route: str, handler: Handler) -> WebHandler:
    async def serve(request: web.Request) -> web.StreamResponse:
        call = Call(request, sandbox)
        try:
            response = await _guarded(call, route, handler)
        except ApiError as error:
            response = answered(error.body, status=error.status)
        except AwayError:
            response = answered({"message": "503: Service Unavailable", "code": 0}, status=503)
        except TooManyRequestsError as error:
            response = answered(error.body, status=429)
            response.headers.update(error.headers)
        # Discord's front says who it is; a 429 without it is taken for a ban by discord.py.
        response.headers["Via"] = "1.1 google"
        response.headers.update(sandbox.limits.headers(route, call.major))
        return response

    return serve


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
