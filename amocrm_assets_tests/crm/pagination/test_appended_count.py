"""A page of events is not believed alone: a page behind all of them has to be as long as their count says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.pagination.appended_count import (
    MAX_RECORDS,
    MIN_COUNT_ON_TWO_PAGES,
    Attempt,
    SliceGroup,
    _limit_with_room,
    group_read_slices,
)
from amocrm_assets.crm.pagination.appended_pages import AppendedPage
from amocrm_assets.crm.pagination.appended_slice import Slice
from amocrm_assets.crm.pagination.appended_state import AppendedState
from amocrm_assets_tests.crm.pagination.test_appended import DAY, EVENTS, Listed, check, read, record, some

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from amocrm_assets.crm.pagination.appended_pages import AppendedQuery, AppendedRecord

    Records = tuple[AppendedRecord, ...]

DAMAGES: dict[str, Callable[[Records], Records]] = {
    "first half": lambda records: records[: len(records) // 2],
    "second half": lambda records: records[len(records) // 2 :],
    "hole": lambda records: (*records[: len(records) // 3], *records[len(records) // 2 :]),
    "all but the last": lambda records: records[:-1],
    "nothing": lambda _: (),
}


@dataclass
class DamagedOnce(Listed):
    """One response, the one of that number, lacks records and has no next page."""

    number: int = 0
    damage: str = "nothing"

    def respond(self, query: AppendedQuery) -> AppendedPage:
        page = super().respond(query)
        if len(self.queries) != self.number:
            return page
        return replace(page, records=DAMAGES[self.damage](page.records), has_next=False)


@pytest.mark.parametrize("count", [40, 400])
@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_no_single_damaged_response_loses_events(count: int, order: str, damage: str) -> None:
    records = some(count)
    sound = Listed(records, order=order)
    check(sound)
    for number in range(1, len(sound.queries) + 1):
        damaged = DamagedOnce(records, order=order, number=number, damage=damage)
        check(damaged)


def test_many_slices_that_are_read_again_are_given_once() -> None:
    for number in range(3, 30, 5):
        check(DamagedOnce(some(2 * MAX_RECORDS), number=number, damage="first half"))


@dataclass
class EndsEarly(Listed):
    """Shows no more than so many records of any interval, and no next page."""

    shown: int = 60

    def respond(self, query: AppendedQuery) -> AppendedPage:
        page = super().respond(query)
        kept = max(self.shown - (query.page - 1) * query.limit, 0)
        return replace(page, records=page.records[:kept], has_next=False)


@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("shown", [25, 60, 100])
@pytest.mark.parametrize("count", [24, 70, 1200])
def test_a_list_that_ends_early_in_silence_is_read_by_smaller_slices(order: str, shown: int, count: int) -> None:
    check(EndsEarly(some(count), order=order, shown=shown), findings=frozenset({"count_differs"}))


@dataclass
class Hides(Listed):
    """Its first pages always lack a record that the others count."""

    def respond(self, query: AppendedQuery) -> AppendedPage:
        page = super().respond(query)
        if query.page > 1 or query.limit < self.largest_limit:
            return page
        return replace(page, records=tuple(each for each in page.records if each.id != "e000005"))


def test_pages_that_contradict_each_other_for_good_are_a_finding_and_lose_nothing_that_was_seen() -> None:
    records = some(400)
    listed = Hides(records)
    found = read(listed)
    seen = {each.id for each in records if DAY.holds(each.at)} - {"e000005"}
    assert {each.id for each in found} >= seen
    assert listed.findings == ["count_differs"]


@dataclass
class Grows(Listed):
    """Gets another event in the first of its seconds after each response, for a while."""

    late: int = 6

    def respond(self, query: AppendedQuery) -> AppendedPage:
        page = super().respond(query)
        if len(self.queries) <= self.late:
            self.records.append(record(900_000 + len(self.queries), DAY.from_at + len(self.queries)))
        return page


def test_events_that_arrive_while_their_day_is_read_are_read_too() -> None:
    check(Grows(some(400)))


def test_an_event_that_was_seen_and_is_gone_when_all_are_read_again_is_kept() -> None:
    listed = DamagedOnce(some(400), number=6, damage="first half")
    gone = next(each for each in listed.records if each.at == DAY.to_at)
    respond_first = listed.respond

    def respond(query: AppendedQuery) -> AppendedPage:
        page = respond_first(query)
        if query.page > 1 and gone in listed.records:
            listed.records.remove(gone)
        return page

    listed.respond = respond  # type: ignore[method-assign]
    assert gone in read(listed)
    assert gone not in listed.records


@pytest.mark.parametrize("inclusive", [(True, True), (False, True), (True, False), (False, False)])
def test_events_of_the_seconds_beside_a_window_are_counted_as_listed(
    inclusive: tuple[bool, bool],
) -> None:
    beside = [record(number, at) for number, at in enumerate([DAY.from_at - 1, DAY.to_at + 1])]
    inside = [record(100 + number, DAY.from_at + 5 * number) for number in range(1, 5)]
    listed = Listed([*beside, *inside], inclusive=inclusive)
    check(listed)
    assert len(listed.queries) == 2


def test_a_count_costs_one_request_for_many_slices() -> None:
    listed = Listed(some(12_000))
    check(listed)
    counts = [query for query in listed.queries if query.page > 1]
    assert 12_000 / MAX_RECORDS / 2 < len(counts) <= 12_000 / MAX_RECORDS + 2
    assert max(query.page for query in counts) <= MAX_RECORDS / 100 + 3


def a_slice(state: AppendedState, place: int, attempt: Attempt, *, records: int, is_read: bool = True) -> Slice:
    """The slice of the hundred seconds at that place."""
    made = Slice(state, 100 * place, 100 * place + 99, attempt)
    made.listed = [100 * place + number % 100 for number in range(records)]
    made.records = {f"{place}-{number}": record(number, at) for number, at in enumerate(made.listed)}
    made.is_read = is_read
    return made


def parts_of(described: str, *, records: int = 1) -> list[Slice]:
    """Slices of two attempts, a and b: those that were read in capitals."""
    state, attempts = AppendedState(EVENTS), {"a": Attempt(), "b": Attempt()}
    return [
        a_slice(state, place, attempts[each.lower()], records=records, is_read=each.isupper())
        for place, each in enumerate(described)
    ]


def grouped_windows(parts: Sequence[Slice | SliceGroup]) -> list[tuple[int, int]]:
    return [(each.window.from_at, each.window.to_at) for each in parts if isinstance(each, SliceGroup)]


@pytest.mark.parametrize(
    ("counts", "groups"),
    [
        ([MAX_RECORDS], [(0, 99)]),
        ([MAX_RECORDS - 1], []),
        ([1, MAX_RECORDS - 1], [(0, 199)]),
        ([MAX_RECORDS, MAX_RECORDS], [(0, 99), (100, 199)]),
        ([MAX_RECORDS, MAX_RECORDS - 1], [(0, 99)]),
        ([MAX_RECORDS, 1, MAX_RECORDS - 1], [(0, 99), (100, 299)]),
    ],
)
def test_enough_records_beside_a_slice_that_is_still_read_are_verified(
    counts: list[int], groups: list[tuple[int, int]]
) -> None:
    state, attempt = AppendedState(EVENTS), Attempt()
    read_slices = [a_slice(state, place, attempt, records=count) for place, count in enumerate(counts)]
    grouped = group_read_slices([*read_slices, a_slice(state, len(counts), attempt, records=0, is_read=False)])
    assert grouped_windows(grouped) == groups
    assert sum(len(each.records) for each in grouped) == sum(counts)


def test_slices_of_a_repeated_attempt_are_verified_only_together() -> None:
    state, attempt = AppendedState(EVENTS), Attempt(2)
    parts = [a_slice(state, place, attempt, records=MAX_RECORDS) for place in range(3)]
    assert grouped_windows(group_read_slices(parts)) == [(0, 299)]
    parts[1].is_read = False
    assert group_read_slices(parts) == parts


@pytest.mark.parametrize(
    ("described", "groups"),
    [
        ("AAA", [(0, 299)]),
        ("aAA", []),
        ("AAa", []),
        ("aAAa", []),
        ("AAb", [(0, 199)]),
        ("bAA", [(100, 299)]),
        ("ABa", [(0, 99), (100, 199)]),
        ("aBA", [(100, 199), (200, 299)]),
        ("AaB", [(200, 299)]),
    ],
)
def test_few_records_are_verified_once_no_slice_of_their_attempt_beside_them_is_still_read(
    described: str, groups: list[tuple[int, int]]
) -> None:
    parts = parts_of(described)
    grouped = group_read_slices(parts)
    assert grouped_windows(grouped) == groups
    kept = [each for each in grouped if isinstance(each, Slice)]
    assert kept == [
        each for each in parts if not any(begin <= each.window.from_at <= end for begin, end in groups)
    ]


def test_groups_and_slices_that_are_still_read_stay_as_they_are() -> None:
    """A second that is read page by page may have many records before it is read."""
    parts = parts_of("AAa", records=MAX_RECORDS)
    group = SliceGroup(parts[:1])
    assert group_read_slices([group, parts[2]]) == [group, parts[2]]
    assert grouped_windows(group_read_slices([group, parts[1]])) == [(0, 99), (100, 199)]


def test_slices_with_verified_seconds_between_them_are_not_verified_together() -> None:
    first, _, *rest = parts_of("AAAA")
    assert grouped_windows(group_read_slices([first, *rest])) == [(0, 99), (200, 399)]


def test_the_page_behind_the_records_shows_the_bounds_too() -> None:
    (part,) = parts_of("A", records=3)
    part.state.longest_page = 3
    group = SliceGroup([part])
    query = group.next_query()
    assert query
    assert part.state.bounds(5, 9) == (4, 10)
    group.add_page(query, AppendedPage((record(1, query.from_at), record(2, query.to_at)), has_next=False))
    assert part.state.bounds(5, 9) == (5, 9)


@pytest.mark.parametrize("max_limit", [10, 25, 50, 100, 250])
def test_the_page_that_is_counted_has_records_and_room_for_more(max_limit: int) -> None:
    """An empty page may be a mistake, and a full one says nothing of others behind it."""
    for count in [*range(1, 2_000), 2_519, 2_521, 250_000]:
        limit = _limit_with_room(count, max_limit)
        assert 0 < count % limit < limit
        assert limit <= max(max_limit, MIN_COUNT_ON_TWO_PAGES)
        assert count < MIN_COUNT_ON_TWO_PAGES or count > limit, "that is the query which returned them"
    assert [_limit_with_room(count, max_limit) for count in (1, 2)] == [2, 3], "not as that query, either"
