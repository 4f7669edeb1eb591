"""Stays in stages follow from events and the newest state, and say what of them is inferred or unknown."""

from __future__ import annotations

from itertools import pairwise, permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.rows.stages.stays import (
    BEFORE,
    CREATED,
    DELETED,
    EVENT,
    MERGED,
    MOVED,
    PRESENT,
    RESTORED,
    Course,
    Happened,
    State,
    Stay,
    course_of,
)

MADE, MAKER, MOVER = 1000, 3, 7
A, B, C, D = ((11, number) for number in (21, 22, 23, 24))
OTHER_PIPELINE = (12, 21)
WON, LOST = (11, 142), (11, 143)


def move(at: int, before: Any, after: Any) -> Happened:
    return Happened(at, MOVED, MOVER, before, after)


def event(at: int, kind: int) -> Happened:
    return Happened(at, kind, MOVER)


def state(stage: Any, at: int, *, is_deleted: bool = False, newest_at: int | None = None) -> State:
    return State(MADE, MAKER, stage, at, is_deleted, at if newest_at is None else newest_at)


def stays(*happened: Happened, now: State | None = None) -> list[tuple[Any, ...]]:
    """Stage, entered, left, and origin of each stay."""
    return [(each.stage, each.entered_at, each.left_at, each.origin) for each in course_of(happened, now).stays]


def test_each_move_ends_a_stay_and_begins_one_from_the_creation_on() -> None:
    course = course_of(
        [event(MADE, CREATED), move(1100, A, B), move(1300, B, OTHER_PIPELINE)], state(OTHER_PIPELINE, 1300)
    )
    assert course == Course(
        [
            Stay(A, MADE, 1100, MAKER, BEFORE),
            Stay(B, 1100, 1300, MOVER, EVENT),
            Stay(OTHER_PIPELINE, 1300, None, MOVER, EVENT),
        ],
        is_deleted=False,
    )


def test_a_record_that_never_moved_is_where_it_is_now_since_its_creation() -> None:
    assert stays(now=state(B, 1500)) == [(B, MADE, None, PRESENT)]
    assert stays(event(MADE, CREATED), now=state(B, 1500)) == [(B, MADE, None, PRESENT)]


def test_a_record_of_which_only_the_creation_is_known_is_in_an_unknown_stage() -> None:
    assert stays(event(MADE, CREATED)) == [(None, MADE, None, EVENT)]
    assert stays(event(1100, DELETED)) == []
    assert stays() == []


def test_a_move_whose_stages_are_one_is_none() -> None:
    assert stays(move(1100, A, A), move(1200, A, B), move(1300, B, B), now=state(B, 1300)) == [
        (A, MADE, 1200, BEFORE),
        (B, 1200, None, EVENT),
    ]


def test_a_reopened_record_leaves_the_stage_it_was_closed_in() -> None:
    found = stays(move(1100, A, LOST), move(1200, LOST, B), move(1300, B, WON), now=state(WON, 1300))
    assert [each[0] for each in found] == [A, LOST, B, WON]
    assert found[1] == (LOST, 1100, 1200, EVENT)


def test_a_move_that_is_missing_shows_as_a_stage_that_nobody_knows_the_beginning_of() -> None:
    assert stays(move(1100, A, B), move(1300, C, D), now=state(D, 1300)) == [
        (A, MADE, 1100, BEFORE),
        (B, 1100, None, EVENT),
        (C, None, 1300, BEFORE),
        (D, 1300, None, EVENT),
    ]


def test_a_state_that_is_newer_than_the_last_move_and_another_one_says_that_a_move_is_missing() -> None:
    assert stays(move(1100, A, B), now=state(C, 1400))[1:] == [(B, 1100, None, EVENT), (C, None, None, PRESENT)]


def test_a_state_that_is_older_than_the_last_move_says_nothing() -> None:
    assert stays(move(1100, A, B), now=state(A, 1099))[1:] == [(B, 1100, None, EVENT)]


def test_without_a_known_creation_the_first_stay_has_no_beginning() -> None:
    assert stays(move(1100, A, B)) == [(A, None, 1100, BEFORE), (B, 1100, None, EVENT)]


