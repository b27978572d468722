"""The sandbox's own interface for tests, demos and benchmarks, under ``/_sandbox/``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web

    from botrunner.sandbox.server import Sandbox


def add_routes(app: web.Application, sandbox: Sandbox) -> None:
    """Puts the control interface beside REST."""
