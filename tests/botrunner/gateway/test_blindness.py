from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from botrunner.gateway.blindness import DOUBT, PATIENCE, Sight, seconds_between
from sessions_app.domain import words
from sessions_app.domain.facts import Unseen

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ONE, TWO, THREE = 1, 2, 3


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def down(known: dict[int, datetime | None]) -> dict[int, Unseen]:
    """What a start knows of guilds that the bot has watched before."""
    return {guild_id: Unseen(since, words.BOT_DOWN) for guild_id, since in known.items()}


def live(*guilds: int) -> Sight:
    """A shard that has seen these guilds, its last frame at second 10."""
    sight = Sight({})
    sight.opened()
    sight.ready(frozenset(guilds), at(0))
    for guild_id in guilds:
        sight.stated(guild_id, at(1))
    sight.frame(at(10))
    return sight


def test_the_first_ever_sight_of_a_guild_has_no_bound() -> None:
    sight = Sight({})
    sight.opened()
    sight.ready(frozenset({ONE}), at(0))

    assert sight.stated(ONE, at(1)).since is None
    assert sight.uncertainty(ONE, at(2)) == 0


def test_at_the_start_a_known_guild_is_unseen_since_the_database_last_heard() -> None:
    sight = Sight(down({ONE: at(-100), TWO: None}), present=[ONE, TWO])
    sight.opened()
    sight.ready(frozenset({ONE, TWO}), at(0))

    assert sight.stated(ONE, at(1)).since == at(-100)
    assert sight.stated(TWO, at(1)).since is None


def test_a_guild_is_unseen_from_the_old_connections_last_frame_to_its_statement() -> None:
    sight = live(ONE)
    sight.opened()
    # HELLO of the new connection vouches for nothing.
    sight.frame(at(20))
    sight.ready(frozenset({ONE}), at(21))

    assert sight.stated(ONE, at(22)).since == at(10)


def test_a_connection_that_never_got_ready_does_not_shorten_the_gap() -> None:
    sight = live(ONE)
    for second in (20, 30, 40):
        sight.opened()
        sight.frame(at(second))
    sight.ready(frozenset({ONE}), at(41))

    assert sight.stated(ONE, at(42)).since == at(10)


def test_what_is_replayed_may_have_happened_since_the_last_frame() -> None:
    sight = live(ONE)
    sight.opened()
    sight.frame(at(20))

    assert sight.uncertainty(ONE, at(20)) >= 10
    assert sight.complete_until() == at(10)

    sight.resumed(at(21))
    assert sight.uncertainty(ONE, at(21)) == 0
    assert sight.complete_until() == at(21)


def test_a_replay_that_was_cut_short_goes_on_from_the_same_gap() -> None:
    sight = live(ONE)
    sight.opened()
    sight.frame(at(20))
    sight.opened()
    sight.frame(at(30))

    assert sight.uncertainty(ONE, at(30)) >= 20


def test_a_guild_stated_twice_was_seen_in_between() -> None:
    sight = live(ONE)

    assert sight.stated(ONE, at(12)).since == at(12)


def test_a_guild_that_invites_the_bot_now_has_no_bound() -> None:
    sight = live(ONE)

    assert sight.stated(TWO, at(12)).since is None


def test_an_outage_makes_a_guild_unseen_until_it_is_stated() -> None:
    sight = live(ONE, TWO)

    assert sight.lost(ONE, at(11)) == at(11)
    sight.frame(at(60))

    assert sight.complete_until() == at(60)
    assert sight.stated(ONE, at(61)).since == at(11)
    assert sight.uncertainty(TWO, at(61)) == 0


def test_an_outage_over_a_new_connection_is_unseen_since_it_began() -> None:
    sight = live(ONE)
    sight.lost(ONE, at(11))
    sight.frame(at(15))
    sight.opened()
    sight.ready(frozenset({ONE}), at(20))

    assert sight.stated(ONE, at(90)).since == at(11)


def test_an_outage_that_is_replayed_began_somewhere_in_the_gap() -> None:
    sight = live(ONE)
    sight.opened()

    assert sight.lost(ONE, at(20)) == at(10)


def test_what_comes_from_an_unseen_guild_carries_the_whole_gap() -> None:
    sight = live(ONE)
    sight.lost(ONE, at(11))

    assert sight.uncertainty(ONE, at(15)) >= 4


def test_guilds_that_ready_does_not_list_are_gone() -> None:
    sight = Sight(down({ONE: at(-100), TWO: at(-50), THREE: at(-500)}), present=[ONE, TWO])
    sight.opened()

    sight.ready(frozenset({ONE}), at(0))

    assert sight.removed(at(1)) is None
    assert sight.removed(at(0) + DOUBT) == (at(0), {TWO: at(-50)})
    assert sight.removed(at(1) + DOUBT) is None


def test_a_guild_that_was_seen_live_is_gone_since_the_last_frame() -> None:
    sight = live(ONE, TWO)
    sight.opened()

    sight.ready(frozenset({ONE}), at(20))

    assert sight.removed(at(20) + DOUBT) == (at(20), {TWO: at(10)})