def test_a_creation_after_the_first_move_is_not_believed() -> None:
    assert stays(move(900, A, B), now=state(B, 900))[0] == (A, None, 900, BEFORE)


def test_a_deletion_ends_the_stay_and_a_restoration_begins_it_again() -> None:
    happened = [move(1100, A, B), event(1200, DELETED), event(1500, RESTORED), move(1600, B, C)]
    assert stays(*happened, now=state(C, 1600)) == [
        (A, MADE, 1100, BEFORE),
        (B, 1100, 1200, EVENT),
        (B, 1500, 1600, EVENT),
        (C, 1600, None, EVENT),
    ]
    deleted = course_of(happened[:2], state(B, 1100, is_deleted=True, newest_at=1200))
    assert deleted.is_deleted
    assert deleted.stays[-1].left_at == 1200


@pytest.mark.parametrize("at", [1100, 1250])
def test_a_deletion_that_no_event_tells_is_taken_from_the_row(at: int) -> None:
    course = course_of([move(1100, A, B)], state(B, 1100, is_deleted=True, newest_at=at))
    assert course.is_deleted
    assert course.stays[-1].left_at == at


def test_a_deletion_that_no_row_tells_is_taken_from_the_event() -> None:
    course = course_of([event(1200, DELETED)], state(B, 1100))
    assert course.is_deleted
    assert course.stays == [Stay(B, MADE, 1200, MAKER, PRESENT)]


def test_a_restoration_whose_deletion_is_missing_leaves_the_end_of_the_stay_open() -> None:
    assert stays(event(1500, RESTORED), now=state(B, 1500)) == [
        (B, MADE, None, PRESENT),
        (B, 1500, None, EVENT),
    ]


def test_a_deletion_whose_restoration_is_missing_leaves_the_beginning_of_the_stay_open() -> None:
    course = course_of([event(1200, DELETED)], state(B, 1400))
    assert not course.is_deleted
    assert course.stays[1:] == [Stay(B, None, None, None, PRESENT)]


def test_a_move_in_the_second_of_a_restoration_leaves_no_stay_of_no_time() -> None:
    happened = [event(1200, DELETED), event(1500, RESTORED), move(1500, A, B)]
    assert stays(*happened, now=state(B, 1500)) == [(A, MADE, 1200, BEFORE), (B, 1500, None, EVENT)]


def test_a_move_that_only_the_state_before_a_deletion_tells_leaves_it_deleted() -> None:
    course = course_of([move(1100, A, B), event(1300, DELETED)], state(C, 1200))
    assert course.is_deleted
    assert course.stays[1:] == [Stay(B, 1100, None, MOVER, EVENT), Stay(C, None, 1300, None, PRESENT)]


def test_of_two_merged_records_the_one_that_is_updated_no_more_is_gone() -> None:
    merged = [move(1100, A, B), event(1400, MERGED)]
    gone = course_of(merged, state(B, 1100))
    assert gone.is_deleted
    assert gone.stays[-1].left_at == 1400
    for lives_on in (
        course_of(merged, state(B, 1400)),
        course_of([*merged, move(1500, B, C)], state(B, 1100)),
        course_of(merged, None),
    ):
        assert not lives_on.is_deleted


def test_a_stage_that_an_event_does_not_say_is_unknown_until_the_next_one_says_it() -> None:
    assert stays(move(1100, A, None), move(1200, C, D))[1:] == [(C, 1100, 1200, BEFORE), (D, 1200, None, EVENT)]
    assert stays(move(1100, A, None), now=state(D, 1200))[1:] == [(D, 1100, None, PRESENT)]
    assert stays(move(1100, A, B), move(1150, B, None), now=state(D, 1200))[2:] == [(D, 1150, None, PRESENT)]
    assert stays(move(1100, A, None))[1:] == [(None, 1100, None, EVENT)]
    assert stays(move(1100, None, B), move(1200, None, C)) == [
        (None, None, 1100, BEFORE),
        (B, 1100, 1200, EVENT),
        (C, 1200, None, EVENT),
    ]
    assert len(stays(move(1100, A, B), move(1200, None, B))) == 2


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_moves_of_one_second_follow_each_other_whatever_their_ids(order: tuple[int, ...]) -> None:
    # B is left twice: only what follows decides where the way ends.
    way = [move(1200, A, B), move(1200, B, C), move(1200, C, B), move(1200, B, D)]
    found = stays(*[way[place] for place in order], move(1300, D, A), now=state(A, 1300))
    assert [each[0] for each in found] == [A, B, C, B, D, A]


