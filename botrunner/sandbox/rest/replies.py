"""How REST's answers are put into HTTP."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web


def answered(value: Any, *, status: int = 200) -> web.Response:
    """Makes a response; discord.py parses JSON under exactly this content type only."""
    if value is None:
        return web.Response(status=204)
    return web.Response(
        body=orjson.dumps(value), status=status, headers={"Content-Type": "application/json"}
    )