def test_a_guild_that_is_stated_though_ready_did_not_list_it_is_not_gone() -> None:
    sight = live(ONE, TWO)
    sight.opened()
    sight.ready(frozenset(), at(20))
    sight.stated(ONE, at(20))
    sight.frame(at(21))

    assert sight.complete_until() == at(10)
    sight.opened()
    sight.ready(frozenset({ONE}), at(21))
    assert sight.stated(ONE, at(21)).since == at(21)
    assert sight.removed(at(21) + DOUBT) == (at(21), {TWO: at(10)})
    assert sight.complete_until() == at(21)


def test_a_guild_that_asks_the_bot_back_was_unseen_since_it_left() -> None:
    sight = live(ONE)
    sight.left(ONE, at(11))

    assert sight.stated(ONE, at(50)).since == at(11)


def test_a_guild_the_bot_left_is_not_missed_at_the_next_ready() -> None:
    sight = live(ONE, TWO)
    sight.left(ONE, at(11))
    sight.opened()

    sight.ready(frozenset({TWO}), at(20))

    assert sight.removed(at(20) + DOUBT) is None


def test_nothing_is_vouched_for_while_listed_guilds_are_still_to_be_stated() -> None:
    sight = live(ONE, TWO)
    sight.opened()
    sight.ready(frozenset({ONE, TWO}), at(20))
    sight.stated(ONE, at(21))
    sight.frame(at(22))

    assert sight.complete_until() == at(10)
    sight.stated(TWO, at(23))
    sight.frame(at(24))
    assert sight.complete_until() == at(24)


def test_a_second_ready_before_all_were_stated_keeps_the_first_gap() -> None:
    sight = live(ONE, TWO)
    sight.opened()
    sight.ready(frozenset({ONE, TWO}), at(20))
    sight.stated(ONE, at(21))
    sight.frame(at(22))
    sight.opened()
    sight.ready(frozenset({ONE, TWO}), at(30))

    assert sight.complete_until() == at(10)
    assert sight.stated(ONE, at(31)).since == at(22)
    assert sight.stated(TWO, at(31)).since == at(10)


def test_a_guild_that_is_never_stated_counts_as_an_outage() -> None:
    sight = live(ONE, TWO)
    sight.opened()
    sight.ready(frozenset({ONE, TWO}), at(20))
    sight.stated(ONE, at(21))

    assert sight.overdue(at(22)) == {}
    assert sight.overdue(at(20) + PATIENCE) == {TWO: at(10)}
    assert sight.overdue(at(21) + PATIENCE) == {}
    sight.frame(at(100))
    assert sight.complete_until() == at(100)
    assert sight.stated(TWO, at(101)).since == at(10)


@given(st.datetimes(timezones=st.just(UTC)), st.integers(0, 10**13))
def test_a_gap_is_never_rounded_down(start: datetime, microseconds: int) -> None:
    gap = timedelta(microseconds=microseconds)
    if start <= datetime.max.replace(tzinfo=UTC) - gap:
        assert timedelta(seconds=seconds_between(start, start + gap)) >= gap
        assert seconds_between(start, start + gap) > gap.total_seconds()
        assert seconds_between(start + gap, start) <= 1e-300 or gap == timedelta()


def test_each_gap_has_its_cause() -> None:
    sight = Sight(down({ONE: at(-100)}), present=[ONE])
    sight.opened()
    sight.ready(frozenset({ONE}), at(0))
    down_until = sight.stated(ONE, at(1))
    sight.frame(at(10))
    sight.opened()
    sight.ready(frozenset({ONE}), at(20))
    lost_until = sight.stated(ONE, at(21))
    sight.lost(ONE, at(30))
    away_until = sight.stated(ONE, at(40))
    sight.left(ONE, at(50))

    assert down_until == Unseen(at(-100), words.BOT_DOWN)
    assert lost_until == Unseen(at(10), words.CONNECTION_LOST)
    assert away_until == Unseen(at(30), words.GUILD_OUTAGE)
    assert sight.stated(ONE, at(60)) == Unseen(at(50), words.BOT_REMOVED)


def test_a_process_that_stood_still_vouches_for_nothing_until_it_has_caught_up() -> None:
    sight = live(ONE)
    sight.stalled(at(12))
    sight.frame(at(20))

    assert sight.complete_until() == at(10)
    assert 8 <= sight.uncertainty(ONE, at(20)) < 8.001

    assert sight.caught_up(at(21)) == at(12)
    assert sight.uncertainty(ONE, at(22)) == 0
    assert sight.complete_until() == at(21)


def test_a_stall_ends_with_the_connection_that_it_hit() -> None:
    sight = live(ONE)
    sight.stalled(at(12))
    sight.opened()
    since = sight.resumed(at(30))

    assert since == at(10)
    assert not sight.is_stalled
    assert sight.caught_up(at(31)) is None


def test_a_guild_stated_during_a_stall_is_unseen_since_it_began() -> None:
    sight = live(ONE, TWO)
    sight.stalled(at(12))

    assert sight.stated(ONE, at(20)).since == at(12)
    assert sight.lost(TWO, at(20)) == at(12)


def test_a_stall_may_have_begun_before_the_last_frame() -> None:
    sight = live(ONE)
    sight.stalled(at(9.8))
    sight.stalled(at(15))

    assert sight.complete_until() == at(9.8)
    assert 10.2 <= sight.uncertainty(ONE, at(20)) < 10.201


def test_resuming_tells_since_when_all_was_replayed() -> None:
    sight = live(ONE)
    sight.opened()

    assert sight.resumed(at(30)) == at(10)
