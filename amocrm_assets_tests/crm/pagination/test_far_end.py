"""A list is read from its other end: what its pages cover, where the next one begins, and when it is given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.pagination.far_end import FIRST_LIMIT, FarEnd
from amocrm_assets.crm.pagination.interval_set import IntervalSet
from amocrm_assets.crm.pagination.pages import Page, RawRecord
from amocrm_assets.crm.pagination.query import CONFIRMATIONS, MIN_PAGE, Query
from amocrm_assets.entities import TASKS

if TYPE_CHECKING:
    from collections.abc import Sequence

# What was read from the beginning of the list: everything up to this key.
READ_TO = 100
IN_VAIN = CONFIRMATIONS + 1


def far_end_of(*, inset: int = 0) -> tuple[FarEnd, IntervalSet]:
    cover = IntervalSet(None, None)
    cover.add(None, READ_TO, end_position=30)
    return FarEnd(cover, inset=inset), cover


def learn(far_end: FarEnd, keys: Sequence[int], number: int = 1, limit: int = 25, *, more: bool = True) -> None:
    """Process a page of the reversed list: the keys in descending order."""
    records = tuple(RawRecord(place, key, is_deleted=False, line=b"") for place, key in enumerate(keys))
    query = Query(TASKS.live, "id desc", page=number, limit=limit)
    far_end.learn(query, Page(records, has_next=more), (keys[0], keys[-1]) if keys else None)


# By id there are keys without records; seconds have several.
BY_ID = [(key, 0) for key in range(700, READ_TO - 60, -3)]
IN_TIME = [(key, place) for key in range(200, READ_TO - 60, -1) for place in range(3)]


@pytest.mark.parametrize(
    ("limit", "listed"),
    [(10, BY_ID), (25, BY_ID), (250, BY_ID), (25, IN_TIME), (250, IN_TIME)],
    ids=["10 by id", "25 by id", "250 by id", "25 in time", "250 in time"],
)
@pytest.mark.parametrize("leaving", [0, 1, 9, 40])
def test_a_key_is_covered_only_when_all_of_its_records_were_shown_and_all_are_in_the_end(
    limit: int, listed: list[tuple[int, int]], leaving: int
) -> None:
    """So many records leave the list now and then while it is read."""
    inset, overlap = (0, 1) if listed is BY_ID else (1, 5)
    far_end, cover = far_end_of(inset=inset)
    listed, shown = list(listed), set[tuple[int, int]]()
    for count in range(100):
        number, size = far_end.next_page(limit, overlap)
        page = listed[(number - 1) * size : number * size]
        shown.update(page)
        learn(far_end, [key for key, _ in page], number, size)
        unseen = {key for key, place in listed if (key, place) not in shown and key > READ_TO}
        assert not any(cover.holds(key) for key in unseen)
        if cover.complete:
            break
        del listed[: leaving if count % 3 == 1 and count < 12 else 0]
    assert cover.complete
    assert not unseen


def test_the_first_page_is_a_small_one_and_the_next_has_the_usual_size() -> None:
    far_end, _ = far_end_of()
    assert far_end.next_page(250, 1) == (1, FIRST_LIMIT)
    assert far_end.next_page(10, 1) == (1, 10)
    learn(far_end, range(900, 875, -1))
    assert far_end.next_page(250, 1) == (1, 250)


@pytest.mark.parametrize(
    ("limit", "overlap", "expected"),
    [(250, 1, (2, 249)), (250, 5, (2, 245)), (25, 1, (2, 24)), (10, 1, (2, 9)), (10, 5, (2, 9)), (12, 5, (2, 11))],
)
def test_a_page_begins_in_the_previous_one_and_reaches_as_far_as_it_can(
    limit: int, overlap: int, expected: tuple[int, int]
) -> None:
    """If pages are so small that no page begins as far back, it begins with the last record."""
    far_end, _ = far_end_of()
    learn(far_end, range(5_000, 5_000 - limit, -1), 1, limit)
    assert far_end.position == limit
    assert far_end.next_page(limit, overlap) == expected


def test_each_page_moves_the_position_to_its_own_end() -> None:
    far_end, _ = far_end_of()
    learn(far_end, range(5_000, 4_975, -1))
    learn(far_end, range(4_976, 4_952, -1), 2, 24)
    assert far_end.position == 48
    assert far_end.next_page(25, 1) == (3, 23)


@pytest.mark.parametrize("inset", [0, 1])
def test_the_ends_of_a_page_are_covered_by_id_and_not_in_the_order_of_time(inset: int) -> None:
    """Other records may share the seconds at both ends; after the first page's beginning there are none."""
    far_end, cover = far_end_of(inset=inset)
    learn(far_end, range(900, 875, -1))
    assert [key for key in range(870, 905) if cover.holds(key)] == list(range(876 + inset, 905))
    learn(far_end, range(880, 856, -1), 2, 24)
    assert [key for key in range(850, 905) if cover.holds(key)] == list(range(857 + inset, 905))
    assert not cover.complete


