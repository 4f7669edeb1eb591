"""Where keyset pagination asks from, and which records it takes for new ones."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.pagination import ListState, Query
from amocrm_assets.crm.pagination.cursor import Cursor
from amocrm_assets.crm.pagination.pages import Page, RawRecord
from amocrm_assets.entities import LEADS

SECOND = 1_000


def record(number: int, at: int = SECOND) -> RawRecord:
    return RawRecord(number, at, is_deleted=False, line=b"")


def page(*records: RawRecord) -> Page:
    return Page(records, has_next=True)


def query_from(from_at: int) -> Query:
    return Query(LEADS.live, "updated_at asc", from_at, 2_000)


@pytest.fixture
def state() -> ListState:
    return ListState(LEADS.live)


@pytest.fixture
def cursor(state: ListState) -> Cursor:
    """One that went on to a second of which two records were returned."""
    found = Cursor(state, SECOND - 100, {})
    found.move_to(SECOND, frozenset([1, 2]))
    return found


def test_the_first_page_is_asked_for_from_the_second_before() -> None:
    assert Cursor(ListState(LEADS.live), SECOND, {}).from_at == SECOND - 1


def test_the_next_page_is_requested_from_the_last_records_own_second(cursor: Cursor) -> None:
    assert (cursor.second, cursor.from_at) == (SECOND, SECOND)
    assert cursor.reach_back()
    assert cursor.from_at == SECOND - 1
    assert not cursor.reach_back(), "nothing changes any more"


def test_a_second_of_which_nothing_is_known_is_asked_for_from_the_one_before(cursor: Cursor) -> None:
    cursor.move_to(SECOND + 5)
    assert cursor.from_at == SECOND + 4


def test_where_from_does_not_hold_its_own_second_each_page_is_asked_for_from_the_one_before(
    state: ListState,
) -> None:
    state.from_is_inclusive = False
    cursor = Cursor(state, SECOND - 100, {})
    cursor.move_to(SECOND, frozenset([1]))
    assert cursor.from_at == SECOND - 1


def test_what_was_given_out_is_not_new_and_an_edited_record_is(cursor: Cursor) -> None:
    cursor.know([record(3, SECOND + 1)])
    came = [record(1), record(2), record(4), record(3, SECOND + 1), record(3, SECOND + 2), record(1, SECOND + 3)]
    new = [record(4), record(3, SECOND + 2), record(1, SECOND + 3)]
    assert cursor.fresh(came) == new


@pytest.mark.parametrize("second", [SECOND, SECOND - 50])
def test_a_cursor_that_goes_back_or_stays_keeps_the_ids_that_were_returned(cursor: Cursor, second: int) -> None:
    cursor.move_to(second)
    assert cursor.returned == {1: SECOND, 2: SECOND}
    assert cursor.fresh([record(1), record(2)]) == []


def test_a_cursor_that_goes_forward_drops_ids_that_cannot_be_returned_again(cursor: Cursor) -> None:
    cursor.move_to(SECOND + 1)
    assert cursor.returned == {}


def test_ids_that_were_returned_before_the_pagination_began_are_kept(state: ListState) -> None:
    cursor = Cursor(state, SECOND, {9: SECOND + 5})
    cursor.move_to(SECOND + 1, frozenset([1]))
    assert cursor.returned == {9: SECOND + 5, 1: SECOND + 1}


def test_a_record_of_the_second_asked_from_shows_that_from_holds_it(cursor: Cursor, state: ListState) -> None:
    state.from_is_inclusive = False
    cursor.learn_from(query_from(SECOND), page(record(1), record(4, SECOND + 1)))
    assert state.from_is_inclusive


def test_records_that_come_only_from_the_second_before_show_that_from_does_not_hold_its_own(
    cursor: Cursor, state: ListState
) -> None:
    cursor.reach_back()
    cursor.learn_from(query_from(SECOND - 1), page(record(1), record(4, SECOND + 1)))
    assert not state.from_is_inclusive


@pytest.mark.parametrize("came", [page(record(4)), page()])
def test_other_records_tell_nothing_about_from(cursor: Cursor, state: ListState, came: Page) -> None:
    cursor.reach_back()
    cursor.learn_from(query_from(SECOND - 1), came)
    assert state.from_is_inclusive


def test_without_having_reached_back_nothing_shows_that_from_does_not_hold_its_own(
    cursor: Cursor, state: ListState
) -> None:
    cursor.learn_from(query_from(SECOND - 1), page(record(1)))
    assert state.from_is_inclusive


def test_a_page_without_any_record_of_the_second_misses_all(cursor: Cursor) -> None:
    assert cursor.misses_all([record(4), record(1, SECOND + 1)])
    assert not cursor.misses_all([record(4), record(2)])
    cursor.reach_back()
    assert not cursor.misses_all([record(4)])


def test_a_second_of_which_nothing_was_given_out_misses_nothing(cursor: Cursor) -> None:
    cursor.leave_out_second_before()
    assert not cursor.misses_all([record(4)])


def test_the_second_before_is_left_out_where_it_fills_a_page(cursor: Cursor) -> None:
    cursor.reach_back()
    assert cursor.leave_out_second_before() == 2
    assert not cursor.reach_back()
    assert cursor.from_at == SECOND
    assert cursor.leave_out_second_before() == 0


def test_records_that_moved_out_are_counted(cursor: Cursor) -> None:
    assert cursor.moved_out([record(1), record(2)]) == 0
    assert cursor.moved_out([record(1), record(2, SECOND + 1)]) == 1
    assert cursor.moved_out([]) == 2
