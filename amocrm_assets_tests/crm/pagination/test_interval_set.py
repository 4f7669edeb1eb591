"""Covered intervals say exactly which keys are missing, and pages reach as far as they can."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.crm.pagination.gap_probe import page_over
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


@given(st.integers(0, 100_000), st.integers(2, 250))
def test_a_page_holds_the_position_and_reaches_behind_it(position: int, limit_max: int) -> None:
    number, limit = page_over(position, limit_max)

    assert limit <= limit_max
    assert (number - 1) * limit <= position < number * limit


@given(st.integers(249, 100_000))
def test_a_page_of_the_usual_size_reaches_a_hundred_leads_further_at_least(position: int) -> None:
    number, limit = page_over(position, 250)

    assert number * limit - position >= 100
