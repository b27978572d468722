from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from community.environment import Environment, broker_from, database_from

PROJECT = Path(__file__).resolve().parent.parent.parent
PRODUCTION = {
    "SECRET_KEY": "k3-9Vq_7Zt2mLx8RwYb4NcHs6PdJf1GaUeOiTnQvXyBzC5D0rEwM",
    "SITE_URL": "https://rollcall.example.org",
    "ALLOWED_HOSTS": "rollcall.example.org",
    "DATABASE_URL": "postgresql://rollcall:secret@db.example.org/rollcall",
    "CELERY_BROKER_URL": "redis://redis.example.org/0",
    "DISCORD_TOKEN": "no-shape-at-all",
}


def manage(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs manage.py as an operator would, with these settings and no others."""
    clean = {"PATH": os.defpath, "ENV_FILE": os.devnull, "DATA_DIR": str(folder)}
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, str(PROJECT / "manage.py"), *arguments],
        env=clean | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def environment(folder: Path, monkeypatch: pytest.MonkeyPatch, **values: str) -> Environment:
    monkeypatch.delenv("ENV_FILE", raising=False)
    monkeypatch.setenv("DATA_DIR", str(folder / "data"))
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return Environment(folder)


# Each setting is refused by the reader that settings.py uses, so one process for each kind
# shows that the way to the terminal is open; the readers' own cases follow in this process.
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "perhaps"),
        ("WEB_PORT", "eighty"),
        ("SITE_URL", "rollcall.example.org"),
        ("LOG_LEVEL", "LOUD"),
        ("DATABASE_URL", "sqlite:///db.sqlite3"),
        ("CELERY_BROKER_URL", "pigeon://loft"),
        ("ENABLE_VOICE_FEATURES", "perhaps"),
        ("VOICE_TIMEOUT", "4.9"),
        ("VOICE_TIMEOUT", "3601"),
        ("VOICE_ROOMS_AT_ONCE", "-1"),
        ("VOICE_ROOMS_AT_ONCE", "10001"),
    ],
)
def test_manage_refuses_a_wrong_value_by_name_in_one_line(
    tmp_path: Path, name: str, value: str
) -> None:
    done = manage("check", folder=tmp_path, **{name: value})

    assert done.returncode == 2
    assert done.stderr.startswith(f"{name} is ")
    assert done.stderr.count("\n") == 1


def test_check_deploy_is_clean_with_production_settings(tmp_path: Path) -> None:
    done = manage("check", "--deploy", "--fail-level", "WARNING", folder=tmp_path, **PRODUCTION)

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_check_deploy_finds_what_production_lacks(tmp_path: Path) -> None:
    lacking = PRODUCTION | {"DEBUG": "1"}

    done = manage("check", "--deploy", "--fail-level", "WARNING", folder=tmp_path, **lacking)

    assert done.returncode == 1
    assert "security.W018" in done.stderr


def test_settings_are_read_without_any_environment(tmp_path: Path) -> None:
    done = manage("check", folder=tmp_path)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", True), ("Yes", True), ("on", True), ("0", False), ("FALSE", False), ("off", False)],
)
def test_flag_reads_yes_and_no(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, *, value: bool
) -> None:
    env = environment(tmp_path, monkeypatch, ANY_FLAG=text)

    assert env.flag("ANY_FLAG", default=not value) is value


@pytest.mark.parametrize("text", ["0", "11", "1.5", "ten", "nan", "inf"])
def test_whole_refuses_what_is_out_of_range_or_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    env = environment(tmp_path, monkeypatch, ANY_NUMBER=text)

    with pytest.raises(ImproperlyConfigured, match=r"ANY_NUMBER.*from 1 to 10"):
        env.whole("ANY_NUMBER", 5, least=1, most=10)


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "x"])
def test_number_refuses_what_is_out_of_range_or_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    env = environment(tmp_path, monkeypatch, ANY_NUMBER=text)

    with pytest.raises(ImproperlyConfigured, match="ANY_NUMBER"):
        env.number("ANY_NUMBER", 5, least=0, most=10)


@pytest.mark.parametrize(
    "text", ["*", "localhost", ".example.org", "a.example.org, 10.0.0.1,[::1]", "b\u00fccher.de"]
)
def test_hosts_reads_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    env = environment(tmp_path, monkeypatch, ANY_HOSTS=text)

    assert env.hosts("ANY_HOSTS", []) == [part.strip() for part in text.split(",")]


@pytest.mark.parametrize("text", [",", "http://x", "x:8000", "a b", "x/", "a..b", "good,bad/"])
def test_hosts_refuses_what_is_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    env = environment(tmp_path, monkeypatch, ANY_HOSTS=text)

    with pytest.raises(ImproperlyConfigured, match="ANY_HOSTS"):
        env.hosts("ANY_HOSTS", [])


def test_an_env_file_that_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENV_FILE", str(tmp_path / "missing"))

    with pytest.raises(ImproperlyConfigured, match="ENV_FILE"):
        Environment(tmp_path)


@pytest.mark.parametrize(
    "text", ["ftp://x", "http://", "x", "http://x:port", "http://[::1", "http://a b"]
)
def test_http_url_refuses_what_is_no_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    env = environment(tmp_path, monkeypatch, ANY_URL=text)

    with pytest.raises(ImproperlyConfigured, match="ANY_URL"):
        env.http_url("ANY_URL", "http://127.0.0.1")


def test_the_environment_beats_the_file_and_the_file_a_running_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / ".env").write_text("FIRST=file\nSECOND=file\n")
    (tmp_path / "data" / "running.env").write_text("FIRST=running\nSECOND=running\nTHIRD=running\n")

    env = environment(tmp_path, monkeypatch, FIRST="process")

    assert [env.text(name) for name in ("FIRST", "SECOND", "THIRD")] == [
        "process",
        "file",
        "running",
    ]


def test_given_passes_over_a_running_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / ".env").write_text("SECOND=file\n")
    (tmp_path / "data" / "running.env").write_text("SECOND=running\nTHIRD=running\n")

    env = environment(tmp_path, monkeypatch)

    assert env.given("SECOND") == "file"
    assert env.given("THIRD") == ""


def test_env_file_names_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("FIRST=default\n")
    (tmp_path / "other").write_text("FIRST=other\n")
    monkeypatch.setenv("ENV_FILE", str(tmp_path / "other"))

    assert Environment(tmp_path).text("FIRST") == "other"


@pytest.mark.parametrize(
    "url",
    [
        "memory://",
        "filesystem://",
        "redis+socket:///run/redis.sock",
        "rediss://:secret@host/0",
        "amqp://guest@host//",
        "sqs://",
        "confluentkafka://host",
        "sentinel://a:26379;sentinel://b:26379",
        "",
    ],
)
def test_broker_from_takes_any_transport_that_kombu_knows(url: str) -> None:
    assert broker_from(url) == url


@pytest.mark.parametrize("url", ["pigeon://loft", "memory", "http://host:secret"])
def test_broker_from_refuses_others_without_repeating_them(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="CELERY_BROKER_URL") as refusal:
        broker_from(url)

    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    ["mysql://a:secret@b/c", "postgresql://a:secret@b/", "postgresql://[::secret", "secret", ""],
)
def test_database_from_refuses_others_without_repeating_them(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL") as refusal:
        database_from(url)

    assert "secret" not in str(refusal.value)


def test_database_from_reads_a_socket_folder() -> None:
    database = database_from("postgresql://rollcall@/rollcall?host=%2Frun%2Fa%20b")

    assert database["NAME"] == "rollcall"
    assert database["USER"] == "rollcall"
    assert database["OPTIONS"] == {"host": "/run/a b"}
