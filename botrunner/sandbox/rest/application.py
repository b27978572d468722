"""Where the gateway is, and who our bot is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botrunner.sandbox.intents import application_flags
from botrunner.sandbox.rest.errors import AwayError

if TYPE_CHECKING:
    from botrunner.sandbox.gateway import Gateway
    from botrunner.sandbox.rest.call import Answer, Call

DAY_MS = 86_400_000


async def get_gateway(call: Call) -> Answer:
    """Answers ``GET /gateway``."""
    return {"url": _open_gateway(call).url}


async def get_gateway_bot(call: Call) -> Answer:
    """Answers ``GET /gateway/bot``."""
    gateway = _open_gateway(call)
    options = gateway.options
    return {
        "url": gateway.url,
        "shards": call.sandbox.shards,
        "session_start_limit": {
            "total": options.identifies,
            "remaining": max(0, options.identifies - gateway.identified),
            "reset_after": DAY_MS,
            "max_concurrency": options.max_concurrency,
        },
    }


def _open_gateway(call: Call) -> Gateway:
    gateway = call.sandbox.gateway
    if not gateway.is_open:
        raise AwayError
    return gateway


async def get_me(call: Call) -> Answer:
    """Answers ``GET /users/@me``."""
    return call.world.bot.payload() | {
        "verified": True,
        "mfa_enabled": True,
        "locale": "en-US",
        "email": None,
        "flags": 0,
        "banner": None,
        "accent_color": None,
    }


async def get_application(call: Call) -> Answer:
    """Answers ``GET /applications/@me`` and its older name under ``/oauth2``."""
    bot = call.world.bot
    owner = next((guild.owner_id for guild in call.world.guilds.values()), bot.id)
    return {
        "id": str(bot.id),
        "name": bot.username,
        "icon": None,
        "description": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": application_flags(call.sandbox.gateway.options.privileged),
        "owner": call.world.users[owner].payload(),
        "team": None,
        "summary": "",
        "hook": True,
        "bot": bot.payload(),
    }
