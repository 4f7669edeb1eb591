"""The page of a gap is found from what the pages near it contain, and pages reach as far as they can."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.crm.pagination.gap_probe import GapProbe, page_over
from amocrm_assets.crm.pagination.query import CONFIRMATIONS

GAP = 500


@given(st.integers(0, 100_000), st.integers(1, 250))
def test_a_page_holds_the_position_and_none_of_at_most_a_fifth_less_reaches_further(
    position: int, limit_max: int
) -> None:
    number, limit = page_over(position, limit_max)

    shortest = max(1, limit_max * 4 // 5)
    assert shortest <= limit <= limit_max
    assert (number - 1) * limit <= position < number * limit
    for other in range(shortest, limit_max + 1):
        begin = position - position % other
        assert begin + other <= number * limit


@given(st.integers(249, 100_000))
def test_a_page_of_the_usual_size_reaches_a_hundred_leads_further_at_least(position: int) -> None:
    number, limit = page_over(position, 250)

    assert number * limit - position >= 100


@pytest.mark.parametrize("limit", [10, 20, 24, 25, 50, 125, 250])
@pytest.mark.parametrize("end", [40, 250, 500, 1_001])
def test_the_next_page_begins_within_the_last_one_and_reaches_further(limit: int, end: int) -> None:
    """The last one ended at `end`, before the gap, whichever number it had."""
    probe = GapProbe(GAP, 0, limit)
    probe.learn(1, GAP - 1, end - limit, limit)
    number, size = page_over(probe.position, limit)
    assert (number - 1) * size < end < number * size


@pytest.mark.parametrize(("limit", "overlap"), [(250, 8), (25, 5), (10, 2), (4, 1), (1, 1)])
def test_a_probe_begins_a_little_before_the_page_that_ended_before_the_gap(limit: int, overlap: int) -> None:
    assert GapProbe(GAP, 1_000, limit).position == 1_000 - overlap
    assert GapProbe(GAP, 0, limit).position == 0


def test_each_page_that_begins_after_the_gap_moves_the_next_one_back_twice_as_far() -> None:
    """Records have left the list, so the gap is before the position where it was."""
    probe, positions = GapProbe(GAP, 308, 250), list[int]()
    for _ in range(6):
        probe.learn(GAP + 1, GAP + 90, probe.position, 250)
        positions.append(probe.position)
    assert positions == [284, 252, 188, 60, 0, 0]


@pytest.mark.parametrize(
    ("low", "high"),
    [(GAP, GAP), (None, GAP), (GAP - 5, GAP + 5), (None, GAP + 1), (GAP, GAP + 9), (1, GAP)],
)
def test_a_page_that_contains_the_gap_moves_nothing(low: int | None, high: int) -> None:
    probe = GapProbe(GAP, 1_000, 250)
    probe.learn(low, high, 900, 250)
    assert probe.position == 992


@pytest.mark.parametrize("low", [None, 1, GAP - 1, GAP])
def test_a_page_that_ends_before_the_gap_moves_the_next_one_to_its_end(low: int | None) -> None:
    """Two seconds that follow one another have none between them: then the interval ends before it begins."""
    probe = GapProbe(GAP, 1_000, 250)
    probe.learn(low, GAP - 1, 992, 200)
    assert probe.position == 992 + 200 - 8


def test_short_pages_before_the_gap_move_the_next_one_by_one_record_at_least() -> None:
    """Otherwise the same page would be requested again and again."""
    probe = GapProbe(GAP, 1_000, 250)
    for count, position in enumerate((993, 994, 995)):
        probe.learn(1, GAP - 1, 992, count)
        assert probe.position == position


def test_each_second_empty_page_moves_the_next_one_back() -> None:
    """One empty page proves nothing; several show that the list has become shorter."""
    assert CONFIRMATIONS == 2
    probe, positions = GapProbe(GAP, 308, 250), list[int]()
    for _ in range(6):
        probe.learn_nothing()
        positions.append(probe.position)
    assert positions == [300, 284, 284, 252, 252, 188]
