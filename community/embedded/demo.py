"""The demo: a sandbox in Discord's place, and a staff account that exists nowhere else."""

from __future__ import annotations

import secrets
import shlex
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Count

from community import registry
from community.embedded.errors import NotADemoDatabaseError
from community.embedded.folders import write_private

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

DATABASE = "rollcall_demo"
ACCOUNT = "demo"
SEED = 2
PORTS_TRIED = 100
MEMBERS_WANTED = 80


@dataclass(frozen=True)
class Demo:
    """What the sandbox plays."""

    guilds: int
    members: int
    speed: float
    token: str
    port: int
    truth: Path

    @property
    def api_url(self) -> str:
        """Where the sandbox answers, as ``DISCORD_API_URL``."""
        return f"http://127.0.0.1:{self.port}/api/v10"

    def sandbox_command(self) -> str:
        """Gives the command that runs the sandbox."""
        self.truth.parent.mkdir(parents=True, exist_ok=True)
        options = {
            "--port": self.port,
            "--seed": SEED,
            "--guilds": self.guilds,
            "--members": self.members,
            "--speed": f"{self.speed:g}",
            "--token": self.token,
            "--truth": self.truth,
        }
        words = ["python", "manage.py", "sandbox"]
        for name, value in options.items():
            words += [name, str(value)]
        return "exec " + shlex.join([*words, "--rooms", "--when-watched"])

    def sandbox_answers(self) -> bool:
        """Tells whether the sandbox takes connections."""
        with socket.socket() as connection:
            connection.settimeout(1)
            return connection.connect_ex(("127.0.0.1", self.port)) == 0


def refuse_foreign_database() -> None:
    """Looks whether the database is empty or the demo's own, before anything is done to it.

    Raises:
        NotADemoDatabaseError: if it is neither: an account whose password stands on a
            terminal has no place there.
    """
    tables = set(connection.introspection.table_names())
    accounts, guilds = get_user_model(), apps.get_model("community", "Guild")
    known = [model for model in (accounts, guilds) if model._meta.db_table in tables]
    is_ours = not tables or "django_migrations" in tables
    is_demo = accounts in known and accounts.objects.filter(username=ACCOUNT).exists()
    if not is_ours or (not is_demo and any(model.objects.exists() for model in known)):
        raise NotADemoDatabaseError


def prepare_account(data_dir: Path) -> str:
    """Makes the demo's staff account, the same at every start.

    Args:
        data_dir: keeps the password.

    Returns:
        The password.
    """
    accounts = get_user_model().objects
    account = accounts.filter(username=ACCOUNT).first()
    kept = data_dir / "demo" / "password"
    password = kept.read_text(encoding="utf-8").strip() if kept.exists() else ""
    if not password:
        password = secrets.token_urlsafe(9)
        write_private(kept, password + "\n")
    if account is None:
        accounts.create_superuser(ACCOUNT, password=password)
    elif not account.check_password(password):
        account.set_password(password)
        account.save(update_fields=["password"])
    return password


def voice_is_seen(since: datetime) -> bool:
    """Tells whether the bot has members in voice that it saw after ``since``."""
    sessions = apps.get_model("sessions_app", "VoiceSession").objects
    return sessions.filter(status="active", last_seen_at__gte=since).exists()


def members_are_known(demo: Demo) -> bool:
    """Tells whether the bot has heard of enough members of each guild to fill an evening."""
    members = apps.get_model("community", "Member").objects.order_by()
    enough = min(demo.members, MEMBERS_WANTED)
    counts = members.values("guild_id").annotate(count=Count("pk")).filter(count__gte=enough)
    return counts.count() >= demo.guilds


def furnish(now: datetime) -> None:
    """Has the floors above make what the demo shows beside those who are in voice.

    Whoever is to be in it has to be mirrored by now.
    """
    for make in registry.scenes():
        make(now)


def free_port(host: str, first: int) -> int | None:
    """Finds a port that nobody listens on, ``first`` or one soon after it."""
    for port in range(first, min(first + PORTS_TRIED, 65536)):
        if port_is_free(host, port):
            return port
    return None


def port_is_free(host: str, port: int) -> bool:
    """Tells whether we could listen there; 0 asks for any port."""
    return not refusal_to_listen(host, port)


def refusal_to_listen(host: str, port: int) -> str:
    """Says why we could not listen there; empty where we could."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""
