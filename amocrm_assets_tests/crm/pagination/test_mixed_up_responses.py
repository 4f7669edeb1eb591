"""Responses that belong to other queries, as from a proxy that confuses them, lose no record in silence."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.pagination import KeysetPaginator, ListState
from amocrm_assets.crm.pagination.pages import Page, RawRecord
from amocrm_assets.crm.pagination.paginator_set import PaginatorSet
from amocrm_assets.crm.pagination.read_planner import ReadPlanner
from amocrm_assets.days import Window
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ReadingUnproven
from amocrm_assets_tests.crm.pagination.listing import ListedAccount
from amocrm_assets_tests.crm.pagination.planned_reads import LISTS, expected, kinds, read

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination import Query
    from amocrm_assets.entities import RecordList


class MixedUp(ListedAccount):
    """One response in nine is the one to the query before it of the same list."""

    def mix_up(self, seed: int) -> MixedUp:
        self.previous: dict[RecordList, Page] = {}
        self.random = Random(seed)
        return self

    def respond(self, ask: Query, random: Random) -> Page:
        own = super().respond(ask, random)
        page = self.previous.get(ask.record_list, own) if self.random.random() < 1 / 9 else own
        self.previous[ask.record_list] = own
        return page


# The first two lost up to 200 leads: a slice ended with the page of a later one, and of what its neighbour had
# seen of it only these seconds were read again.
@pytest.mark.parametrize("seed", [211, 580, *range(8)])
@pytest.mark.parametrize("page_cap", [50, 250])
def test_a_response_to_another_query_loses_no_lead_in_silence(seed: int, page_cap: int) -> None:
    random = Random(seed)
    live = {3 * number + 1: random.randrange(900, 1_700) for number in range(random.choice([40, 300, 1_500]))}
    deleted = {3 * number + 2: random.randrange(900, 1_700) for number in range(random.choice([0, 2, 40, 300]))}
    account = MixedUp(live, deleted, page_cap=page_cap).mix_up(seed + 1)
    try:
        got, plan = read(account, random, permits=random.choice([1, 2, 4, 7]))
    except ReadingUnproven:
        return
    assert kinds(plan, missing_only=True) or not expected(account) - set(got)


def records(*seconds: int) -> tuple[RawRecord, ...]:
    """A record in each of the seconds, whose id is the second."""
    return tuple(RawRecord(at, at, is_deleted=False, line=b"") for at in seconds)


@pytest.mark.parametrize(("first", "pages"), [(1_500, 2), (1_499, 1)])
def test_a_page_that_is_all_behind_its_slice_ends_it_only_the_second_time(first: int, pages: int) -> None:
    paginator = KeysetPaginator(ListState(LEADS.live), 1_000, 1_999)
    paginator.split(1_500)
    for number in range(1, pages + 1):
        query = paginator.next_query()
        assert query
        paginator.add_page(query, Page(records(*range(first, 1_505)), has_next=False))
        assert paginator.done == (number == pages)


@pytest.fixture(params=[1_400, 1_405, 1_699])
def lacking(request: pytest.FixtureRequest) -> tuple[ListState, PaginatorSet]:
    """Of three slices that have finished the second one has not returned a record that the first one saw."""
    state, paginators = ListState(LEADS.live), PaginatorSet()
    first = KeysetPaginator(state, 1_000, 1_999)
    slices = [first, first.split(1_400)]
    slices.append(slices[1].split(1_700))
    query = first.next_query()
    assert query
    for each in [*slices, KeysetPaginator(ListState(LISTS[1]), 900, 2_100)]:
        paginators.add(each)
        paginators.finish(each)
    state.unreturned.learn(first, query, list(records(request.param)), [])
    return state, paginators


def test_nothing_is_believed_of_a_slice_that_has_not_returned_a_record(
    lacking: tuple[ListState, PaginatorSet],
) -> None:
    state, paginators = lacking
    assert paginators.unreturned_interval(state) == Window(1_400, 1_699)
    assert paginators.unreturned_interval(ListState(LEADS.live)) is None


def test_a_slice_that_has_not_returned_a_record_is_read_again_as_a_whole(
    lacking: tuple[ListState, PaginatorSet],
) -> None:
    state, paginators = lacking
    last = KeysetPaginator(state, 2_000, 2_100)
    paginators.add(last)
    paginators.finish(last)
    paginators.check_unreturned(last)
    (check,) = paginators
    query = check.next_query()
    assert query
    check.add_page(query, Page(records(1_400, 1_405, 1_699), has_next=False))
    paginators.finish(check)
    paginators.check_unreturned(check)
    (again,) = paginators
    assert again.open_interval == Window(1_400, 1_699)
    assert state.unreturned.read_again == Window(1_400, 1_699)


def test_days_of_a_slice_that_has_not_returned_a_record_are_not_finished() -> None:
    plan = ReadPlanner(Window(1_000, 1_999), [LEADS.live])
    (first,), (state,) = plan.paginators, plan.states.values()
    assert isinstance(first, KeysetPaginator)
    query = first.next_query()
    assert query
    plan.paginators.add(second := first.split(1_400))
    plan.paginators.finish(second)
    state.unreturned.learn(first, query, list(records(1_405)), [])
    assert plan.open_intervals == (Window(1_000, 1_399), Window(1_400, 1_999))


def test_a_list_that_is_read_as_a_whole_includes_a_slice_that_has_not_returned_a_record(
    lacking: tuple[ListState, PaginatorSet],
) -> None:
    state, paginators = lacking
    paginators.add(KeysetPaginator(state, 1_600, 1_650))
    paginators.start_over(state, by_id=True)
    (whole,) = paginators
    assert whole.open_interval == Window(1_400, 1_699)
