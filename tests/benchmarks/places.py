"""Where the benchmarks lie, and the server that they are tried on."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from django.db import connection

PROJECT = Path(__file__).resolve().parent.parent.parent


def address() -> str:
    """Names the test run's server, where the benchmark makes a database of its own."""
    connection.ensure_connection()
    info = connection.connection.info
    host, user, password = (quote(part, safe="") for part in (info.host, info.user, info.password))
    account = f"{user}:{password}" if password else user
    return f"postgresql://{account}@/{info.dbname}?host={host}&port={info.port}"
