from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from botrunner.domain.truth_file import line_of, stamp
from community.models import Guild
from sessions_app.models import (
    BlindGap,
    EndReason,
    GapCause,
    SessionStatus,
    StartKind,
    Visit,
    VoiceSession,
)

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
GUILD, ANNA, BELA, LOUNGE, STAGE = 1 << 40, 2 << 40, 3 << 40, 4 << 40, 5 << 40


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def track(user: int, channel: int, start: float, end: float | None, **more: Any) -> VoiceSession:
    ended = None if end is None else at(end)
    visit = Visit.objects.create(
        guild_id=GUILD,
        user_id=user,
        started_at=at(start),
        ended_at=ended,
        first_channel_id=channel,
        last_channel_id=channel,
    )
    values: dict[str, Any] = {
        "status": SessionStatus.ACTIVE if end is None else SessionStatus.COMPLETED,
        "end_reason": "" if end is None else EndReason.LEFT,
    }
    return VoiceSession.objects.create(
        visit=visit,
        guild_id=GUILD,
        user_id=user,
        channel_id=channel,
        started_at=at(start),
        entered_at=at(start),
        ended_at=ended,
        last_seen_at=ended or at(start),
        **(values | more),
    )


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """Anna an hour in the lounge and then on the stage; Bela half an hour in the lounge."""
    path = tmp_path / "truth.jsonl"
    path.write_text(
        "".join(
            line_of(
                guild_id=GUILD,
                user_id=user,
                channel_id=channel,
                began=at(start),
                ended=None if end is None else at(end),
            )
            for user, channel, start, end in (
                (ANNA, LOUNGE, 0, 60),
                (BELA, LOUNGE, 10, 40),
                (ANNA, STAGE, 60, None),
            )
        )
    )
    return path


def track_all() -> None:
    track(ANNA, LOUNGE, 0, 60)
    track(BELA, LOUNGE, 10, 40)
    track(ANNA, STAGE, 60, None)


def compared(truth: Path, *options: str) -> dict[str, Any]:
    out = StringIO()
    call_command(
        "compare_truth", str(truth), "--json", "--at", at(90).isoformat(), *options, stdout=out
    )
    shown: dict[str, Any] = json.loads(out.getvalue())
    return shown


@pytest.mark.django_db
def test_what_was_tracked_as_it_was_passes(truth: Path) -> None:
    track_all()

    shown = compared(truth)

    assert shown["ok"]
    assert shown["at"] == "2026-11-20T13:30:00.000Z"
    assert shown["true_seconds"] == shown["tracked_seconds"] == 120 * 60
    assert shown["lost_seconds"] == shown["phantom_seconds"] == 0
    assert shown["double_counted_seconds"] == shown["orphaned_sessions"] == 0
    assert shown["boundary_errors"]["observed_starts"]["count"] == 3
    assert shown["boundary_errors"]["observed_ends"]["count"] == 2


@pytest.mark.django_db
def test_lost_time_is_beyond_the_limit(truth: Path) -> None:
    track(ANNA, LOUNGE, 0, 60)
    track(ANNA, STAGE, 60, None)
    out = StringIO()

    with pytest.raises(CommandError, match=r"Beyond the limit: lost share, seconds beyond") as over:
        call_command("compare_truth", str(truth), "--at", at(90).isoformat(), stdout=out)

    assert over.value.returncode == 1
    assert f"beyond   kind=lost seconds=1800.0 guild_id={GUILD} user_id={BELA}" in out.getvalue()
    assert compared(truth, "--max-lost", "0.3", "--max-beyond", "1800")["ok"]


@pytest.mark.django_db
def test_each_limit_is_held(truth: Path) -> None:
    track(ANNA, LOUNGE, 0, 61)
    track(ANNA, LOUNGE, 0, 60)
    track(BELA, STAGE, 10, None)
    out = StringIO()

    with pytest.raises(CommandError):
        call_command("compare_truth", str(truth), "--json", "--at", at(90).isoformat(), stdout=out)

    assert {each["what"] for each in json.loads(out.getvalue())["limits"] if not each["ok"]} == {
        "lost share",
        "phantom share",
        "seconds beyond uncertainty",
        "double-counted seconds",
        "orphaned sessions",
        "observed boundary p99",
        "boundaries outside uncertainty",
    }


