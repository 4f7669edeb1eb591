"""What a plan does about single odd pages: what it reports, requests again, or refuses."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.pagination.by_id import ByIdPlanner
from amocrm_assets.crm.pagination.empty_pages import Witness
from amocrm_assets.crm.pagination.far_end import FIRST_LIMIT
from amocrm_assets.crm.pagination.page_size import PAGE_LIMIT
from amocrm_assets.crm.pagination.pages import NOTHING, Page, RawRecord, Unusable
from amocrm_assets.crm.pagination.read_planner import ReadPlanner
from amocrm_assets.crm.pagination.traits import UNKNOWN
from amocrm_assets.entities import LEADS, TASKS
from amocrm_assets.errors import ReadingUnproven
from amocrm_assets_tests.crm.pagination.listing import ListedAccount
from amocrm_assets_tests.crm.pagination.planned_reads import LISTS, WINDOW, expected, kinds, read

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination import Query


def respond(plan: ReadPlanner, *pages: Page) -> None:
    for page in pages:
        plan.add_page(*(plan.next_query() or pytest.fail("no query")), page)


def lead(number: int, at: int = WINDOW.from_at, *, deleted: bool = False) -> RawRecord:
    return RawRecord(number, at, deleted, b"")


class HoleAccount(ListedAccount):
    """An account whose responses to queries that begin near the second of a lead lack that lead `hidden` times."""

    lead = 474
    hidden = 0

    def respond(self, ask: Query, random: Random) -> Page:
        page = super().respond(ask, random)
        others = tuple(each for each in page.records if each.id != self.lead)
        is_near = ask.from_at is not None and ask.from_at >= self.live[self.lead] - 6
        if not (self.hidden and is_near) or len(others) == len(page.records):
            return page
        self.hidden -= 1
        return replace(page, records=others)


def test_an_empty_first_page_of_a_list_by_id_waits_for_a_witness() -> None:
    plan = ByIdPlanner(WINDOW, [TASKS.live])
    respond(plan, NOTHING)
    part, _ = plan.next_query() or pytest.fail("no query")
    assert isinstance(part, Witness)


@pytest.mark.parametrize(("size", "has_next"), [(PAGE_LIMIT, True), (PAGE_LIMIT, False), (50, True), (10, True)])
def test_a_page_without_a_usable_record_that_others_may_follow_fails_the_reading_the_second_time(
    size: int,
    *,
    has_next: bool,
) -> None:
    plan = ReadPlanner(WINDOW, [LEADS.live])
    page = Page((), has_next=has_next, unusable=tuple(Unusable(number, b"") for number in range(size)))
    respond(plan, page)
    with pytest.raises(ReadingUnproven, match="a whole page has no usable id"):
        respond(plan, page)


# No server has pages of less than ten records, so such a one is the whole list, whatever its links say.
@pytest.mark.parametrize(("size", "has_next"), [(50, False), (9, True)])
def test_a_last_page_without_a_usable_record_is_reported(size: int, *, has_next: bool) -> None:
    plan = ReadPlanner(WINDOW, [LEADS.live])
    page = Page((), has_next=has_next, unusable=tuple(Unusable(number, b"") for number in range(size)))
    respond(plan, page, page)
    assert kinds(plan) == ["records_unusable"]


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


def test_a_lead_that_another_slice_than_its_own_has_received_is_requested_again() -> None:
    account = HoleAccount({number: WINDOW.from_at + number * 2 // 3 for number in range(900)})
    account.hidden = 1
    got, _ = read(account, Random(1), permits=4)
    assert set(got) == expected(account)
    account.hidden = 2
    with pytest.raises(ReadingUnproven, match="leaves them out of the responses for their own seconds"):
        read(account, Random(1), permits=4)


def test_a_page_of_live_leads_in_a_trash_that_has_shown_deleted_ones_does_not_end_its_reading() -> None:
    plan = ReadPlanner(WINDOW, LISTS[1:])
    times = range(WINDOW.from_at, WINDOW.from_at + PAGE_LIMIT)
    respond(plan, Page(tuple(lead(at, at, deleted=True) for at in times), has_next=True))
    live = Page((lead(1, times[-1]),), has_next=False)
    respond(plan, live, live)
    assert kinds(plan) == ["only_deleted_mixed"]
    assert not plan.done


def test_one_live_lead_as_the_newest_deleted_one_does_not_show_that_the_trash_is_ignored() -> None:
    """Whichever response about the trash has it."""
    for number in range(8):
        account = ListedAccount({1: WINDOW.from_at - 100, 2: WINDOW.from_at + 100})
        random = Random(1)
        plan = ReadPlanner(WINDOW, LISTS)
        asked = 0
        while not plan.done:
            part, query = plan.next_query() or pytest.fail("no query")
            account.odd_deleted_answers = int(query.record_list.only_deleted and asked == number)
            asked += query.record_list.only_deleted
            plan.add_page(part, query, account.respond(query, random))
        assert kinds(plan) == [], number


def test_a_dense_range_is_read_by_id_from_the_second_page_on() -> None:
    account = ListedAccount({number: WINDOW.from_at + number % 10 for number in range(1_000)})
    plan = ReadPlanner(WINDOW, [LEADS.live])
    orders = []
    while not plan.done:
        part, query = plan.next_query() or pytest.fail("no query")
        orders.append(query.order)
        plan.add_page(part, query, account.respond(query, Random(1)))
    assert orders[0] == "updated_at asc"
    assert orders.count("id asc") >= 4


def test_a_crowded_second_of_a_list_without_an_order_by_id_is_read_with_the_whole_list_by_id() -> None:
    """In the order of time no page would separate its leads either."""
    account = ListedAccount(dict.fromkeys(range(600), WINDOW.from_at + 9), orders_filtered=False)
    plan = ReadPlanner(WINDOW, [LEADS.live])
    unfiltered = set()
    while not plan.done:
        part, query = plan.next_query() or pytest.fail("no query")
        unfiltered |= set() if query.from_at else {query.order}
        plan.add_page(part, query, account.respond(query, Random(1)))
    assert unfiltered == {"id asc", "id desc"}


@pytest.mark.parametrize(
    ("filters", "order", "limit"), [(True, "updated_at desc", 1), (False, "updated_at asc", FIRST_LIMIT)]
)
def test_an_empty_second_page_is_held_back_as_a_seam_but_not_of_pages_by_number(
    order: str,
    limit: int,
    *,
    filters: bool,
) -> None:
    """A witness is requested next, or the other end of a list that seems to end."""
    plan = ReadPlanner(WINDOW, [LEADS.live], replace(UNKNOWN, filters=filters))
    if not filters:
        respond(plan, Page((lead(1, WINDOW.from_at - 500),), has_next=False))
    times = range(WINDOW.from_at, WINDOW.from_at + PAGE_LIMIT)
    leads = tuple(lead(at, at) for at in (times if filters else reversed(times)))
    respond(plan, Page(leads, has_next=True), NOTHING)
    _, query = plan.next_query() or pytest.fail("no query")
    assert (query.order, query.limit) == (order, limit)
