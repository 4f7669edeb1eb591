from __future__ import annotations

from contextlib import nullcontext
from random import Random
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.pagination.interval_set import IntervalSet
from amocrm_assets.crm.pagination.order_check import OrderCheck
from amocrm_assets.crm.pagination.pages import Page, RawRecord, Unusable
from amocrm_assets.crm.pagination.query import OrderIgnored
from amocrm_assets.days import Window
from amocrm_assets_tests.crm.pagination.listing import ListedAccount
from amocrm_assets_tests.crm.pagination.test_silent_loss import assert_no_silent_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

KEYS = range(20)


def page(*, has_next: bool = True, count: int = 20) -> Page:
    """The first records of a list, by id."""
    return Page(tuple(RawRecord(n, 1_200, False, b"") for n in range(count)), has_next)  # noqa: FBT003


def test_a_list_that_repeats_its_records_and_names_a_next_page_is_no_list_by_numbers() -> None:
    check = OrderCheck(IntervalSet(None, None), Window(1_000, 1_599))
    for position in (0, 20, 40):
        check.is_strange(page(), KEYS, position)

    with pytest.raises(OrderIgnored):
        check.is_strange(page(), KEYS, 60)


@pytest.mark.parametrize(
    "responses",
    [
        # The last page shows some records again since others have left the list, or comes again.
        [(20, page(has_next=False)), (40, page(has_next=False)), (60, page(has_next=False))],
        # Gaps between pages are looked for in front of the end.
        [(10, page()), (12, page()), (15, page()), (19, page())],
        [(20, page(count=9)), (30, page(count=9)), (40, page(count=9))],
    ],
)
def test_known_records_alone_are_no_proof_of_that(responses: list[tuple[int, Page]]) -> None:
    check = OrderCheck(IntervalSet(None, None), Window(1_000, 1_599))
    check.is_strange(page(), KEYS, 0)

    for position, response in responses:
        assert not check.is_strange(response, range(response.size), position)


def test_a_list_that_shows_its_last_page_again_for_each_behind_it_is_not_taken_for_read() -> None:
    """Both of its ends show the same leads, so one empty answer makes it look like a short one."""
    for seed in range(12):
        random = Random(seed)
        leads = {n: random.randrange(1_000, 1_600) for n in range(random.randrange(60, 400))}
        account = ListedAccount(
            leads,
            sorted_within_pages=True,
            scattered=True,
            page_cap=50,
            depth_max=20,
            repeats=True,
            damage={40: "empty"},
        )
        assert_no_silent_loss(account, random, permits=2 + seed % 3)


WINDOW = Window(1_000, 1_599)


def page_of(ids: Sequence[int], *, at: int = 1_200, has_next: bool = True) -> Page:
    return Page(tuple(RawRecord(each, at, is_deleted=False, line=b"") for each in ids), has_next)


def knowing(ids: Sequence[int], *, at: int = 1_200) -> OrderCheck:
    """All records with keys from 0 to 100 are known: these, whose keys are their ids."""
    cover = IntervalSet(0, 1_000)
    cover.add(0, 100, end_position=20)
    check = OrderCheck(cover, WINDOW)
    assert not check.is_strange(page_of([*range(200, 220)], at=at), range(200, 220))
    if ids:
        check.is_strange(page_of(ids), ids)
    return check


def is_strange(check: OrderCheck, new: int, *, at: int = 1_200, size: int = 20) -> bool:
    """Whether a page is strange that has so many new records where all are known."""
    ids = [*range(40, 40 + new), *range(200, 200 + size - new)]
    return check.is_strange(page_of(ids, at=at), ids)


# Of 20 records a quarter may be new, if they are outside of the window; of the others only two.
@pytest.mark.parametrize(("at", "allowed"), [(1_200, 2), (1_599, 2), (1_000, 2), (999, 5), (500, 5)])
def test_few_new_records_where_all_are_known_were_edited_and_more_are_in_another_order(
    at: int, allowed: int
) -> None:
    assert not is_strange(knowing([]), allowed, at=at)
    assert is_strange(knowing([]), allowed + 1, at=at)