@pytest.mark.parametrize(("begin", "joins"), [(875, True), (876, True), (880, True), (874, False), (860, False)])
def test_a_page_that_does_not_join_what_was_covered_is_requested_from_further_back(
    begin: int, *, joins: bool
) -> None:
    """Records have left the list, so this page begins later in it than its number says. 876 was the last key."""
    far_end, cover = far_end_of()
    learn(far_end, range(900, 875, -1))
    learn(far_end, range(begin, begin - 20, -1), 2, 20)
    assert cover.holds(begin - 19) == joins
    assert far_end.position == (40 if joins else 25)
    assert far_end.next_page(25, 5) == ((2, 25) if joins else (1, 25))


def test_each_page_that_joins_nothing_moves_the_next_one_back_until_one_joins() -> None:
    far_end, _ = far_end_of()
    learn(far_end, range(5_000, 4_750, -1), 1, 250)
    begins: list[int] = []
    for key in (4_700, 4_720, 4_740):
        number, limit = far_end.next_page(250, 1)
        learn(far_end, range(key, key - limit, -1), 2, limit)
        begins.append((number - 1) * limit)
    assert begins == [249, 224, 0]

    learn(far_end, range(4_760, 4_560, -1), 2, 200)
    assert far_end.position == 400
    assert far_end.next_page(250, 1) == (2, 250)


def test_after_a_page_that_joins_small_pages_go_on_with_its_last_record() -> None:
    far_end, _ = far_end_of()
    learn(far_end, range(5_000, 4_990, -1), 1, 10)
    learn(far_end, range(4_980, 4_971, -1), 2, 9)
    assert far_end.next_page(10, 5) == (1, 10)
    learn(far_end, range(5_000, 4_990, -1), 1, 10)
    assert far_end.next_page(10, 5) == (2, 9)


@pytest.mark.parametrize("keys", [[], range(900, 875, -1)], ids=["empty", "the same page"])
def test_so_many_pages_in_a_row_that_show_nothing_new_exhaust_the_end(keys: Sequence[int]) -> None:
    """The count begins again with each page that shows something."""
    far_end, _ = far_end_of()
    exhausted: list[bool] = []
    for _ in range(IN_VAIN - 1):
        learn(far_end, [])
        exhausted.append(far_end.is_exhausted)
    learn(far_end, range(900, 875, -1))
    for _ in range(IN_VAIN):
        exhausted.append(far_end.is_exhausted)
        learn(far_end, keys, limit=25 if keys else 10)
    assert not any(exhausted)
    assert far_end.is_exhausted


def test_pages_that_are_no_end_of_the_list_exhaust_it_as_well() -> None:
    far_end, _ = far_end_of()
    exhausted: list[bool] = []
    for _ in range(IN_VAIN):
        far_end.learn_nothing()
        exhausted.append(far_end.is_exhausted)
    assert exhausted == [False] * CONFIRMATIONS + [True]


@pytest.mark.parametrize("size", [0, 1, MIN_PAGE - 1])
def test_a_list_that_is_a_short_page_time_and_again_is_complete_unless_that_is_empty(size: int) -> None:
    far_end, cover = far_end_of()
    complete: list[bool] = []
    for _ in range(IN_VAIN):
        learn(far_end, range(900, 900 - size, -1), more=False)
        complete.append(cover.complete)
    assert complete == [False] * CONFIRMATIONS + [size > 0]


@pytest.mark.parametrize(
    ("size", "number", "limit", "more"),
    [(MIN_PAGE, 1, 25, False), (MIN_PAGE - 1, 1, 25, True), (0, 1, 25, True), (5, 2, 25, False), (8, 1, 8, False)],
    ids=["long enough", "with a next one", "empty with a next one", "second", "full"],
)
def test_a_page_that_others_may_follow_or_precede_is_not_the_whole_list(
    size: int, number: int, limit: int, *, more: bool
) -> None:
    """A list that silently stops at some depth looks like that from each of its ends."""
    far_end, cover = far_end_of()
    for _ in range(3 * IN_VAIN):
        learn(far_end, range(900, 900 - size, -1), number, limit, more=more)
    assert not cover.complete


def test_short_pages_are_the_whole_list_only_if_they_come_in_a_row() -> None:
    far_end, cover = far_end_of()
    complete: list[bool] = []
    for more in (False, False, True, False, False, False):
        learn(far_end, [900, 899], more=more)
        complete.append(cover.complete)
    assert complete == [False] * 5 + [True]
