"""A page of events is not believed alone: a page behind all of them has to be as long as their count says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.pagination.appended_count import MAX_RECORDS
from amocrm_assets_tests.crm.pagination.test_appended import DAY, Listed, check, read, record, some

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.crm.pagination.appended_pages import AppendedPage, AppendedQuery, AppendedRecord

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