def test_moves_of_the_last_second_lead_to_the_newest_state() -> None:
    tied = [move(1200, B, A), move(1200, A, B)]
    assert [each[0] for each in stays(*tied, now=state(B, 1200))] == [B, A, B]
    assert [each[0] for each in stays(*tied, now=state(A, 1200))] == [A, B, A]


@pytest.mark.parametrize("first", list(permutations(range(2))))
@pytest.mark.parametrize("last", list(permutations(range(3))))
def test_seconds_with_several_moves_are_ordered_together(first: tuple[int, ...], last: tuple[int, ...]) -> None:
    # Either order of the first two ends where one of the last three begins.
    begun, ended = [move(1200, A, B), move(1200, B, C)], [move(1300, C, D), move(1300, D, B), move(1300, B, A)]
    moves = [*(begun[place] for place in first), *(ended[place] for place in last)]
    assert [each[0] for each in stays(*moves, now=state(A, 1300))] == [A, B, C, D, B, A]


def test_many_moves_of_one_second_are_in_the_order_of_their_ids() -> None:
    ring = [move(1200, (1, number), (1, number + 1)) for number in range(30)]
    assert len(stays(*ring, now=state((1, 30), 1200))) == 31


def life(chance: Random) -> tuple[list[Happened], State, list[Stay], bool]:
    """What happens to a record in seconds that differ, the state at the end, and its stays in truth."""
    stage, at, deleted = chance.choice([A, B]), MADE, False
    happened = [Happened(MADE, CREATED, MAKER)]
    true = [Stay(stage, MADE, None, MAKER, PRESENT)]
    for _ in range(chance.randrange(8)):
        at += chance.randrange(1, 50)
        if deleted:
            happened.append(event(at, RESTORED))
            true.append(Stay(stage, at, None, MOVER, EVENT))
            deleted = False
        elif chance.random() < 0.2:
            happened.append(event(at, DELETED))
            true[-1].left_at = at
            deleted = True
        else:
            before, stage = stage, chance.choice([each for each in (A, B, C, WON) if each != stage])
            happened.append(move(at, before, stage))
            true[-1].left_at = at
            true.append(Stay(stage, at, None, MOVER, EVENT))
    if any(each.kind == MOVED for each in happened):
        true[0].origin = BEFORE
    return happened, state(stage, at, is_deleted=deleted), true, deleted


@given(st.integers())
def test_the_stays_of_a_life_are_those_that_it_had(seed: int) -> None:
    happened, now, true, deleted = life(Random(seed))
    assert course_of(happened, now) == Course(true, is_deleted=deleted)


@given(st.integers())
def test_a_move_that_is_lost_shows_unless_it_was_the_first(seed: int) -> None:
    happened, now, true, _ = life(Random(seed))
    moves = [each for each in happened if each.kind == MOVED]
    for lost in moves[1:]:
        found = course_of([each for each in happened if each is not lost], now).stays
        assert len(found) < len(true) or any(each.entered_at is None for each in found)
        assert any(each.entered_at is None for each in found)


@given(st.integers())
def test_stays_follow_each_other_and_none_ends_before_it_begins(seed: int) -> None:
    chance = Random(seed)
    happened, now, _, _ = life(chance)
    happened = [each for each in happened if chance.random() < 0.8]
    shuffled = sorted((each._replace(at=each.at // 20 * 20) for each in happened), key=lambda each: each[:2])
    for course in (course_of(happened, now), course_of(shuffled, now)):
        for one, other in pairwise(course.stays):
            assert one.left_at is None or other.entered_at is None or one.left_at <= other.entered_at
        for each in course.stays:
            assert each.left_at is None or each.entered_at is None or each.entered_at <= each.left_at