def test_the_second_strange_page_shows_that_the_list_is_not_sorted() -> None:
    check = knowing([])
    assert is_strange(check, 3)
    with pytest.raises(OrderIgnored):
        is_strange(check, 3)


@pytest.mark.parametrize(("at", "strange"), [(1_700, True), (1_800, True), (1_801, False), (2_500, False)])
def test_records_newer_than_all_of_the_first_page_were_edited_since(at: int, *, strange: bool) -> None:
    check = knowing([], at=1_800)
    assert not is_strange(check, 0, at=1_900)
    assert is_strange(check, 6, at=at) == strange


def test_a_page_is_bounded_by_the_records_that_are_in_their_place() -> None:
    check = knowing([])
    assert check.bounds(page_of([40, 41, 205]), [40, 41, 205]) == (40, 205)
    check.is_strange(page_of([40, *range(200, 215)]), [40, *range(200, 215)])
    check.is_strange(page_of([300]), [300])  # where not all were known
    assert check.bounds(page_of([40, 205, 207]), [40, 205, 207]) == (205, 207)
    assert check.bounds(page_of([205, 40]), [205, 40]) == (205, 205)
    assert check.bounds(page_of([40]), [40]) == (40, 40)
    assert check.bounds(page_of([300, 40]), [300, 40]) == (300, 300)
    # It is known with another key now, or with the same one again.
    assert check.bounds(page_of([40, 205]), [41, 205]) == (41, 205)
    check.is_strange(page_of([205]), [205])
    assert check.bounds(page_of([205, 206]), [205, 206]) == (205, 206)


def seen(count: int) -> OrderCheck:
    """So many records were seen, from key 0 on."""
    check = OrderCheck(IntervalSet(None, None), WINDOW)
    check.is_strange(page_of(range(count)), range(count))
    return check


@pytest.mark.parametrize(("end", "no_end"), [(19, False), (17, False), (16, False), (15, True), (0, True)])
def test_an_end_behind_which_more_was_seen_than_edits_explain_is_no_end(end: int, *, no_end: bool) -> None:
    # Of a page of 12 three may have left.
    assert seen(20).is_no_end(page_of(range(100, 112)), [end] * 12) == no_end


@pytest.mark.parametrize(("size", "no_end"), [(9, False), (10, True), (11, True)])
def test_an_end_that_is_shorter_than_any_page_is_the_whole_list(size: int, *, no_end: bool) -> None:
    assert seen(20).is_no_end(page_of(range(100, 100 + size)), [0] * size) == no_end
    unusable = Page((), has_next=True, unusable=(Unusable(None, b"{}"),) * size)
    assert not seen(20).is_no_end(unusable, [])


@pytest.mark.parametrize(("begin", "no_end"), [(59 - 20, False), (59 - 21, True), (0, True)])
def test_an_end_that_lacks_more_records_than_two_pages_is_no_end(begin: int, *, no_end: bool) -> None:
    keys = [begin, *[59] * 9]
    assert seen(60).is_no_end(page_of(range(100, 110)), keys) == no_end


def test_the_records_of_an_end_are_not_absent_from_it() -> None:
    assert not seen(60).is_no_end(page_of(range(50, 60)), [29, *[59] * 9])


@pytest.mark.parametrize(("size", "raises"), [(9, False), (10, True)])
def test_pages_that_are_shorter_than_any_may_repeat_their_records(size: int, *, raises: bool) -> None:
    check = OrderCheck(IntervalSet(None, None), WINDOW)
    for position in (0, 20, 40):
        check.is_strange(page(count=size), range(size), position)
    with pytest.raises(OrderIgnored) if raises else nullcontext():
        check.is_strange(page(count=size), range(size), 60)
