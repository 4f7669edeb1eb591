from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.orchestration.day_ranges import DayRange, neighbours, ranges_to_ask

FIRST = date(2026, 1, 1)
DAYS = st.sets(st.integers(0, 9).map(lambda number: FIRST + timedelta(days=number)))


def days_in(each: DayRange) -> list[date]:
    return [each.first + timedelta(days=number) for number in range((each.last - each.first).days + 1)]


def day(number: int) -> date:
    return date(2026, 1, number)


@given(missing=DAYS, captured=DAYS, failed=DAYS)
def test_each_missing_day_is_in_one_run_and_no_other_day_is(
    missing: set[date], captured: set[date], failed: set[date]
) -> None:
    requested = ranges_to_ask(missing, captured=captured, failed=failed)
    days = [day for each in requested for day in days_in(each)]
    assert sorted(days) == sorted(missing)
    for each in requested:  # what may fail again is not in a run with what never failed
        assert len({(day in captured, day in failed and day not in captured) for day in days_in(each)}) == 1


@given(days=DAYS)
def test_neighbours_are_as_few_ranges_as_there_can_be(days: set[date]) -> None:
    ranges = neighbours(days)
    assert [day for each in ranges for day in days_in(each)] == sorted(days)
    assert all(before.last + timedelta(days=1) < after.first for before, after in pairwise(ranges))


def test_a_week_that_was_never_tried_is_one_run() -> None:
    week = [day(number) for number in range(1, 8)]
    assert [str(each) for each in ranges_to_ask(week, captured=[], failed=[])] == ["2026-01-01...2026-01-07"]


def test_of_a_week_that_failed_the_first_day_is_alone_and_the_new_day_too() -> None:
    week = [day(number) for number in range(1, 8)]
    requested = ranges_to_ask([*week, day(8)], captured=[], failed=week)
    assert [str(each) for each in requested] == ["2026-01-01", "2026-01-02...2026-01-07", "2026-01-08"]


def test_days_that_are_captured_are_a_run_of_their_own() -> None:
    week = [day(number) for number in range(1, 8)]
    requested = ranges_to_ask(week, captured=week[:3], failed=week)
    assert [str(each) for each in requested] == [
        "2026-01-01...2026-01-03",
        "2026-01-04",
        "2026-01-05...2026-01-07",
    ]


def test_a_single_day_has_a_partition_and_a_range_has_tags() -> None:
    assert (DayRange(FIRST, FIRST).partition_key, DayRange(FIRST, FIRST).tags) == ("2026-01-01", {})
    two = DayRange(FIRST, day(2))
    assert two.partition_key is None
    assert set(two.tags.values()) == {"2026-01-01", "2026-01-02"}
