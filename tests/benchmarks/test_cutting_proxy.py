"""The proxy that cuts a connection between a COMMIT and its answer."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from benchmarks.faults.cutting_proxy import CuttingProxy, is_committed, messages

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = b"chaos_of_note"


@pytest.fixture
def proxy() -> Iterator[CuttingProxy]:
    info = server_info()
    folder = Path(info.host)
    place = folder / f".s.PGSQL.{info.port}" if folder.is_absolute() else (info.host, info.port)
    made = CuttingProxy(place)
    yield made
    made.close()


@pytest.fixture
def table() -> Iterator[psycopg.Connection[Any]]:
    """A table on a connection that goes past the proxy."""
    with psycopg.connect(address(), autocommit=True) as direct:
        for name in ("chaos_of_note", "chaos_other"):
            direct.execute(f"DROP TABLE IF EXISTS {name}")
            direct.execute(f"CREATE TABLE {name} (number int)")
        yield direct
        direct.execute("DROP TABLE chaos_of_note, chaos_other")


def server_info() -> Any:
    connection.ensure_connection()
    return connection.connection.info


def address() -> str:
    info = server_info()
    user, password, host = (quote(part, safe="") for part in (info.user, info.password, info.host))
    account = f"{user}:{password}" if password else user
    return f"postgresql://{account}@/{info.dbname}?host={host}&port={info.port}"


def count(table: psycopg.Connection[Any], name: str) -> int:
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))
    row = table.execute(query).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.django_db(transaction=True)
def test_proxy_passes_on_what_is_not_to_be_cut(
    proxy: CuttingProxy, table: psycopg.Connection[Any]
) -> None:
    with psycopg.connect(proxy.url_like(address())) as client:
        client.execute("INSERT INTO chaos_of_note SELECT generate_series(1, 100000)")
        client.commit()
        rows = client.execute("SELECT * FROM chaos_of_note").fetchall()

    assert len(rows) == count(table, "chaos_of_note") == 100_000
    assert proxy.cuts == 0


@pytest.mark.django_db(transaction=True)
def test_cut_commit_is_done_and_the_client_does_not_hear_of_it(
    proxy: CuttingProxy, table: psycopg.Connection[Any]
) -> None:
    proxy.cut_next()
    client = psycopg.connect(proxy.url_like(address()))
    client.execute("INSERT INTO chaos_of_note VALUES (1)")

    with pytest.raises(psycopg.OperationalError):
        client.commit()

    assert client.closed
    assert count(table, "chaos_of_note") == 1
    assert proxy.cuts == 1
    with psycopg.connect(proxy.url_like(address())) as another:
        another.execute("INSERT INTO chaos_of_note VALUES (2)")
    assert count(table, "chaos_of_note") == 2


@pytest.mark.django_db(transaction=True)
def test_cut_waits_for_a_transaction_that_says_the_mark(
    proxy: CuttingProxy, table: psycopg.Connection[Any]
) -> None:
    proxy.cut_next(saying=MARK)
    client = psycopg.connect(proxy.url_like(address()))
    client.execute("SELECT * FROM chaos_of_note")
    client.rollback()
    client.execute("INSERT INTO chaos_other VALUES (1)")
    client.commit()
    client.execute("INSERT INTO chaos_of_note VALUES (1)")

    with pytest.raises(psycopg.OperationalError):
        client.commit()

    assert proxy.has_cut(0)
    assert not proxy.has_cut(1)
    assert count(table, "chaos_other") == count(table, "chaos_of_note") == 1


@pytest.mark.django_db(transaction=True)
def test_client_is_turned_away_when_the_server_is_away(tmp_path: Path) -> None:
    proxy = CuttingProxy(tmp_path / "nobody")
    try:
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(proxy.url_like(address()))
    finally:
        proxy.close()


def test_messages_are_put_together_from_whatever_pieces_arrive() -> None:
    sent = [b"C\x00\x00\x00\x0bCOMMIT\x00", b"Z\x00\x00\x00\x05I", b"C\x00\x00\x00\x0bSELECT\x00"]
    server, client = socket.socketpair()
    with client:
        for number in b"".join(sent):
            server.sendall(bytes([number]))
        server.close()

        heard = list(messages(client))

    assert heard == sent
    assert [is_committed(message) for message in heard] == [True, False, False]
