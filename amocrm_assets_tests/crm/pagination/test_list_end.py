"""The end of a list is asked for once more, from where a second answer tells most."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.pagination import ListState
from amocrm_assets.crm.pagination.cursor import Cursor
from amocrm_assets.crm.pagination.list_end import ROOM_BEHIND_END, ListEnd
from amocrm_assets.crm.pagination.pages import Page, RawRecord
from amocrm_assets.entities import LEADS

BEGIN = 1_000


def page(*seconds: int, has_next: bool = False) -> Page:
    return Page(
        tuple(RawRecord(number, at, is_deleted=False, line=b"") for number, at in enumerate(seconds)),
        has_next=has_next,
    )


@pytest.fixture
def cursor() -> Cursor:
    return Cursor(ListState(LEADS.live), BEGIN, {})


@pytest.fixture
def end() -> ListEnd:
    return ListEnd(BEGIN)


def test_an_end_is_believed_when_two_answers_in_a_row_name_no_next_page(end: ListEnd) -> None:
    repeated = [end.is_confirmed(page(1, has_next=has_next)) for has_next in (False, True, False, False, False)]
    assert repeated == [False, False, False, True, True]


def test_what_was_said_is_forgotten_with_the_question(end: ListEnd, cursor: Cursor) -> None:
    end.restart_from(cursor, page(BEGIN), page(BEGIN).records, is_part=False)
    end.is_confirmed(page())
    end.forget()
    assert not end.is_requested
    assert not end.is_confirmed(page())


@pytest.mark.parametrize("is_counted", [False, True])
@pytest.mark.parametrize("size", [9, 100])
def test_a_page_is_asked_for_as_a_whole_and_then_from_its_last_record_which_has_to_come_again(
    end: ListEnd, cursor: Cursor, size: int, *, is_counted: bool
) -> None:
    """It may lack any of its records; a count does not tell which."""
    came = page(*range(1_010, 1_008 + size), 1_200, 1_200)
    requested: list[tuple[int, int]] = []
    for _ in range(2):
        assert end.restart_from(cursor, came, came.records, is_part=False, is_counted=is_counted)
        assert (end.is_requested, end.part_is_due, end.begin) == (True, False, BEGIN)
        requested.append((cursor.from_at, end.limit(250)))
    assert requested == [(BEGIN - 1, size + ROOM_BEHIND_END), (1_200, 2 + ROOM_BEHIND_END)]
    assert cursor.returned == {size - 2: 1_200, size - 1: 1_200}


def test_the_second_request_begins_at_the_cursor_and_not_at_the_first_page(end: ListEnd, cursor: Cursor) -> None:
    cursor.move_to(BEGIN + 5)
    end.restart_from(cursor, page(1_010), page(1_010).records, is_part=False)
    assert end.begin == BEGIN + 5


def test_few_records_are_asked_for_and_no_more_than_a_page(end: ListEnd, cursor: Cursor) -> None:
    came = page(*range(1_010, 1_018), 1_030, 1_030)
    assert end.limit(250) == 250
    end.restart_from(cursor, came, came.records, is_part=False)
    assert end.limit(250) == 10 + ROOM_BEHIND_END
    assert end.limit(4) == 4


@pytest.mark.parametrize("is_counted", [False, True])
@pytest.mark.parametrize("stays_part", [False, True])
def test_a_page_that_may_be_a_part_is_asked_for_again_without_its_first_second(
    end: ListEnd, cursor: Cursor, *, is_counted: bool, stays_part: bool
) -> None:
    """Its neighbour is left out too: `from` may or may not hold its own second. After a count this is first."""
    came = page(1_010, 1_011, 1_012, 1_030)
    if not is_counted:
        assert end.restart_from(cursor, came, came.records, is_part=True)
        assert (cursor.second, cursor.from_at, end.part_is_due) == (BEGIN, BEGIN - 1, True)
        assert end.limit(250) == 4 + ROOM_BEHIND_END
    assert end.restart_from(cursor, came, came.records, is_part=is_counted or stays_part, is_counted=is_counted)
    assert (cursor.second, cursor.from_at, end.part_is_due) == (1_012, 1_011, False)
    assert cursor.returned == {}
    assert (end.begin, end.limit(250)) == (BEGIN, 3 + ROOM_BEHIND_END)


def test_a_part_is_due_no_more_once_the_end_is_forgotten(end: ListEnd, cursor: Cursor) -> None:
    came = page(1_010, 1_020, 1_030)
    end.restart_from(cursor, came, came.records, is_part=True)
    end.forget()
    assert not end.part_is_due


@pytest.mark.parametrize("is_counted", [False, True])
def test_where_all_lies_in_two_seconds_no_second_tells_more(
    end: ListEnd, cursor: Cursor, *, is_counted: bool
) -> None:
    came = page(1_010, 1_011, 1_011)
    assert not end.restart_from(cursor, came, came.records, is_part=True, is_counted=is_counted)
    assert (cursor.second, end.part_is_due) == (1_010, False)


def test_a_second_doubt_keeps_where_the_first_one_began_and_asks_from_the_last_record(
    end: ListEnd, cursor: Cursor
) -> None:
    first, second = page(1_010, 1_020, 1_030), page(1_020, 1_030, 1_040)
    end.restart_from(cursor, first, first.records, is_part=True, is_counted=True)
    assert end.restart_from(cursor, second, second.records, is_part=True)
    assert (end.begin, cursor.second) == (BEGIN, 1_040)


def test_a_page_of_which_nothing_lies_in_the_window_moves_the_cursor_nowhere(end: ListEnd, cursor: Cursor) -> None:
    assert end.restart_from(cursor, page(990, 995), (), is_part=False)
    assert end.restart_from(cursor, page(990, 995), (), is_part=True)
    assert (cursor.second, cursor.returned) == (BEGIN, {})
    assert end.limit(250) == ROOM_BEHIND_END
