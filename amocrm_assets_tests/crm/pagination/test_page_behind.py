from __future__ import annotations

from random import Random
from typing import Any

import pytest

from amocrm_assets.crm.pagination import ListState, OverlappingPaginator
from amocrm_assets.crm.pagination.page_behind import PageBehind
from amocrm_assets.crm.pagination.pages import Page, RawRecord
from amocrm_assets.crm.pagination.query import OrderIgnored, PageMissing, TieExceedsPage
from amocrm_assets.days import Window
from amocrm_assets.entities import LEADS
from amocrm_assets_tests.crm.pagination.listing import ListedAccount
from amocrm_assets_tests.crm.pagination.test_silent_loss import assert_no_silent_loss


def page(newest: int, count: int, *, has_next: bool = True) -> Page:
    """A page whose records are a second apart, the newest first."""
    return Page(tuple(RawRecord(newest - n, newest - n, False, b"") for n in range(count)), has_next)  # noqa: FBT003


def behind(*pages: tuple[int, Page]) -> PageBehind:
    """What knows these pages, by their positions."""
    known = PageBehind(newest_first=True)
    for position, each in pages:
        known.learn(position, each, is_covered=False)
    return known


def test_it_begins_within_the_last_page_and_reaches_further() -> None:
    known = behind((0, page(2_000, 250)), (245, page(1_755, 250)))

    number, limit = known.next_page(250, 5)

    assert 245 < (number - 1) * limit < 495 < number * limit


def test_a_page_that_goes_on_is_enough() -> None:
    known = behind((0, page(2_000, 250)))
    known.learn(245, page(1_755, 245), is_covered=True)

    assert known.is_seen


def records(*seconds: int, first_id: int = 0) -> tuple[RawRecord, ...]:
    return tuple(RawRecord(n, at, False, b"") for n, at in enumerate(seconds, first_id))  # noqa: FBT003


# Every other second from 2000 to 1802, and new records at a second in between or within one.
LAST = records(*range(2_000, 1_800, -2))
OLDER = records(*range(1_800, 1_700, -2), first_id=100)


def new(at: int) -> tuple[RawRecord, ...]:
    return records(at, first_id=5_000)


@pytest.mark.parametrize(
    ("position", "shown", "goes_on"),
    [
        (90, (*LAST[90:], *OLDER), True),
        (1, (*LAST[1:], *OLDER), True),
        (97, (*LAST[97:],), True),
        (98, (*LAST[98:],), False),  # two may be there by chance
        (90, (*LAST[90:95], *LAST[96:], *OLDER), False),
        (90, (*LAST[90:], *new(1_802), *OLDER), True),
        (90, (*LAST[90:99], *new(1_803), *LAST[99:], *OLDER), False),
        (1, (*new(1_999), *LAST[1:], *OLDER), False),
        (50, OLDER, False),
    ],
    ids=[
        "its last records", "all but the first", "three", "two", "one is left out", "a new one of the last second",
        "a new one within", "a new one behind the first", "nothing known",
    ],
)  # fmt: skip
def test_a_page_goes_on_if_it_has_the_last_records_and_no_others_between_them(
    position: int,
    shown: tuple[RawRecord, ...],
    goes_on: bool,  # noqa: FBT001
) -> None:
    known = behind((0, Page(LAST, has_next=True)))
    known.learn(position, Page(shown, has_next=True), is_covered=True)
    assert known.is_seen is goes_on
    # A page that does not go on may be due to an edit: the one before it is counted again.
    assert (known.next_page(100, 5) == (1, 100)) is not goes_on


