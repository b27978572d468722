"""Which handler answers which path of ``/api/v10``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botrunner.sandbox.rest import (
    application,
    channels,
    commands,
    guilds,
    interactions,
    members,
    messages,
    scheduled_events,
    webhooks,
)
from botrunner.sandbox.rest.replies import answered
from botrunner.sandbox.rest.serving import serve

if TYPE_CHECKING:
    from aiohttp import web

    from botrunner.sandbox.rest.call import Handler
    from botrunner.sandbox.server import Sandbox

ROUTES: dict[str, Handler] = {
    "GET /gateway": application.get_gateway,
    "GET /gateway/bot": application.get_gateway_bot,
    "GET /users/@me": application.get_me,
    "GET /applications/@me": application.get_application,
    "GET /oauth2/applications/@me": application.get_application,
    "GET /applications/{application}/commands": commands.get_commands,
    "PUT /applications/{application}/commands": commands.put_commands,
    "GET /applications/{application}/commands/{command}": commands.get_command,
    "DELETE /applications/{application}/commands/{command}": commands.delete_command,
    "GET /applications/{application}/guilds/{guild}/commands": commands.get_commands,
    "PUT /applications/{application}/guilds/{guild}/commands": commands.put_commands,
    "GET /applications/{application}/guilds/{guild}/commands/{command}": commands.get_command,
    "DELETE /applications/{application}/guilds/{guild}/commands/{command}": (
        commands.delete_command
    ),
    "POST /interactions/{interaction}/{token}/callback": interactions.post_callback,
    "POST /webhooks/{application}/{token}": webhooks.post_followup,
    "GET /webhooks/{application}/{token}/messages/{message}": webhooks.get_answer,
    "PATCH /webhooks/{application}/{token}/messages/{message}": webhooks.patch_answer,
    "DELETE /webhooks/{application}/{token}/messages/{message}": webhooks.delete_answer,
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
    "PUT /channels/{channel}/voice-status": channels.put_voice_status,
    "PUT /channels/{channel}/permissions/{target}": channels.put_overwrite,
    "DELETE /channels/{channel}/permissions/{target}": channels.delete_overwrite,
    "GET /channels/{channel}/messages": messages.get_messages,
    "POST /channels/{channel}/messages": messages.post_message,
    "GET /channels/{channel}/messages/{message}": messages.get_message,
    "PATCH /channels/{channel}/messages/{message}": messages.patch_message,
    "DELETE /channels/{channel}/messages/{message}": messages.delete_message,
}


def add_routes(app: web.Application, sandbox: Sandbox) -> None:
    """Puts all of REST under ``/api/v10``."""
    for route, handler in ROUTES.items():
        method, path = route.split(" ")
        app.router.add_route(method, f"/api/v10{path}", serve(sandbox, route, handler))
    app.router.add_route("*", "/api/{rest:.*}", _nothing_here)


async def _nothing_here(_: web.Request) -> web.Response:
    return answered({"message": "404: Not Found", "code": 0}, status=404)
