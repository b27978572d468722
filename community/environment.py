"""Reads Rollcall's settings from the environment and refuses wrong values by name.

Precedence: the process's environment, then ``.env`` in the project's folder (or the file
that ``ENV_FILE`` names), then ``running.env`` in the data folder (written by ``manage.py
up`` while an installation of its own runs, so that commands in another terminal reach the
same database), then the default.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import environ
import kombu.transport
from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from collections.abc import Callable

RUNNING = "running.env"
# A name, all below one (".example.org"), an IPv6 address in brackets, or "*".
HOST = re.compile(r"\*|\.?[\w-]+(\.[\w-]+)*|\[[0-9A-Fa-f:.]+\]")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class Environment:
    """The settings' source, with one reader for each kind of value."""

    def __init__(self, base_dir: Path) -> None:
        """Loads the files that stand behind the process's environment.

        Args:
            base_dir: the project's folder, where ``.env`` may lie.

        Raises:
            ImproperlyConfigured: if ``ENV_FILE`` names a file that is not there.
        """
        self.base_dir = base_dir
        values = dict(os.environ)
        named = values.get("ENV_FILE", "")
        if named and not Path(named).exists():
            raise refused("ENV_FILE", named, "a file that is there")
        self._add_file(values, Path(named or base_dir / ".env"))
        self.data_dir = Path(values.get("DATA_DIR") or base_dir / ".data").expanduser().resolve()
        self._given = {name for name, value in values.items() if value.strip()}
        self._add_file(values, self.data_dir / RUNNING)
        self._values = values

    @staticmethod
    def _add_file(values: dict[str, str], path: Path) -> None:
        if not path.is_file():
            return

        # read_env writes into its class's mapping: a class of our own, so that the
        # process's own environment stays as it was.
        reader: Any = type("Reader", (environ.Env,), {"ENVIRON": values})
        reader.read_env(path)

    def given(self, name: str) -> str:
        """Reads what the operator set, whatever ``running.env`` says; empty where unset."""
        return self.text(name) if name in self._given else ""

    def text(self, name: str, default: str = "") -> str:
        """Reads a text; an empty value counts as unset."""
        return self._values.get(name, "").strip() or default

    def flag(self, name: str, *, default: bool) -> bool:
        """Reads yes or no.

        Raises:
            ImproperlyConfigured: if the value is neither.
        """
        value = self.text(name).lower()
        if not value:
            return default
        if value in {"1", "true", "yes", "on"}:
            return True
        if value in {"0", "false", "no", "off"}:
            return False
        raise refused(name, value, "true or false")

    def number(
        self,
        name: str,
        default: float,
        *,
        least: float,
        most: float,
        kind: Callable[[str], float] = float,
    ) -> float:
        """Reads a number between ``least`` and ``most``, both included.

        Raises:
            ImproperlyConfigured: if it is no number or out of range.
        """
        value = self.text(name)
        if not value:
            return default
        try:
            number = kind(value)
        except ValueError:
            raise refused(name, value, f"a number from {least:g} to {most:g}") from None
        if not least <= number <= most:
            raise refused(name, value, f"a number from {least:g} to {most:g}")
        return number

    def whole(self, name: str, default: int, *, least: int, most: int) -> int:
        """Reads a whole number between ``least`` and ``most``, both included."""
        return int(self.number(name, default, least=least, most=most, kind=int))

    def hosts(self, name: str, default: list[str]) -> list[str]:
        """Reads hosts' names, with commas between.

        Raises:
            ImproperlyConfigured: if there are none, or one is an address or has a port:
                the site would answer to nobody.
        """
        value = self.text(name)
        if not value:
            return default
        hosts = [part.strip() for part in value.split(",") if part.strip()]
        if not hosts or not all(HOST.fullmatch(host) for host in hosts):
            raise refused(name, value, "names of hosts, without ports, with commas between")
        return hosts

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        """Reads one of a few words.

        Raises:
            ImproperlyConfigured: if the value is none of them.
        """
        value = self.text(name, default)
        if value not in choices:
            raise refused(name, value, "one of " + ", ".join(choices))
        return value

    def http_url(self, name: str, default: str) -> str:
        """Reads an http or https address, without its closing slash.

        Raises:
            ImproperlyConfigured: if it is no such address.
        """
        value = self.text(name, default).rstrip("/")
        try:
            parts = urlsplit(value)
            valid = parts.scheme in {"http", "https"} and bool(parts.hostname)
            valid = valid and not re.search(r"\s", value)
            _ = parts.port
        except ValueError:
            valid = False
        if not valid:
            raise refused(name, value, "an http:// or https:// address")
        return value


def refused(name: str, value: str, wanted: str) -> ImproperlyConfigured:
    """Builds the error for a setting whose value cannot be used.

    Args:
        name: the environment variable.
        value: what it holds; never a secret.
        wanted: what it may hold, in words.
    """
    return ImproperlyConfigured(f"{name} is {value!r}, and must be {wanted}.")


def database_from(url: str) -> dict[str, Any]:
    """Reads ``DATABASE_URL``; only PostgreSQL will do.

    Raises:
        ImproperlyConfigured: if it names another kind of database. The address itself
            is not repeated, since it may hold a password.
    """
    wanted = "a postgresql:// address with a database's name"
    scheme = url.partition("://")[0] if "://" in url else ""
    if scheme not in {"postgres", "postgresql"}:
        raise refused("DATABASE_URL", f"{scheme}://…", wanted)
    try:
        database: dict[str, Any] = dict(environ.Env.db_url_config(url))
    except ValueError:
        raise refused("DATABASE_URL", f"{scheme}://…", wanted) from None
    if not database.get("NAME"):
        raise refused("DATABASE_URL", f"{scheme}://…", wanted)
    database["ENGINE"] = "django.db.backends.postgresql"
    return database


def broker_from(url: str) -> str:
    """Reads ``CELERY_BROKER_URL``: any transport that kombu knows.

    The transport is looked up, not loaded: a client library that is not installed
    concerns only the process that sends or takes tasks.

    Raises:
        ImproperlyConfigured: if kombu has no such transport.
    """
    scheme = urlsplit(url).scheme
    # "redis+socket", "sqla+postgresql": the transport stands before the plus.
    transport = scheme.partition("+")[0]
    if url and transport not in kombu.transport.TRANSPORT_ALIASES:
        wanted = "an address with a transport that kombu knows, such as redis:// or amqp://"
        raise refused("CELERY_BROKER_URL", f"{scheme}://…", wanted)
    return url
