"""What is read of a row of an older system, and why a row is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions_app.domain.import_columns import NAMES, Places
from sessions_app.domain.import_lines import Record
from sessions_app.domain.import_refusals import NoColumnError, RefusedRow
from sessions_app.domain.import_rows import GuildTerms, ImportedSession, RowReader
from sessions_app.domain.import_times import TimeReader

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
GUILD, USER, CHANNEL, BOT = 81384788765712384, 80351110224678912, 381870553235193857, 999
TERMS = {GUILD: GuildTerms(timedelta(seconds=1), frozenset({BOT}))}
ROW = {
    "guild_id": str(GUILD),
    "user_id": str(USER),
    "channel_id": str(CHANNEL),
    "started_at": "2024-05-01T12:00:00Z",
    "ended_at": "2024-05-01T13:00:00Z",
}


def reader_of(chosen: dict[str, str] | None = None, **constants: int) -> RowReader:
    return RowReader(
        Places(chosen or {}, constants),
        times=TimeReader(),
        terms_of=TERMS.get,
        now=NOW,
    )


def read(
    row: dict[str, Any], chosen: dict[str, str] | None = None, **constants: int
) -> ImportedSession:
    return reader_of(chosen, **constants).read(Record(7, row))


def refused(changes: dict[str, Any], chosen: dict[str, str] | None = None) -> RefusedRow:
    """Reads the row with changes, of which None takes a value away; gives why it is refused."""
    row = {name: value for name, value in (ROW | changes).items() if value is not None}
    [refusal] = reader_of(chosen).read_all([Record(7, row)])
    assert isinstance(refusal, RefusedRow)
    assert refusal.line == 7
    return refusal


def test_row_is_read_whole() -> None:
    session = read(ROW | {"voice_session_id": "abc"})

    assert session[1:] == (
        7,
        GUILD,
        USER,
        CHANNEL,
        NOON,
        NOON + timedelta(hours=1),
        True,
        "abc",
    )


@pytest.mark.parametrize(
    "names",
    [
        ("Guild ID", "Member", "channel", "Start Time", "End-Time"),
        ("guildId", "userId", "channelId", "startedAt", "endedAt"),
        ("server_id", "member_id", "voice_channel_id", "joined_at", "left_at"),
        ("guild", "user", "channel", "from", "to"),
    ],
)
def test_usual_names_are_found_by_themselves(names: tuple[str, ...]) -> None:
    assert read(dict(zip(names, ROW.values(), strict=True))) == read(ROW)


def test_truth_file_s_row_is_read_as_it_is() -> None:
    row = {"kind": "voice", **{name: ROW[name] for name in ("guild_id", "user_id", "channel_id")}}

    open_row = read(row | {"from": "2024-05-01T12:00:00.000Z", "to": None})

    assert (open_row.started_at, open_row.is_ended) == (NOON, False)


def test_map_goes_before_the_names_that_are_found() -> None:
    row = ROW | {"joined": "2024-05-01T12:30:00Z", "who": "5"}

    session = read(row, {"started_at": "joined", "user_id": "who"})

    assert session.started_at == NOON + timedelta(minutes=30)
    assert session.user_id == 5


def test_map_to_nothing_takes_a_field_from_nowhere() -> None:
    assert not read(ROW, {"ended_at": ""}).is_ended


def test_dots_lead_into_nested_keys_unless_a_key_has_dots_itself() -> None:
    nested = {"member": {"user": {"id": USER}}, "guild": {"id": GUILD}, "channel.id": CHANNEL}
    chosen = {"user_id": "member.user.id", "guild_id": "guild.id", "channel_id": "channel.id"}
    times = {name: ROW[name] for name in ("started_at", "ended_at")}

    assert read(nested | times, chosen) == read(ROW)


@pytest.mark.parametrize("guild", [None, 5, "text", [], {"id": None}, {}])
def test_path_that_leads_nowhere_is_a_missing_field(guild: object) -> None:
    error = refused({"guild": guild}, {"guild_id": "guild.id"})

    assert error.code == "missing_field"


def test_constants_stand_for_columns_that_the_file_lacks() -> None:
    row = {name: ROW[name] for name in ("user_id", "started_at", "ended_at")}

    assert read(row, guild_id=GUILD, channel_id=CHANNEL) == read(ROW)


def test_constant_goes_before_a_column() -> None:
    assert read(ROW | {"channel_id": "5"}, channel_id=CHANNEL) == read(ROW)


def test_header_must_have_what_is_needed_and_what_is_mapped_once() -> None:
    columns = ["guild_id", "user_id", "user_id", "from", "left"]

    with pytest.raises(NoColumnError) as caught:
        Places({"ended_at": "gone"}).check_header(columns)
    Places({"ended_at": "left"}, {"channel_id": 1}).check_header([*columns[:2], "from", "left"])

    message = str(caught.value)
    assert "user_id (user_id) and channel_id and ended_at (gone)" in message
    assert "guild_id, user_id" in message


@pytest.mark.parametrize(
    ("ending", "until", "is_ended"),
    [
        ({"ended_at": "2024-05-01T13:00:00Z"}, 60, True),
        ({"duration_seconds": "5400.5"}, 90 + 0.5 / 60, True),
        ({"duration_seconds": 5400}, 90, True),
        ({"ended_at": "", "duration_seconds": "60"}, 1, True),
        ({"ended_at": "2024-05-01T13:00:00Z", "duration_seconds": "60"}, 60, True),
        ({"ended_at": None, "last_seen_at": "2024-05-01T12:30:00Z"}, 30, False),
        ({"ended_at": "2024-05-01T13:00:00Z", "last_seen_at": "rubbish"}, 60, True),
        ({}, 0, False),
        ({"ended_at": " NULL "}, 0, False),
        ({"ended_at": "\\N", "duration_seconds": "None"}, 0, False),
    ],
)
def test_end_is_told_in_one_of_many_ways_or_not_at_all(
    ending: dict[str, Any], until: float, *, is_ended: bool
) -> None:
    row = {name: value for name, value in ROW.items() if name != "ended_at"}

    session = read(row | ending)

    assert session.ended_at == NOON + timedelta(minutes=until)
    assert session.is_ended is is_ended


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"user_id": None}, "missing_field"),
        ({"started_at": ""}, "missing_field"),
        ({"channel_id": " null "}, "missing_field"),
        ({"user_id": "0"}, "not_a_snowflake"),
        ({"user_id": "-5"}, "not_a_snowflake"),
        ({"user_id": str(2**63)}, "not_a_snowflake"),
        ({"user_id": 2**63}, "not_a_snowflake"),
        ({"user_id": "9" * 5_000}, "not_a_snowflake"),
        ({"user_id": "Mira#1234"}, "not_a_snowflake"),
        ({"user_id": "\u0661\u0662"}, "not_a_snowflake"),
        ({"user_id": True}, "not_a_snowflake"),
        ({"user_id": {"id": 5}}, "not_a_snowflake"),
        ({"user_id": "8.03511E+16"}, "imprecise_id"),
        ({"user_id": "80351110224678912.0"}, "imprecise_id"),
        ({"user_id": 8.0351110224678912e16}, "imprecise_id"),
        ({"guild_id": "5"}, "unknown_guild"),
        ({"user_id": str(BOT)}, "bot"),
        ({"started_at": "soon"}, "unreadable_time"),
        ({"ended_at": "2024-05-01"}, "unreadable_time"),
        ({"started_at": "2024-05-01 12:00:00"}, "no_time_zone"),
        ({"ended_at": None, "duration_seconds": "1:30:00"}, "unreadable_duration"),
        ({"ended_at": None, "duration_seconds": "nan"}, "unreadable_duration"),
        ({"ended_at": None, "duration_seconds": "1e400"}, "unreadable_duration"),
        ({"ended_at": None, "duration_seconds": [5]}, "unreadable_duration"),
        ({"ended_at": None, "duration_seconds": True}, "unreadable_duration"),
        ({"started_at": "2014-12-31T23:59:59Z"}, "before_discord"),
        ({"started_at": "2026-01-01T00:00:01Z"}, "in_future"),
        ({"ended_at": "2026-01-01T00:00:01Z"}, "in_future"),
        ({"ended_at": None, "duration_seconds": 1e9}, "in_future"),
        ({"ended_at": None, "last_seen_at": "2026-01-01T00:00:01Z"}, "in_future"),
        ({"ended_at": "2024-05-01T11:59:59Z"}, "ends_before_start"),
        ({"ended_at": None, "duration_seconds": "-1"}, "ends_before_start"),
        ({"ended_at": None, "last_seen_at": "2024-05-01T11:59:59Z"}, "seen_before_start"),
        ({"ended_at": "2025-05-03T12:00:00Z"}, "too_long"),
        ({"ended_at": "2024-05-01T12:00:00.999Z"}, "micro_session"),
        ({"ended_at": "2024-05-01T12:00:00Z"}, "micro_session"),
        ({"voice_session_id": "x" * 65}, "bad_text"),
        ({"voice_session_id": "a\0b"}, "bad_text"),
        ({"voice_session_id": "\ud800"}, "bad_text"),
        ({"voice_session_id": 1.5}, "bad_text"),
    ],
)
def test_row_that_cannot_be_is_refused(changes: dict[str, Any], code: str) -> None:
    error = refused(changes)

    assert error.code == code
    assert error.reason.isascii()
    assert "{" not in error.reason.replace("{'id'", "")


def test_text_that_was_not_decoded_is_refused() -> None:
    assert refused({"voice_session_id": "caf\N{REPLACEMENT CHARACTER}"}).code == "bad_text"


def test_old_id_that_cannot_be_kept_is_refused() -> None:
    assert refused({"nr": "\ud800"}, {"old_id": "nr"}).code == "bad_text"
    assert refused({"nr": False}, {"old_id": "nr"}).code == "bad_text"


@pytest.mark.parametrize(
    "changes",
    [
        {"started_at": "2015-01-01T00:00:00Z", "ended_at": "2015-01-01T00:00:01Z"},
        {"ended_at": "2024-05-01T12:00:01Z"},
        {"ended_at": "2025-05-02T12:00:00Z"},
        {"user_id": str(2**63 - 1)},
        {"user_id": 1},
        {"ended_at": "2026-01-01T00:00:00Z", "started_at": "2025-12-31T00:00:00Z"},
    ],
)
def test_row_at_the_very_edge_comes_in(changes: dict[str, Any]) -> None:
    assert read(ROW | changes).line == 7


def test_same_row_has_the_same_id_however_it_is_written() -> None:
    first = read(ROW)

    assert read(ROW | {"started_at": "2024-05-01T14:00:00+02:00"}).id == first.id
    assert read(ROW | {"ended_at": ""}).id == first.id
    assert read(ROW | {"user_id": USER}).id == first.id


@pytest.mark.parametrize("name", ["user_id", "channel_id", "started_at"])
def test_another_row_has_another_id(name: str) -> None:
    other = "2024-05-01T12:00:00.000001Z" if name == "started_at" else "5"

    assert read(ROW | {name: other}).id != read(ROW).id


def test_old_id_makes_the_id_whatever_else_changes() -> None:
    chosen = {"old_id": "nr"}
    first = read(ROW | {"nr": 17}, chosen)

    moved = read(ROW | {"nr": "17", "channel_id": "5", "started_at": "2024-05-01T12:30Z"}, chosen)

    assert moved.id == first.id
    assert read(ROW | {"nr": 18}, chosen).id != first.id
    assert read(ROW | {"nr": None}, chosen).id == read(ROW).id


def test_ids_are_uuids_of_version_8_and_a_member_s_stand_together() -> None:
    ids = [read(ROW | {"channel_id": channel}).id for channel in range(1, 50)]

    assert {(one.version, one.variant) for one in ids} == {(8, "specified in RFC 4122")}
    assert len({one.int >> 80 for one in ids}) == 1
    assert len(set(ids)) == 49
    assert read(ROW | {"user_id": "5"}).id.int >> 80 != ids[0].int >> 80


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=3,
)


# Under load a machine draws nested values slowly.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*NAMES, "x"]), JSON_VALUES))
def test_any_record_is_read_or_refused_in_words_that_can_be_kept(row: dict[str, Any]) -> None:
    chosen = {"old_id": "old_id"}

    [result] = reader_of(chosen, guild_id=GUILD, channel_id=CHANNEL).read_all([Record(1, row)])

    if isinstance(result, RefusedRow):
        assert result.reason.isascii()
        assert "\0" not in result.reason
