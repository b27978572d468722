from __future__ import annotations

import json
from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from events_app.domain.plan import EARLIEST, LATEST, Plan
from events_app.domain.plan_json import as_json, from_json
from tests.events_app.planned import BERLIN, make_plan

ids = st.frozensets(st.integers(1, 2**63 - 1), max_size=3)
instants = st.datetimes(
    EARLIEST.replace(tzinfo=None), LATEST.replace(tzinfo=None), timezones=st.just(UTC)
)
seconds = st.integers(0, 10**6)
plans = st.builds(
    Plan,
    title=st.text(max_size=20),
    time_zone=st.just("Europe/Berlin"),
    starts_at=instants,
    ends_at=instants,
    channel_ids=ids,
    any_role_ids=ids,
    all_role_ids=ids,
    no_role_ids=ids,
    minimum_seconds=st.none() | seconds,
    minimum_share=st.none() | st.floats(0, 1),
    late_grace_seconds=seconds,
    capacity=st.none() | seconds,
    counts_afk=st.booleans(),
    reward_role=st.none() | st.integers(1, 2**63 - 1),
)


@given(plans)
def test_a_plan_comes_back_from_json_as_it_was(plan: Plan) -> None:
    assert from_json(json.loads(json.dumps(as_json(plan)))) == plan


def test_a_record_without_a_field_has_its_usual_value_and_what_is_unknown_is_passed_over() -> None:
    record = as_json(make_plan(counts_afk=True, capacity=4))
    del record["counts_afk"]
    record["state"] = "live"

    plan = from_json(record)

    assert (plan.counts_afk, plan.capacity) == (False, 4)


def test_instants_are_told_in_utc_whatever_zone_they_came_in() -> None:
    plan = make_plan()
    same = make_plan(
        starts_at=plan.starts_at.astimezone(BERLIN), ends_at=plan.ends_at.astimezone(BERLIN)
    )

    assert as_json(same) == as_json(plan)
    assert as_json(plan)["starts_at"] == "2026-11-20T13:00:00+00:00"
