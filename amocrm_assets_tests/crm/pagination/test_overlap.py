"""Which pages by number are requested of lists of different lengths, and what each response shows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.crm.pagination import (
    EditsTooFrequent,
    ListState,
    OverlappingPaginator,
    Query,
    TieExceedsPage,
)
from amocrm_assets.crm.pagination.overlap import MAX_PROBES, MAX_PROBES_BEFORE_FALLBACK, MIN_EMPTY_STARTS
from amocrm_assets.crm.pagination.pages import NOTHING, Page, RawRecord
from amocrm_assets.crm.pagination.traits import AccountTraits
from amocrm_assets.days import Window
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ReadingUnproven

if TYPE_CHECKING:
    from collections.abc import Sequence

WINDOW = Window(1_000, 1_999)
Sent = list[tuple[int, int]]


def paginator(order: Any = "updated_at desc", *, limit: int | None = 50, **options: Any) -> OverlappingPaginator:
    state = ListState(LEADS.live, AccountTraits(max_limit=limit))
    return OverlappingPaginator(state, order, WINDOW, **({"filtered": True} | options))


def listed(count: int, *, same_second: bool = False) -> list[RawRecord]:
    """Records of one second each, or of one second, in the order of their ids."""
    times = (1_500 if same_second else 1_000 + number for number in range(count))
    return [RawRecord(number, at, is_deleted=False, line=b"") for number, at in enumerate(times)]


def response(records: Sequence[RawRecord], query: Query, *, cap: int = 250, depth: int | None = None) -> Page:
    """A page of a list that has pages of at most `cap` records and stops after `depth` from either end."""
    key, direction = query.order.split()
    ordered = sorted(records, key=lambda each: (getattr(each, key), each.id), reverse=direction == "desc")[:depth]
    limit = min(query.limit, cap)
    begin = (query.page - 1) * limit
    return Page(tuple(ordered[begin : begin + limit]), has_next=begin + limit < len(ordered))


def read(
    reading: OverlappingPaginator, records: list[RawRecord], *, permits: int = 1, **answers: Any
) -> tuple[Sent, Sent]:
    """Number and limit of each page that is requested, and of those of the reversed list.

    Each record must be returned once.
    """
    sent: list[Query] = []
    in_flight: list[Query] = []
    returned: list[int] = []
    while not reading.done:
        while len(in_flight) < permits and (query := reading.next_query()):
            in_flight.append(query)
            sent.append(query)
        first = in_flight.pop(0)
        returned += [each.id for each in reading.add_page(first, response(records, first, **answers))]
    assert sorted(returned) == [each.id for each in records]
    assert reading.next_query() is None
    forward = [(query.page, query.limit) for query in sent if query.order == reading.order]
    return forward, [(query.page, query.limit) for query in sent if query.order != reading.order]


AHEAD = [(1, 50), (2, 45), (3, 42), (4, 40), (4, 50)]
BY_ID = [(1, 50), (2, 49), (3, 48), (4, 47)]


@pytest.mark.parametrize("limits", [{"limit": 50}, {"limit": None, "cap": 50}])
@pytest.mark.parametrize(
    ("permits", "forward"),
    [
        # Each page overlaps the one before by five records, and the last one shows again what is behind the end.
        (1, [*AHEAD, (5, 41)]),
        # One page more is in flight than responses have come, until one has no next page.
        (9, [*AHEAD, (5, 48), (6, 47), (7, 46), (8, 45), (5, 41)]),
    ],
)
def test_in_the_order_of_time_pages_share_five_records(
    limits: dict[str, Any], permits: int, forward: Sent
) -> None:
    reading = paginator(limit=limits["limit"])
    answers = {name: value for name, value in limits.items() if name == "cap"}
    sent = read(reading, listed(170), permits=permits, **answers)
    first = (1, 50 if limits["limit"] else 250)
    assert sent == ([first, *forward[1:]], [(1, 25)])
    assert reading.seen.duplicates == 58


@pytest.mark.parametrize(
    ("likely", "count", "forward", "duplicates"),
    [
        # An end that was foreseen causes no requests behind it.
        (150, 150, BY_ID, 31),
        (None, 150, [*BY_ID, (5, 46), (6, 45), (7, 44)], 31),
        # A list that is longer than expected may be longer by as much again.
        (100, 330, [*BY_ID, (5, 46), (6, 45), (7, 44), (7, 50), (8, 49), (9, 48), (11, 43), (11, 47)], 54),
    ],
)
def test_in_the_order_of_ids_pages_share_one_record(
    likely: int | None, count: int, forward: Sent, duplicates: int
) -> None:
    reading = paginator("id asc", likely=likely)
    assert read(reading, listed(count), permits=9) == (forward, [(1, 25)])
    assert reading.seen.duplicates == duplicates
    assert reading.is_dense == (likely is not None)


@pytest.mark.parametrize(
    ("count", "depth", "far"),
    [(90, 80, [(1, 25)]), (90, 60, [(1, 25), (1, 50)]), (170, 100, [(1, 25), (1, 50), (2, 45)])],
)
def test_a_list_that_stops_is_read_from_its_other_end(count: int, depth: int, far: Sent) -> None:
    reading = paginator()
    _, reversed_pages = read(reading, listed(count), permits=3, depth=depth)
    assert reversed_pages == far


def test_an_end_that_was_foreseen_wrongly_is_requested_page_by_page() -> None:
    assert read(paginator("id asc", likely=50), listed(150)) == (BY_ID, [(1, 25)])


def test_pages_that_are_as_small_as_any_server_has_count_in_their_own_size() -> None:
    forward = [(1, 50), (2, 9), (3, 8), (3, 10), (4, 9), (5, 8), (5, 9)]
    assert read(paginator("id asc"), listed(45), cap=10) == (forward, [(1, 10)])


def test_small_pages_lead_further_though_they_cannot_share_five_records() -> None:
    forward = [(1, 20), (1, 20), (2, 16), (2, 20), (3, 17), (3, 20), (4, 18), (5, 16), (5, 18), (6, 17)]
    assert read(paginator(limit=20), listed(90)) == (forward, [(1, 20)])


@pytest.mark.parametrize(
    ("likely", "error", "probes"),
    [(None, ReadingUnproven, MAX_PROBES), (300, EditsTooFrequent, MAX_PROBES_BEFORE_FALLBACK)],
)
def test_pages_that_never_meet_are_requested_so_often(
    likely: int | None, error: type[Exception], probes: int
) -> None:
    reading, sent = paginator("id asc", likely=likely), list[Query]()

    def read_all() -> None:
        while query := reading.next_query():
            request(query)

    def request(query: Query) -> None:
        sent.append(query)
        begin = (query.page - 1) * query.limit
        # All pages but the first one hold records that are not there if the first one is requested.
        ids = range(begin, min(begin + query.limit, 400))
        records = [RawRecord(each + 1_000 * (begin > 0), 1_500, is_deleted=False, line=b"") for each in ids]
        reading.add_page(query, Page(tuple(records), has_next=begin + query.limit < 400))

    with pytest.raises(error):
        read_all()
    # Ten pages reach the end; then the gap behind the first one is searched.
    assert len(sent) == 10 + probes
    assert {query.order for query in sent} == {"id asc"}


@pytest.mark.parametrize(("filtered", "bounds"), [(True, (999, 2_000)), (False, (None, None))])
def test_a_second_more_is_requested_on_both_sides(
    *, filtered: bool, bounds: tuple[int | None, int | None]
) -> None:
    query = paginator(filtered=filtered).next_query()
    assert query is not None
    assert (query.from_at, query.to_at) == bounds


def test_seconds_are_open_until_the_page_behind_them_has_come() -> None:
    reading, records = paginator(), listed(170)
    assert reading.open_interval == WINDOW
    ends = []
    for _ in range(3):
        query = reading.next_query()
        assert query is not None
        reading.add_page(query, response(records, query))
        ends.append(reading.open_interval)
    # The first page ends with second 1,120, the second one with 1,080: others may share these.
    assert ends == [WINDOW, Window(1_000, 1_120), Window(1_000, 1_080)]
    assert paginator("id asc").open_interval == WINDOW
    finished = paginator()
    read(finished, records)
    assert finished.open_interval is None


def test_a_part_that_failed_is_requested_again_with_smaller_pages() -> None:
    reading, records = paginator("id asc"), listed(200)
    first = reading.next_query()
    assert first is not None
    reading.add_page(first, response(records, first))
    second, third = reading.next_query(), reading.next_query()
    assert second is not None
    assert third is not None
    reading.state.page_size.failed(50)
    reading.failed(second)
    again = reading.next_query()
    assert again is not None
    # The second page began with record 49.
    assert (second.page, second.limit, third.page, third.limit) == (2, 49, 3, 48)
    assert (again.page - 1) * again.limit <= 49 < again.page * again.limit
    assert again.limit <= 25


@pytest.mark.parametrize("before", [0, MIN_EMPTY_STARTS - 1])
def test_a_list_has_no_records_if_its_first_page_is_empty_five_times_in_a_row(before: int) -> None:
    reading, shown = paginator("id asc"), Page(tuple(listed(50)), has_next=True)
    for page in [*[NOTHING] * before, *[shown] * bool(before)]:
        query = reading.next_query()
        assert query is not None
        reading.add_page(replace(query, order="id asc", page=1), page)
    for empty in range(1, MIN_EMPTY_STARTS + 1):
        query = reading.next_query()
        assert query is not None
        assert reading.add_page(replace(query, order="id asc", page=1), NOTHING) == []
        assert reading.done == (empty == MIN_EMPTY_STARTS)


@pytest.mark.parametrize("has_next", [False, True])
def test_an_empty_page_with_a_next_one_is_a_finding(*, has_next: bool) -> None:
    reading, records = paginator("id asc"), listed(120)
    first = reading.next_query()
    assert first is not None
    reading.add_page(first, response(records, first))
    second = reading.next_query()
    assert second is not None
    reading.add_page(second, Page((), has_next))
    assert [finding.kind for finding in reading.state.findings] == ["next_on_last_page"] * has_next


@pytest.mark.parametrize(("count", "order"), [(120, "updated_at desc"), (50, "updated_at desc")])
def test_a_second_that_fills_pages_cannot_be_separated_in_the_order_of_time(count: int, order: str) -> None:
    with pytest.raises(TieExceedsPage):
        read(paginator(order), listed(count, same_second=True))
    assert read(paginator("id asc"), listed(count, same_second=True))


def test_a_reading_that_begins_again_returns_nothing_twice() -> None:
    reading, records = paginator("id asc", likely=90, filtered=False), listed(90)
    first = reading.next_query()
    assert first is not None
    assert len(reading.add_page(first, response(records, first))) == 50
    again = reading.begun_again()
    assert (again.order, again.window, again.filtered, again.is_dense) == ("id asc", WINDOW, False, True)
    query = again.next_query()
    assert query is not None
    assert again.add_page(query, response(records, query)) == []
    edited = RawRecord(3, 1_700, is_deleted=False, line=b"")
    assert again.add_page(query, Page((edited,), has_next=True)) == [edited]
    assert paginator().begun_again().order == "updated_at desc"