@pytest.mark.django_db
def test_estimates_pass_within_their_uncertainty(truth: Path) -> None:
    track(ANNA, LOUNGE, 0, 60)
    track(ANNA, STAGE, 60, None)
    estimate = {"status": SessionStatus.STALE, "end_reason": EndReason.STALE}
    row = track(BELA, LOUNGE, 10, 38, end_uncertainty=120.0, **estimate)

    within = compared(truth, "--max-lost", "0.02")
    VoiceSession.objects.filter(id=row.id).update(end_uncertainty=60.0)
    beyond = compared(truth, "--max-lost", "0.02", "--max-beyond", "60", "--max-outside", "1")

    assert within["boundary_errors"]["inferred_ends"] == {
        "count": 1,
        "p50": 120.0,
        "p99": 120.0,
        "max": 120.0,
    }
    assert beyond["lost"]["beyond_uncertainty_seconds"] == 59.75
    assert within["outside"] == []
    assert beyond["outside"] == [
        {
            "what": "end",
            "seconds": 59.75,
            "session_id": str(row.id),
            "guild_id": str(GUILD),
            "user_id": str(BELA),
            "channel_id": str(LOUNGE),
            "tracked": stamp(at(38)),
            "true": stamp(at(40)),
            "uncertainty": 60.0,
        }
    ]


@pytest.mark.django_db
def test_a_gap_states_what_it_hid(truth: Path) -> None:
    track(ANNA, LOUNGE, 0, 60)
    track(ANNA, STAGE, 60, None)
    lenient = ("--max-lost", "1", "--max-beyond", "1800")
    row = BlindGap.objects.create(
        guild_id=GUILD, cause=GapCause.BOT_DOWN, began_at=at(5), ended_at=at(50)
    )

    hidden = compared(truth, "--max-lost", "1")
    BlindGap.objects.filter(pk=row.pk).update(is_replayed=True)
    replayed = compared(truth, *lenient)
    BlindGap.objects.filter(pk=row.pk).update(is_replayed=False, user_id=ANNA)
    of_another = compared(truth, *lenient)

    assert hidden["lost"]["beyond_uncertainty_seconds"] == 0
    assert hidden["blind_gaps"] == {
        "gaps": 1,
        "seconds": 2700,
        "gaps_of_members": 0,
        "seconds_of_members": 0,
        "replayed_gaps": 0,
        "causes": {"bot_down": 1},
        "members_changed": 1,
        "seconds_allowed": 2700,
        "lost_seconds_within": 1800,
        "lost_seconds_outside": 0,
        "phantom_seconds_within": 0,
        "phantom_seconds_outside": 0,
        "excess_seconds": 0,
    }
    assert replayed["blind_gaps"]["replayed_gaps"] == 1
    assert of_another["blind_gaps"]["gaps_of_members"] == 1
    for shown in (replayed, of_another):
        assert shown["blind_gaps"]["excess_seconds"] == 0
        assert shown["lost"]["beyond_uncertainty_seconds"] == 1800


@pytest.mark.django_db
def test_a_gap_excuses_nobody_who_stayed_where_they_were(truth: Path) -> None:
    sure = {"end_uncertainty": 600.0, "end_reason": EndReason.RECOVERED}
    track(ANNA, LOUNGE, 0, 20, **sure)
    track(ANNA, LOUNGE, 30, 60, start_uncertainty=600.0, start_kind=StartKind.INFERRED)
    track(ANNA, STAGE, 60, None)
    track(BELA, LOUNGE, 10, 40)
    BlindGap.objects.create(
        guild_id=GUILD, cause=GapCause.GUILD_OUTAGE, began_at=at(20), ended_at=at(30)
    )
    out = StringIO()

    with pytest.raises(CommandError, match="Beyond the limit: lost share, seconds wrong beyond"):
        call_command("compare_truth", str(truth), "--at", at(90).isoformat(), stdout=out)

    assert f"excess   kind=lost seconds=599.5 guild_id={GUILD} user_id={ANNA}" in out.getvalue()
    assert compared(truth, "--max-lost", "0.1", "--max-gap-excess", "599.5")["ok"]


