"""Courses that are found together are those that are found one by one, and all continuous ones are among them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amocrm_assets.rows.stages.continuous import continuous_courses
from amocrm_assets.rows.stages.courses import course_rows, courses_one_by_one
from amocrm_assets.rows.stages.ordered import Known
from amocrm_assets.rows.stages.stays import DELETED, MOVED
from amocrm_assets_tests.rows.stages.lives import EVENTS, STATES, known_of, table


@given(
    seed=st.integers(0, 10**9), oddity=st.sampled_from([0.0, 0.01, 0.05, 0.3]), records=st.sampled_from([1, 3, 12])
)
@settings(max_examples=250)
def test_courses_are_those_that_are_found_one_by_one(seed: int, oddity: float, records: int) -> None:
    known = known_of(seed, oddity=oddity, records=records)
    assert course_rows(known).to_pylist() == courses_one_by_one(known).to_pylist()


@given(seed=st.integers(0, 10**9))
def test_without_oddities_all_courses_are_found_together(seed: int) -> None:
    known = known_of(seed, oddity=0)
    rows, others = continuous_courses(known)
    assert (others.events.num_rows, others.states.num_rows) == (0, 0)
    assert rows.to_pylist() == courses_one_by_one(known).to_pylist()


def test_nothing_is_known_of_no_records_and_of_one_that_was_in_no_stage() -> None:
    deleted = [(1, "x", 1100, DELETED, 7, None, None, None, None)]
    for events in ([], deleted):
        known = Known(table(events, EVENTS), STATES.empty_table())
        assert course_rows(known).num_rows == courses_one_by_one(known).num_rows == 0


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_record_whose_rows_tell_no_stage_has_not_that_of_another_one(is_deleted: bool) -> None:  # noqa: FBT001
    moved = [(2, "x", 1100, MOVED, 7, 11, 21, 11, 22)]
    states = [(1, 1200, 1000, 3, 11, 22, False), (2, 1200, None, None, None, None, is_deleted)]
    known = Known(table(moved, EVENTS), table(states, STATES))
    rows, others = continuous_courses(known)
    assert rows["record_id"].to_pylist() == [1]
    assert others.events.num_rows == 1
    assert course_rows(known).to_pylist() == courses_one_by_one(known).to_pylist()


def test_a_stage_without_a_pipeline_is_one() -> None:
    states = [(1, 1200, 1000, 3, 11, 22, False), (1, 1300, 1000, 3, None, 21, False)]
    rows = course_rows(Known(EVENTS.empty_table(), table(states, STATES))).to_pylist()
    assert [(row["pipeline_id"], row["status_id"]) for row in rows] == [(None, 21)]
