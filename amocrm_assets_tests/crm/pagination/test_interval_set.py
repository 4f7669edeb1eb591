"""Covered intervals say exactly which keys are missing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.crm.pagination.interval_set import IntervalSet

keys = st.integers(0, 30)


@given(keys, keys, st.lists(st.tuples(keys, keys), max_size=12))
def test_the_first_gap_is_the_first_needed_key_that_no_interval_holds(
    low: int, high: int, intervals: list[tuple[int, int]]
) -> None:
    cover = IntervalSet(low, high)
    for start, end in intervals:
        cover.add(start, end, end_position=0)

    covered = {key for start, end in intervals for key in range(start, end + 1)}
    gap = low
    while gap in covered:
        gap += 1
    assert cover.first_gap() == gap
    assert cover.complete == (gap > high)
    assert cover.covered_from_start == gap - 1


def test_a_list_without_bounds_is_complete_only_from_its_beginning_to_its_end() -> None:
    cover = IntervalSet(None, None)
    cover.add(None, 7, end_position=7)
    assert not cover.complete

    cover.add(9, None, end_position=20)
    assert cover.first_gap() == 8

    cover.add(7, 9, end_position=9)
    assert cover.complete


def test_intervals_that_touch_are_one_from_either_side_and_those_with_a_key_between_are_not() -> None:
    for first, second in [((0, 4), (5, 9)), ((5, 9), (0, 4))]:
        cover = IntervalSet(0, 9)
        cover.add(*first, end_position=1)
        cover.add(*second, end_position=1)
        assert cover.complete
    for first, second in [((0, 4), (6, 9)), ((6, 9), (0, 4))]:
        cover = IntervalSet(0, 9)
        cover.add(*first, end_position=1)
        cover.add(*second, end_position=1)
        assert (cover.complete, cover.first_gap(), cover.covered_from_start) == (False, 5, 4)


def test_the_last_needed_key_and_the_first_one_each_count_alone() -> None:
    cover = IntervalSet(5, 9)
    cover.add(5, 5, end_position=1)
    assert cover.first_gap() == 6
    cover.add(6, 8, end_position=4)
    assert (cover.complete, cover.first_gap()) == (False, 9)
    cover.add(9, 9, end_position=5)
    assert (cover.complete, cover.first_gap()) == (True, 10)


def test_a_gap_lies_behind_the_furthest_page_that_ended_wholly_before_it() -> None:
    cover = IntervalSet(0, 100)
    assert cover.position_before(50) == 0
    for high, position in [(10, 25), (49, 75), (50, 90), (80, 125)]:
        cover.add(high - 5, high, end_position=position)
    assert cover.position_before(50) == 75
    assert cover.position_before(51) == 90


def test_a_page_that_covers_nothing_still_tells_where_it_ended() -> None:
    cover = IntervalSet(0, 100)
    cover.add(11, 10, end_position=25)
    assert (cover.first_gap(), cover.holds(10), cover.position_before(50)) == (0, False, 25)


def test_keys_at_both_ends_of_an_interval_are_held_and_none_beside_it() -> None:
    cover = IntervalSet(0, 100)
    cover.add(10, 12, end_position=3)
    assert [key for key in range(8, 15) if cover.holds(key)] == [10, 11, 12]
    assert [key for key in (99, 100, 101) if cover.is_behind(key)] == [101]


def test_a_list_is_covered_from_its_very_beginning_to_its_very_end() -> None:
    cover = IntervalSet(None, None)
    cover.add(None, -5, end_position=3)
    assert (cover.holds(-(2**63)), cover.first_gap()) == (True, -4)
    cover.add(-4, -4, end_position=4)
    assert cover.first_gap() == -3
    cover.add(-3, None, end_position=9)
    assert (cover.complete, cover.holds(2**63)) == (True, True)