@pytest.mark.django_db
def test_truth_before_the_first_sight_is_told_apart(truth: Path) -> None:
    Guild.objects.create(id=GUILD, name="Night Owls", voice_seen_at=at(20))
    track(ANNA, LOUNGE, 20, 60, start_kind=StartKind.FIRST_SIGHT)
    track(BELA, LOUNGE, 20, 40, start_kind=StartKind.FIRST_SIGHT)
    track(ANNA, STAGE, 60, None)

    shown = compared(truth)

    assert shown["before_first_sight_seconds"] == 30 * 60
    assert shown["true_seconds"] == shown["tracked_seconds"] == 90 * 60
    assert shown["boundary_errors"]["first_sights"] == 2


@pytest.mark.django_db
def test_a_file_whose_world_has_ended_is_compared_up_to_its_end(truth: Path) -> None:
    ended = [line for line in truth.read_text().splitlines(keepends=True) if "null" not in line]
    truth.write_text("".join(ended))
    track(ANNA, LOUNGE, 0, None)
    track(BELA, LOUNGE, 10, 40)
    out = StringIO()

    call_command("compare_truth", str(truth), "--json", stdout=out)

    assert json.loads(out.getvalue())["at"] == "2026-11-20T13:00:00.000Z"


@pytest.mark.django_db
def test_the_table_names_every_figure(truth: Path) -> None:
    track_all()
    out = StringIO()

    call_command("compare_truth", str(truth), "--at", at(90).isoformat(), stdout=out)

    for words in (
        "true seconds",
        "7,200.000",
        "lost",
        "phantom",
        "blind: lost seconds within",
        "observed starts",
        "negative sessions",
        "ok   lost",
        "ok   seconds wrong beyond gaps",
    ):
        assert words in out.getvalue()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "it has no kind"),
        ('{"kind": "voice"}', "guild_id, user_id, channel_id, from, to missing"),
        ('{"kind": "voice", "guild_id": 1}', "missing"),
        (line_of(guild_id=1, user_id=2, channel_id=3, began=NOON).replace('"1"', "1"), "no id"),
        (line_of(guild_id=1, user_id=2, channel_id=3, began=NOON).replace("Z", ""), "time zone"),
        (
            line_of(guild_id=1, user_id=2, channel_id=3, began=NOON).replace("2026", "this year"),
            "ISO 8601",
        ),
        (
            line_of(guild_id=1, user_id=2, channel_id=3, began=NOON, ended=at(-1)),
            "ends before it begins",
        ),
    ],
)
def test_a_bad_line_is_named_by_its_number(truth: Path, line: str, why: str) -> None:
    with truth.open("a") as file:
        file.write(line)

    with pytest.raises(CommandError, match=rf"Line 4 of the truth file is no stay: .*{why}") as bad:
        call_command("compare_truth", str(truth))

    assert bad.value.returncode == 2


def test_a_file_that_is_not_there_or_has_no_stays_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.touch()

    for path, why in ((tmp_path / "none.jsonl", "cannot be read"), (empty, "has no stays")):
        with pytest.raises(CommandError, match=why) as bad:
            call_command("compare_truth", str(path))
        assert bad.value.returncode == 2


def test_a_database_that_is_away_is_said_in_words(
    truth: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("botrunner.management.commands.compare_truth.first_sights", away)

    with pytest.raises(CommandError, match="database cannot be read") as bad:
        call_command("compare_truth", str(truth))
    assert bad.value.returncode == 2


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--at", "noon"], "is no ISO 8601 time"),
        (["--at", "2026-11-20T12:00:00"], "names no time zone"),
        (["--tolerance", "-1"], "is no number of 0 or more"),
        (["--max-lost", "much"], "is no number of 0 or more"),
    ],
)
def test_bad_options_are_named(truth: Path, options: list[str], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        call_command("compare_truth", str(truth), *options)
