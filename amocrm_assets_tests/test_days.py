"""Days start and end at midnight of a zone, without gap or overlap, and zones are compared by their midnights."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.crm.account import Account
from amocrm_assets.crm.account_warnings import timezone_mismatch
from amocrm_assets.days import Window, day_window, days_that_differ, neighbours, year_until
from amocrm_assets_tests.accounts import source

DAY = date(2026, 3, 10)
MOSCOW = ZoneInfo("Europe/Moscow")
windows = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda pair: Window(min(pair), max(pair)))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Pacific/Apia", "America/Sao_Paulo", "Asia/Kathmandu", "UTC"])
def test_the_days_of_ten_years_follow_each_other_without_gap_or_overlap(zone: str) -> None:
    days = [date(2010, 1, 1) + timedelta(days=number) for number in range(3_653)]
    each = [day_window(day, ZoneInfo(zone)) for day in days]
    assert all(before.to_at + 1 == after.from_at for before, after in pairwise(each))


@given(windows, st.lists(windows))
def test_what_windows_leave_uncovered_is_told_to_the_second(window: Window, others: list[Window]) -> None:
    left = window.missing_from(others)
    seconds = {at for part in left for at in range(part.from_at, part.to_at + 1)}
    assert seconds == {
        at for at in range(window.from_at, window.to_at + 1) if not any(other.holds(at) for other in others)
    }


def test_seconds_of_a_day_by_another_zone_are_within_its_neighbours() -> None:
    window = day_window(DAY, ZoneInfo("Etc/GMT+12"))
    furthest = ZoneInfo("Pacific/Kiritimati")
    meeting = [day for day in year_until(DAY + timedelta(days=100)) if day_window(day, furthest).meets(window)]
    assert meeting
    assert set(meeting) <= set(neighbours(DAY))


def test_zones_are_one_on_the_days_on_which_their_midnights_are() -> None:
    assert days_that_differ("Europe/Simferopol", MOSCOW, year_until(DAY)) == []
    berlin, summer, winter = ZoneInfo("Europe/Berlin"), date(2026, 7, 1), date(2026, 1, 10)
    assert days_that_differ("Africa/Lagos", berlin, [winter, summer]) == [summer]
    assert days_that_differ("Moscow Time", MOSCOW, [winter, summer]) == [winter, summer]
    assert days_that_differ(None, MOSCOW, [winter]) == [winter]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("Europe/Moscow", None),
        ("Europe/Simferopol", None),
        # The same offset on most days of the year.
        ("Europe/Helsinki", "write `timezone: Europe/Helsinki`"),
        ("MSK+1", "MSK+1, is not a valid name"),
        (None, "account, None, is not"),
    ],
)
def test_a_person_is_told_of_a_zone_with_other_midnights(named: str | None, expected: str | None) -> None:
    account = Account(1, "A", "sandbox", named, filters_enabled=True, current_user_id=None)
    found = timezone_mismatch(source(), account)
    assert (found is None) if expected is None else (found is not None and expected in found)
