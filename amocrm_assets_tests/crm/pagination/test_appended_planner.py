"""What the planner of events requests after failures, empty pages and contradictions, and what it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.crm.pagination.appended import AppendedPlanner
from amocrm_assets.crm.pagination.appended_count import MAX_ATTEMPTS
from amocrm_assets.crm.pagination.appended_pages import NO_RECORDS, AppendedPage
from amocrm_assets.crm.pagination.empty_pages import Witness
from amocrm_assets_tests.crm.pagination.test_appended import DAY, EVENTS, Listed, read, record, some
from amocrm_assets_tests.crm.pagination.test_appended_count import Hides

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination.appended_pages import AppendedRecord


def plan_of_day() -> AppendedPlanner:
    return AppendedPlanner(DAY, [EVENTS])


def few(count: int) -> list[AppendedRecord]:
    return [record(number, DAY.from_at + number) for number in range(count)]


def due(plan: AppendedPlanner) -> tuple[Any, Any]:
    query = plan.next_query()
    assert query
    return query


def answer(plan: AppendedPlanner, listed: Listed) -> list[AppendedRecord]:
    part, query = due(plan)
    return plan.add_page(part, query, listed.respond(query))


def test_a_page_that_failed_is_requested_again_and_smaller() -> None:
    plan = plan_of_day()
    part, query = due(plan)
    assert plan.next_query() is None
    plan.add_failure(part, query)
    again, smaller = due(plan)
    assert again is part
    assert (query.limit, smaller.limit) == (100, 50)
    assert (smaller.from_at, smaller.to_at, smaller.page) == (query.from_at, query.to_at, 1)


def test_an_empty_page_after_a_failed_one_is_witnessed() -> None:
    """A failed query is in flight no longer: it will not be the witness."""
    plan = plan_of_day()
    plan.add_failure(*due(plan))
    for _ in ("page", "earlier events"):
        assert plan.add_page(*due(plan), NO_RECORDS) == []
    part, _ = due(plan)
    assert isinstance(part, Witness)


def test_the_page_behind_the_records_is_requested_again_if_it_failed() -> None:
    plan, listed = plan_of_day(), Listed(few(5))
    assert answer(plan, listed) == []
    part, query = due(plan)
    assert query.page == 2
    plan.add_failure(part, query)
    assert not plan.done
    assert len(answer(plan, listed)) == 5
    assert plan.done


def test_one_record_of_a_page_that_had_some_is_the_witness() -> None:
    plan = plan_of_day()
    full = AppendedPage(tuple(record(number, DAY.from_at + number) for number in range(100)), has_next=True)
    part, first = due(plan)
    assert plan.add_page(part, first, full) == []
    assert plan.add_page(*due(plan), NO_RECORDS) == []
    others = []
    while not isinstance((pair := due(plan))[0], Witness):
        others.append(pair)
        plan.add_page(*pair, NO_RECORDS)
    witness = pair[1]
    assert (witness.from_at, witness.to_at, witness.page) == (first.from_at, first.to_at, 1)
    assert (witness.limit, witness.max_empty) == (1, None)


def test_seconds_whose_pages_contradict_their_count_are_read_three_times() -> None:
    """Each time the page behind the records is requested twice."""
    listed = Hides(few(7))
    assert {each.id for each in read(listed)} == {each.id for each in listed.records} - {"e000005"}
    assert listed.findings == ["count_differs"]
    assert [query.page for query in listed.queries] == [1, 2, 2] * MAX_ATTEMPTS


def test_slices_are_counted_once_each_whether_they_were_read_or_not() -> None:
    plan, listed = plan_of_day(), Listed([record(number, DAY.from_at + 500 * number) for number in range(170)])
    assert plan.counts == {"duplicates": 0, "slices": 1, "tied_seconds": 0}
    answer(plan, listed)
    made = len(plan.open_intervals)
    assert made > 1
    assert plan.counts["slices"] == made
    answer(plan, listed)
    assert plan.counts["slices"] == made
    while not plan.done:
        answer(plan, listed)
    assert plan.counts["slices"] == made


def test_records_are_returned_once_the_page_behind_them_was_seen_and_not_before() -> None:
    plan, listed = plan_of_day(), Listed(few(5))
    assert answer(plan, listed) == []
    assert plan.open_intervals == (DAY,)
    assert {each.id for each in answer(plan, listed)} == {each.id for each in listed.records}
    assert plan.done
    assert len(plan.open_intervals) == 0


@pytest.mark.parametrize("in_flight", [3, 7])
def test_a_day_whose_middle_is_verified_first_is_not_contradicted_by_it(in_flight: int) -> None:
    """Slices on both sides of it are next to each other, once it is returned."""
    for seed in range(6):
        listed = Listed(some(5_700, crowded=60 * (seed % 2), seed=seed))
        found = read(listed, in_flight=in_flight, seed=seed)
        assert len(found) == sum(DAY.holds(each.at) for each in listed.records)
        assert listed.findings == []
