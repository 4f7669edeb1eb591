"""A slice of events is read by one page, by smaller slices, or page by page until two passes agree."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.pagination.appended_count import Attempt
from amocrm_assets.crm.pagination.appended_pages import NO_RECORDS, AppendedPage, AppendedQuery
from amocrm_assets.crm.pagination.appended_slice import Slice
from amocrm_assets.crm.pagination.appended_state import AppendedState
from amocrm_assets.crm.pagination.pages import Unusable
from amocrm_assets.errors import ReadingUnproven
from amocrm_assets_tests.crm.pagination.test_appended import EVENTS, record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Respond = Callable[[AppendedQuery], AppendedPage]

UNUSABLE = Unusable(None, b"{}")


def a_slice(from_at: int = 1000, to_at: int = 4999, *, longest_page: int = 0) -> Slice:
    state = AppendedState(EVENTS)
    state.longest_page = longest_page
    return Slice(state, from_at, to_at, Attempt())


def page_of(times: Sequence[int], *, has_next: bool = False, unusable: int = 0) -> AppendedPage:
    records = tuple(record(number, at) for number, at in enumerate(times))
    return AppendedPage(records, has_next, (UNUSABLE,) * unusable)


def send(part: Slice) -> AppendedQuery:
    query = part.next_query()
    assert query
    return query


def answered(part: Slice, *pages: AppendedPage) -> list[str]:
    """What each page means to the slice, whose queries they answer one after the other."""
    return [part.add_page(send(part), page) for page in pages]


def begins(part: Slice, page: AppendedPage) -> list[int]:
    slices = part.split(page)
    assert slices[-1].window.to_at == part.window.to_at
    assert all(one.window.to_at + 1 == other.window.from_at for one, other in pairwise(slices))
    return [each.window.from_at for each in slices]


def test_one_query_at_a_time_is_sent_and_none_of_a_slice_that_was_read() -> None:
    part = a_slice()
    query = send(part)
    assert part.next_query() is None
    assert part.add_page(query, page_of([1000])) == "done"
    part.is_read = True
    assert part.next_query() is None


@pytest.mark.parametrize(
    ("size", "has_next", "verdict"), [(9, False, "done"), (10, False, "split"), (1, True, "split")]
)
def test_the_first_page_of_a_list_is_all_of_it_only_if_it_is_short_and_has_no_next_page(
    size: int, *, has_next: bool, verdict: str
) -> None:
    assert answered(a_slice(), page_of(range(1000, 1000 + size), has_next=has_next)) == [verdict]


def test_records_of_the_seconds_beside_are_normal_until_the_bounds_are_known() -> None:
    part = a_slice()
    assert answered(part, page_of([999, 1000, 4999, 5000])) == ["done"]
    assert [each.at for each in part.records.values()] == [1000, 4999]


def test_a_page_shorter_than_one_seen_before_is_all() -> None:
    part = a_slice(longest_page=60)
    assert answered(part, page_of(range(1000, 1059))) == ["done"]
    assert len(part.records) == 59


def test_a_short_page_with_a_next_page_is_all_if_that_is_empty_and_this_is_a_finding() -> None:
    part = a_slice(longest_page=60)
    assert answered(part, page_of([1000, 1001], has_next=True), NO_RECORDS, NO_RECORDS) == [
        "ask on",
        "ask on",  # an empty page of a list with records is requested once more
        "done",
    ]
    assert [each.kind for each in part.state.findings] == ["next_on_last_page"]
    assert len(part.records) == 2


def test_a_second_that_fills_a_page_is_all_if_the_next_page_is_empty() -> None:
    part = a_slice(1000, 1000)
    assert answered(part, page_of([1000] * 10), NO_RECORDS, NO_RECORDS) == ["ask on", "ask on", "done"]
    assert part.state.findings == ()
    assert part.state.tied_seconds == 0


@pytest.mark.parametrize("second", [page_of([1000]), page_of([], unusable=1)])
def test_seconds_that_have_a_second_page_are_split(second: AppendedPage) -> None:
    part = a_slice(longest_page=60)
    unusable = len(second.unusable)
    verdicts = answered(part, page_of([1000], has_next=True), *[second] * (1 + unusable))
    assert verdicts[-1] == "split"


def test_a_page_of_maximum_length_is_split_where_half_of_its_records_are() -> None:
    page = page_of([*range(1100, 1150), *range(1300, 1350)])
    part = a_slice()
    assert answered(part, page) == ["split"]
    assert begins(part, page) == [1000, 1300]


def test_one_record_apart_from_all_others_is_split_from_them() -> None:
    page = page_of([1500] + [1501] * 59)
    part = a_slice()
    assert answered(part, page) == ["split"]
    assert begins(part, page) == [1000, 1501]


def test_a_long_page_of_one_second_of_several_may_be_all() -> None:
    part = a_slice()
    assert answered(part, page_of([1500] * 60), NO_RECORDS, NO_RECORDS) == ["ask on", "ask on", "done"]


def test_one_own_record_among_many_of_the_seconds_beside_has_no_middle() -> None:
    part = a_slice(1000, 1001)
    assert answered(part, page_of([999] * 59 + [1000])) == ["ask on"]


@pytest.mark.parametrize(
    ("times", "count"),
    [
        # 100 records in 1,000 seconds: 80 of a page of 100 in each 800 of the 4,000 seconds.
        ([*range(1000, 1990, 10), 1999], 5),
        # One second less, as one more would be, is no longer 5.
        ([*range(1000, 1990, 10), 1998], 6),
        ([1000] * 50 + [1001] * 50, 8),
        (range(1000, 5000, 40), 2),
        (range(1000, 4900, 65), 2),
    ],
)
def test_a_slice_is_split_into_as_many_as_its_density_suggests(times: Sequence[int], count: int) -> None:
    page = page_of(times, has_next=True)
    part = a_slice()
    assert answered(part, page) == ["split"]
    assert begins(part, page) == [1000 + 4000 * place // count for place in range(count)]


def test_no_more_slices_are_made_than_there_are_seconds() -> None:
    page = page_of([1000] * 100, has_next=True)
    assert begins(a_slice(1000, 1001), page) == [1000, 1001]


def test_a_page_without_a_usable_record_suggests_two_slices() -> None:
    assert begins(a_slice(), page_of([], has_next=True, unusable=100)) == [1000, 3000]


@pytest.mark.parametrize("odd", [page_of([999, 1000]), page_of([1000], unusable=1)])
def test_an_odd_page_is_requested_once_more_and_a_normal_one_is_used(odd: AppendedPage) -> None:
    part = a_slice(1001, 4999) if not odd.unusable else a_slice()
    part.state.learn(AppendedQuery(EVENTS, 1000, 1000, 1, 100), page_of([1000]))  # both bounds are inclusive
    assert answered(part, odd, page_of([1001])) == ["ask on", "done"]
    assert [each.at for each in part.records.values()] == [1001]
    assert part.state.findings == ()


def test_records_that_are_unusable_twice_are_a_finding() -> None:
    part = a_slice()
    assert answered(part, page_of([1000], unusable=1), page_of([1000], unusable=1)) == ["ask on", "done"]
    assert [each.kind for each in part.state.findings] == ["records_unusable"]


@pytest.mark.parametrize("at", [998, 5001])
def test_records_outside_of_the_requested_bounds_twice_are_an_error(at: int) -> None:
    part = a_slice()
    page = page_of([1000, at])
    assert answered(part, page) == ["ask on"]
    with pytest.raises(ReadingUnproven, match=f"one of {at} for a request of 999 to 5000"):
        answered(part, page)


def test_each_odd_page_is_requested_once_more_and_also_one_after_a_failure() -> None:
    part = a_slice(longest_page=60)
    odd = page_of([1], has_next=True)
    short = page_of([1000], has_next=True)
    assert answered(part, odd, short, odd) == ["ask on", "ask on", "ask on"]
    send(part)
    part.failed()
    assert answered(part, odd, page_of([1001])) == ["ask on", "done"]


def test_a_record_that_was_received_before_a_failure_and_not_after_it_is_kept() -> None:
    part = a_slice(longest_page=60)
    assert answered(part, page_of([1000, 1001], has_next=True)) == ["ask on"]
    send(part)
    part.failed()
    assert answered(part, page_of([1000])) == ["done"]
    assert [each.at for each in part.records.values()] == [1000, 1001]


def test_a_failed_page_is_requested_again_from_the_first_one_and_smaller() -> None:
    part = a_slice(longest_page=60)
    assert answered(part, page_of([1000], has_next=True)) == ["ask on"]
    query = send(part)
    assert (query.page, query.limit) == (2, 100)
    part.state.failed(query)
    part.failed()
    again = send(part)
    assert (again.page, again.limit) == (1, 50)


def test_records_that_one_page_has_twice_are_counted_and_kept_once() -> None:
    part = a_slice()
    twice = AppendedPage((record(1, 1000), record(1, 1000), record(2, 1001)), has_next=False)
    assert answered(part, twice) == ["done"]
    assert part.state.duplicates == 1
    assert list(part.records) == ["e000001", "e000002"]
