from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from events_app.domain import words
from events_app.domain.plan import LARGEST_CAPACITY, Plan, check_plan
from tests.events_app.planned import make_plan, utc

if TYPE_CHECKING:
    from events_app.domain.problems import Problem

GUILD = 7 << 22
ROLE, OTHER_ROLE = GUILD + 1, GUILD + 2
TEXT, VOICE, CATEGORY, STAGE = GUILD + 10, GUILD + 12, GUILD + 14, GUILD + 23
CHANNELS = {TEXT: 0, VOICE: 2, CATEGORY: 4, STAGE: 13}
START, END = utc(2026, 11, 21, 19), utc(2026, 11, 21, 21)
PLAN = make_plan(starts_at=START, ends_at=END)


def check(plan: Plan) -> list[Problem]:
    return check_plan(
        plan, guild_id=GUILD, guild_role_ids={ROLE, OTHER_ROLE}, guild_channels=CHANNELS
    )


def test_a_plan_of_all_that_there_is_has_no_problem() -> None:
    plan = replace(
        PLAN,
        title="x" * 100,
        description="y" * 1000,
        channel_ids=frozenset({VOICE, CATEGORY, STAGE}),
        any_role_ids=frozenset({ROLE}),
        all_role_ids=frozenset({ROLE}),
        no_role_ids=frozenset({OTHER_ROLE}),
        minimum_seconds=7200,
        minimum_share=1.0,
        late_grace_seconds=7 * 86_400,
        early_grace_seconds=300,
        rejoin_grace_seconds=0,
        capacity=1,
        gap_policy=words.CREDIT,
        reward_role=OTHER_ROLE,
        ends_at=START + timedelta(days=7),
    )

    assert check(plan) == []
    assert check(PLAN) == []


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"title": ""}, "title", "empty"),
        ({"title": " \t"}, "title", "empty"),
        ({"title": "\n"}, "title", "empty"),
        ({"title": "Game\nnight"}, "title", "several_lines"),
        ({"title": "Game night\r\n"}, "title", "several_lines"),
        ({"title": "Game\u2028night"}, "title", "several_lines"),
        ({"title": "x" * 101}, "title", "too_long"),
        ({"title": "Game\0night"}, "title", "not_text"),
        ({"description": "x" * 1001}, "description", "too_long"),
        ({"description": "half a smile \ud83d"}, "description", "not_text"),
        ({"time_zone": "Europe/Atlantis"}, "time_zone", "unknown_time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone", "unknown_time_zone"),
        ({"time_zone": ""}, "time_zone", "unknown_time_zone"),
        ({"starts_at": START.replace(tzinfo=None)}, "starts_at", "naive"),
        ({"ends_at": END.replace(tzinfo=None)}, "ends_at", "naive"),
        ({"ends_at": START}, "ends_at", "not_after_start"),
        ({"ends_at": START - timedelta(hours=1)}, "ends_at", "not_after_start"),
        ({"ends_at": START + timedelta(days=7, seconds=1)}, "ends_at", "too_long"),
        (
            {"starts_at": utc(2014, 12, 31, 23, 59), "ends_at": utc(2015, 1, 1)},
            "starts_at",
            "out_of_range",
        ),
        (
            {"starts_at": utc(2100, 1, 1), "ends_at": utc(2100, 1, 1, 1)},
            "starts_at",
            "out_of_range",
        ),
        ({"any_role_ids": frozenset({GUILD})}, "any_role_ids", "everyone"),
        ({"all_role_ids": frozenset({GUILD})}, "all_role_ids", "everyone"),
        ({"no_role_ids": frozenset({GUILD})}, "no_role_ids", "everyone"),
        ({"reward_role": GUILD}, "reward_role", "everyone"),
        ({"any_role_ids": frozenset({5})}, "any_role_ids", "unknown_role"),
        ({"all_role_ids": frozenset({ROLE, 5})}, "all_role_ids", "unknown_role"),
        ({"no_role_ids": frozenset({5})}, "no_role_ids", "unknown_role"),
        ({"reward_role": 5}, "reward_role", "unknown_role"),
        (
            {"any_role_ids": frozenset({ROLE}), "no_role_ids": frozenset({ROLE, OTHER_ROLE})},
            "no_role_ids",
            "required_and_forbidden",
        ),
        (
            {"all_role_ids": frozenset({ROLE}), "no_role_ids": frozenset({ROLE})},
            "no_role_ids",
            "required_and_forbidden",
        ),
        ({"channel_ids": frozenset({VOICE, 5})}, "channel_ids", "unknown_channel"),
        ({"channel_ids": frozenset({TEXT})}, "channel_ids", "wrong_kind"),
        ({"minimum_seconds": 7201}, "minimum_seconds", "longer_than_window"),
        ({"minimum_seconds": -1}, "minimum_seconds", "negative"),
        ({"minimum_share": -0.01}, "minimum_share", "not_a_share"),
        ({"minimum_share": 1.01}, "minimum_share", "not_a_share"),
        ({"minimum_share": float("nan")}, "minimum_share", "not_a_share"),
        ({"late_grace_seconds": -1}, "late_grace_seconds", "negative"),
        ({"early_grace_seconds": -1}, "early_grace_seconds", "negative"),
        ({"rejoin_grace_seconds": -1}, "rejoin_grace_seconds", "negative"),
        ({"rejoin_grace_seconds": 604_801}, "rejoin_grace_seconds", "too_long"),
        ({"capacity": 0}, "capacity", "too_small"),
        ({"capacity": LARGEST_CAPACITY + 1}, "capacity", "too_large"),
        ({"gap_policy": "ignore"}, "gap_policy", "unknown_policy"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nowhere_else(
    fields: dict[str, Any], field: str, code: str
) -> None:
    problems = check(replace(PLAN, **fields))

    assert [(problem.field, problem.code) for problem in problems] == [(field, code)]
    assert problems[0].message.endswith(".")


def test_all_that_is_wrong_is_said_at_once() -> None:
    plan = replace(PLAN, title="", ends_at=START, capacity=0, channel_ids=frozenset({5, TEXT}))

    problems = check(plan)

    assert [problem.field for problem in problems] == [
        "title",
        "ends_at",
        "channel_ids",
        "channel_ids",
        "capacity",
    ]


def test_messages_tell_lengths_and_ids() -> None:
    too_long = replace(PLAN, ends_at=START + timedelta(days=8))
    too_short = replace(PLAN, minimum_seconds=3 * 3600)
    other_guilds = replace(PLAN, any_role_ids=frozenset({5}))

    assert check(too_long)[0].message == "An event lasts 7 d at most; this one is 8 d long."
    assert check(too_short)[0].message == "Nobody can stay 3 h in an event of 2 h."
    assert check(other_guilds)[0].message == "Role 5 is none of this guild's, or was deleted."


def test_both_naive_times_are_told_apart_from_their_order() -> None:
    plan = replace(PLAN, starts_at=datetime(2026, 1, 2), ends_at=datetime(2026, 1, 1))  # noqa: DTZ001 - naive on purpose

    assert [(each.field, each.code) for each in check(plan)] == [
        ("starts_at", "naive"),
        ("ends_at", "naive"),
    ]


def test_plans_are_equal_whatever_the_order_of_their_channels() -> None:
    one = replace(PLAN, channel_ids=frozenset([VOICE, STAGE]))
    other = replace(PLAN, channel_ids=frozenset([STAGE, VOICE]))

    assert one == other
    assert one.columns()["channel_ids"] == [VOICE, STAGE]


def test_a_plan_names_the_roles_of_all_its_fields() -> None:
    plan = replace(
        PLAN,
        any_role_ids=frozenset({1}),
        all_role_ids=frozenset({2}),
        no_role_ids=frozenset({3}),
        reward_role=4,
    )

    assert plan.role_ids == {1, 2, 3, 4}
    assert PLAN.role_ids == set()
