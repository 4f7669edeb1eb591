"""What happens in one second, or when nothing else tells: the order of moves, and which of them counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.rows.stages.stays import BEFORE, DELETED, EVENT, MERGED, PRESENT, course_of
from amocrm_assets_tests.rows.stages.test_stays import MADE, A, B, C, D, event, move, state, stays

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.rows.stages.stays import Happened, State


@pytest.mark.parametrize(
    ("moves", "now", "stages"),
    [
        # Both orders lack one move, and end in the same stage: the order of ids.
        ([move(1200, A, B), move(1200, C, B)], state(B, 1200), [A, B, C, B]),
        ([move(1200, C, B), move(1200, A, B)], state(B, 1200), [C, B, A, B]),
        ([move(1200, A, B), move(1200, C, B)], None, [A, B, C, B]),
        # A state counts that is as old as the last second, or newer, and not one from before it.
        ([move(1200, B, A), move(1200, A, B)], state(A, 1200), [A, B, A]),
        ([move(1100, C, D), move(1200, B, A), move(1200, A, B)], state(A, 1150), [C, D, B, A, B]),
        (
            [move(1050, B, C), move(1100, C, D), move(1200, B, A), move(1200, A, B)],
            state(A, 1150),
            [B, C, D, B, A, B],
        ),
        # Five moves are the most of which all orders are tried.
        (
            [move(1200, (1, each), (1, each + 1)) for each in (3, 1, 4, 0, 2)],
            state((1, 5), 1200),
            [(1, each) for each in range(6)],
        ),
    ],
)
def test_moves_of_one_second_are_in_the_order_that_lacks_the_fewest(
    moves: Sequence[Happened], now: State | None, stages: list[Any]
) -> None:
    assert [each[0] for each in stays(*moves, now=now)] == stages


def test_a_stay_may_end_in_the_second_in_which_it_begins() -> None:
    assert [each[:3] for each in stays(move(1200, A, B), move(1200, B, C), now=state(C, 1200))] == [
        (A, MADE, 1200),
        (B, 1200, 1200),
        (C, 1200, None),
    ]
    assert [each[:3] for each in stays(move(MADE, A, B), now=state(B, MADE))] == [(A, MADE, MADE), (B, MADE, None)]


@pytest.mark.parametrize("at", [1100, 1400])
def test_a_state_that_is_as_old_as_the_last_move_counts_like_a_newer_one(at: int) -> None:
    assert [each[:2] for each in stays(move(1100, A, B), now=state(C, at))] == [(A, MADE), (B, 1100), (C, None)]


def test_a_stage_that_nobody_saw_begin_ends_with_the_deletion() -> None:
    course = course_of([move(1100, A, B), move(1200, B, C), event(1300, DELETED)], state(D, 1250))
    assert [(each.stage, each.entered_at, each.left_at) for each in course.stays] == [
        (A, MADE, 1100),
        (B, 1100, 1200),
        (C, 1200, None),
        (D, None, 1300),
    ]


def test_a_record_that_was_updated_in_the_second_of_a_merger_stays_where_it_was() -> None:
    merged = [move(1100, A, B), event(1400, MERGED)]
    assert stays(*merged, now=state(B, 1400)) == [(A, MADE, 1100, BEFORE), (B, 1100, None, EVENT)]


def test_a_record_that_nobody_saw_restored_is_in_the_stage_that_it_was_deleted_in() -> None:
    found = stays(move(1100, A, B), event(1200, DELETED), now=state(B, 1400))
    assert found[1:] == [(B, 1100, 1200, EVENT), (B, None, None, PRESENT)]
