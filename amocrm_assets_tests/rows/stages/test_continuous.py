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


def moves(*steps: tuple[int, int, int], record_id: int = 1, kind: int = MOVED) -> list[tuple[object, ...]]:
    """Events of a record: time, and the stages before and after in one pipeline."""
    return [
        (record_id, f"{record_id}-{number}", at, kind, 7, 11, before, 11, after)
        for number, (at, before, after) in enumerate(steps)
    ]


DELETION = (1, "1-9", 1150, DELETED, 7, None, None, None, None)


@pytest.mark.parametrize(
    ("events", "now", "is_together"),
    [
        (moves((1100, 21, 22), (1200, 22, 23)), (1200, 23, False), True),
        (moves((1100, 21, 22), (1200, 22, 23)), (1199, 21, False), True),  # a state that is older than the move
        (moves((1100, 21, 22), (1200, 22, 23)), (1199, 21, True), True),
        (moves((1100, 21, 22), (1200, 22, 23)), (1200, 23, True), False),
        (moves((1100, 21, 22), (1200, 22, 23)), (1200, 24, False), False),
        (moves((1100, 21, 22)), (1200, 24, False), False),
        (moves((1100, 21, 22), (1200, 24, 23)), (1200, 23, False), False),
        (moves((1100, 21, 22), (1100, 22, 23)), (1200, 23, False), False),
        ([*moves((1100, 21, 22)), *moves((1100, 21, 22))], (1200, 22, False), False),  # two days have the event
        ([*moves((1100, 21, 22)), DELETION], (1200, 22, False), False),
        (moves((1100, 22, 22)), (1200, 22, False), False),
        (moves((900, 21, 22)), (1200, 22, False), True),  # before its creation
        (moves((1000, 21, 22)), (1200, 22, False), True),  # in the second of its creation
        ([], (1200, 22, False), True),
        ([], (1200, 22, True), False),
    ],
)
def test_a_course_that_is_found_together_is_continuous(
    events: list[tuple[object, ...]],
    now: tuple[int, int, bool],
    is_together: bool,  # noqa: FBT001
) -> None:
    at, status, is_deleted = now
    for other in (0, 2):  # a record before or behind it
        beside = moves((1100, 21, 22), (1150, 22, 21), record_id=other)
        states = sorted([(1, at, 1000, 3, 11, status, is_deleted), (other, 1150, 1000, 3, 11, 21, False)])
        happened = [*events, *beside] if other else [*beside, *events]
        known = Known(table(happened, EVENTS), table(states, STATES))
        rows, others = continuous_courses(known)
        assert set(rows["record_id"].to_pylist()) == ({1, other} if is_together else {other})
        assert others.states["id"].to_pylist() == ([] if is_together else [1])
        assert course_rows(known).to_pylist() == courses_one_by_one(known).to_pylist()
