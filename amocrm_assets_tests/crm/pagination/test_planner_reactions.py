"""What a plan does about single odd pages: what it reports, requests again, or refuses."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from amocrm_assets.crm.pagination.by_id import ByIdPlanner
from amocrm_assets.crm.pagination.empty_pages import Witness
from amocrm_assets.crm.pagination.page_size import PAGE_LIMIT
from amocrm_assets.crm.pagination.pages import NOTHING, Page, RawRecord, Unusable
from amocrm_assets.crm.pagination.read_planner import ReadPlanner
from amocrm_assets.crm.pagination.traits import UNKNOWN
from amocrm_assets.entities import LEADS, TASKS
from amocrm_assets.errors import ReadingUnproven
from amocrm_assets_tests.crm.pagination.listing import ListedAccount
from amocrm_assets_tests.crm.pagination.planned_reads import LISTS, WINDOW, kinds


def respond(plan: ReadPlanner, *pages: Page) -> None:
    for page in pages:
        plan.add_page(*(plan.next_query() or pytest.fail("no query")), page)


def lead(number: int, at: int = WINDOW.from_at, *, deleted: bool = False) -> RawRecord:
    return RawRecord(number, at, deleted, b"")


def test_an_empty_first_page_of_a_list_by_id_waits_for_a_witness() -> None:
    plan = ByIdPlanner(WINDOW, [TASKS.live])
    respond(plan, NOTHING)
    part, _ = plan.next_query() or pytest.fail("no query")
    assert isinstance(part, Witness)


def test_a_full_page_without_a_usable_record_fails_the_reading_the_second_time() -> None:
    plan = ReadPlanner(WINDOW, [LEADS.live])
    page = Page((), has_next=True, unusable=tuple(Unusable(number, b"") for number in range(PAGE_LIMIT)))
    respond(plan, page)
    with pytest.raises(ReadingUnproven, match="a whole page has no usable id"):
        respond(plan, page)


def test_a_trash_that_also_returns_live_records_is_reported() -> None:
    plan = ReadPlanner(WINDOW, LISTS[1:])
    page = Page((lead(1, deleted=True), lead(2)), has_next=False)
    respond(plan, page)
    assert kinds(plan) == []
    respond(plan, page)
    assert kinds(plan) == ["only_deleted_mixed"]


@pytest.mark.parametrize(("filters", "responses"), [(False, 1), (None, 2), (True, 2)])
def test_ignored_filters_are_accepted_at_once_only_where_they_are_known(
    filters: bool | None,  # noqa: FBT001
    responses: int,
) -> None:
    plan = ReadPlanner(WINDOW, [LEADS.live], replace(UNKNOWN, filters=filters))
    for _ in range(responses):
        assert kinds(plan) == []
        respond(plan, Page((lead(1, WINDOW.from_at - 500),), has_next=False))
    assert kinds(plan) == ["filters_ignored"]


def test_pages_grow_again_after_others_have_worked() -> None:
    account = ListedAccount({number: WINDOW.from_at + number // 6 for number in range(3_000)})
    plan = ReadPlanner(WINDOW, [LEADS.live])
    plan.add_failure(*(plan.next_query() or pytest.fail("no query")))  # type: ignore[arg-type]
    limits = []
    while not plan.done:
        part, query = plan.next_query() or pytest.fail("no query")
        limits.append(query.limit)
        plan.add_page(part, query, account.respond(query, Random(1)))
    assert limits[0] == PAGE_LIMIT // 2
    assert PAGE_LIMIT in limits


def test_leads_that_were_requested_without_their_details_are_reported() -> None:
    plan = ReadPlanner(WINDOW, [replace(LEADS.live, details=("contacts",))])
    part, query = plan.next_query() or pytest.fail("no query")
    plan.add_page(part, replace(query, details=False), Page((lead(1),), has_next=False))
    assert kinds(plan) == ["details_left_out"]