def test_records_of_the_ends_seconds_of_a_page_may_be_left_out() -> None:
    twice = records(*(2_000 - number // 2 for number in range(100)))  # two a second
    known = behind((0, Page(twice, has_next=True)))
    shown = (*twice[91:99], *records(1_951, 1_951, 1_951, first_id=200))
    known.learn(90, Page(shown, has_next=True), is_covered=True)
    assert known.is_seen


def test_a_page_of_which_all_but_the_first_record_are_of_one_second_goes_on_in_any_order() -> None:
    known = behind((0, Page(records(2_000, *[1_999] * 99), has_next=True)))
    known.learn(90, Page(records(*[1_999] * 100, first_id=90), has_next=True), is_covered=True)
    assert known.is_seen


def test_a_page_that_ends_within_the_last_one_says_nothing_unless_it_is_the_end() -> None:
    for has_next in (True, False):
        known = behind((0, Page(LAST, has_next=True)))
        known.learn(50, Page(LAST[50:60], has_next=has_next), is_covered=True)
        assert not known.is_seen
        assert (known.next_page(100, 5) == (1, 100)) is not has_next


def test_a_part_of_the_last_page_does_not_take_its_place() -> None:
    whole = behind((0, Page(LAST, has_next=True)))
    with_part = behind((0, Page(LAST, has_next=True)), (95, Page(LAST[95:], has_next=True)))
    assert with_part.next_page(100, 5) == whole.next_page(100, 5)


def test_a_first_page_of_a_few_records_is_the_whole_list() -> None:
    assert behind((0, page(2_000, 9, has_next=False))).is_seen
    assert not behind((0, page(2_000, 10, has_next=False))).is_seen


def test_an_empty_answer_has_the_last_page_counted_again_and_is_not_believed_for_long() -> None:
    known = behind((0, page(2_000, 100)))
    for _ in range(2):
        known.learn_nothing()
        assert known.next_page(250, 5)[0] == 1
        known.learn(0, page(2_000, 100), is_covered=True)
        assert known.next_page(250, 5)[0] == 2
    known.learn_nothing()

    with pytest.raises(PageMissing):
        known.learn(0, page(2_000, 100), is_covered=True)


def test_a_list_that_got_shorter_is_looked_at_further_in_front() -> None:
    known = behind((0, page(2_000, 250)), (245, page(1_755, 250)))
    known.learn_nothing()
    known.learn_nothing()
    number, limit = known.next_page(250, 5)
    known.learn((number - 1) * limit, page(2_000, 130, has_next=False), is_covered=True)

    assert known.next_page(250, 5) == (2, 125)


def test_records_that_are_newer_than_the_first_page_have_it_asked_for_again() -> None:
    known = behind((0, page(2_000, 50)))
    known.learn(45, page(2_500, 45), is_covered=True)
    assert not known.is_seen
    assert known.next_page(50, 5)[0] == 1

    # They were edited meanwhile, so it shows them, or newer ones.
    known.learn(0, page(2_600, 50), is_covered=True)
    known.learn(45, page(2_555, 45), is_covered=True)
    assert known.is_seen


def test_records_that_stay_newer_than_the_first_page_are_in_no_order() -> None:
    known = behind((0, page(2_000, 50)))
    for _ in range(2):
        known.learn(45, page(2_500, 45), is_covered=True)
        known.learn(0, page(2_000, 50), is_covered=True)

    with pytest.raises(OrderIgnored):
        known.learn(45, page(2_500, 45), is_covered=True)


def test_no_second_is_passed_before_the_page_behind_is_seen() -> None:
    """A day is published when it is passed, and stays though the next page shows that the list is in no order."""
    window = Window(1_000, 2_999)
    account = ListedAccount({number: 3_200 - number for number in range(1_500)}, filters=False)
    paginator = OverlappingPaginator(
        ListState(LEADS.lists(with_deleted=False)[0]), "updated_at desc", window, filtered=False
    )
    shown_to, responses = window.to_at, 0
    while (query := paginator.next_query()) is not None:
        response = account.respond(query, Random(1))
        paginator.add_page(query, response)
        responses += 1
        # What this page covers may still come: only the pages before it were shown to be in order.
        assert paginator.open_interval is None or paginator.open_interval.to_at >= shown_to
        shown_to = min(shown_to, response.records[-1].updated_at)

    assert paginator.done
    assert responses > 6


def test_a_page_that_leaves_out_known_records_is_asked_for_again() -> None:
    known = behind((0, page(2_000, 100)))
    odd = page(1_960, 60)
    known.learn(45, Page(odd.records[:3] + odd.records[4:], has_next=True), is_covered=True)
    assert not known.is_seen

    # Somebody edited the record between the two answers: the last page is asked for, and then the one behind it.
    assert known.next_page(100, 5)[0] == 1
    known.learn(0, page(2_000, 100), is_covered=True)
    known.learn(80, page(1_920, 80), is_covered=True)
    assert known.is_seen


@pytest.mark.parametrize("count", [1, 2])
def test_a_record_or_two_show_no_order(count: int) -> None:
    known = behind((0, page(2_000, 100)))
    known.learn(100 - count, page(1_900 + count, count, has_next=False), is_covered=True)

    assert not known.is_seen


def test_pages_that_never_go_on_are_in_no_order() -> None:
    known = behind((0, page(2_000, 100)))
    with_gaps = Page(page(1_999, 80).records[::2], has_next=True)
    for _ in range(9):
        known.learn(60, with_gaps, is_covered=True)
        known.learn(0, page(2_000, 100), is_covered=True)

    with pytest.raises(OrderIgnored):
        known.learn(60, with_gaps, is_covered=True)


def test_pages_within_one_second_show_no_order() -> None:
    known = behind((0, Page(tuple(RawRecord(n, 900, False, b"") for n in range(100)), has_next=True)))  # noqa: FBT003
    with pytest.raises(TieExceedsPage):
        known.learn(
            95,
            Page(tuple(RawRecord(n, 900, False, b"") for n in range(95, 195)), has_next=True),  # noqa: FBT003
            is_covered=True,
        )


@pytest.mark.parametrize(
    "how",
    [{"page_cap": 10}, *({"depth_max": depth} for depth in (20, 60, 100)), {"page_cap": 50, "depth_max": 52}],
)
def test_a_list_in_no_order_of_which_the_page_behind_shows_a_few_leads_is_noticed(how: dict[str, Any]) -> None:
    """Of a few records any order may seem the one that was asked for, so those that are known have to fit, too."""
    for seed in range(60):
        random = Random(seed)
        leads = {number: random.randrange(400, 2_600) for number in range(random.randrange(60, 700))}
        account = ListedAccount(leads, filters=False, sorted_within_pages=True, scattered=True, **how)
        assert_no_silent_loss(account, random, edits=seed % 2, permits=1 + seed % 4)


def test_a_first_second_that_fills_pages_does_not_show_that_all_is_older_than_the_window() -> None:
    for seed in range(10):
        random = Random(seed)
        leads = [999] * random.randrange(101, 300) + sorted(random.randrange(1_000, 1_700) for _ in range(300))
        account = ListedAccount(dict(enumerate(leads)), page_cap=50, filters=False, ignores_order=True)
        assert_no_silent_loss(account, random, permits=1 + seed % 4)


def test_an_import_within_one_second_before_the_window_costs_one_pass_over_the_account_at_most() -> None:
    account = ListedAccount(dict.fromkeys(range(600), 900), {}, filters=False)

    assert assert_no_silent_loss(account, Random(1))
