"""Where the page behind the covered ones is requested, and what it shows of the list's order."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.pagination.page_behind import PageBehind
from amocrm_assets.crm.pagination.pages import Page, RawRecord
from amocrm_assets.crm.pagination.query import OrderIgnored, PageMissing, TieExceedsPage


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
        (1, (*new(2_000), *LAST[1:], *OLDER), True),
        (50, OLDER, False),
    ],
    ids=[
        "its last records", "all but the first", "three", "two", "one is left out", "a new one of the last second",
        "a new one within", "a new one behind the first", "a new one of the first second", "nothing known",
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


def test_each_further_empty_page_has_a_page_counted_half_as_far_in_the_list() -> None:
    known = behind((0, page(2_000, 250)), (980, page(1_020, 250)))
    counted: list[tuple[int, int]] = []
    for _ in range(3):
        known.learn_nothing()
        counted.append(known.next_page(250, 5))
    assert counted == [(5, 245), (3, 245), (2, 245)]


def test_each_page_that_does_not_go_on_has_the_next_one_begin_deeper_in_the_last_one_up_to_its_half() -> None:
    last = page(2_000, 250)
    known = behind((0, last))
    begins: list[int] = []
    for _ in range(5):
        number, limit = known.next_page(250, 5)
        begins.append((number - 1) * limit)
        known.learn(begins[-1], page(1_700, 250), is_covered=True)
        assert known.next_page(250, 5) == (1, 250)
        known.learn(0, last, is_covered=True)
    assert begins == [245, 230, 170, 126, 126]


def test_by_id_any_page_but_the_first_shows_the_order_even_if_it_arrives_before_it() -> None:
    for position, is_seen in ((0, False), (250, True)):
        known = PageBehind(newest_first=False)
        known.learn(position, page(2_000, 250), is_covered=True)
        assert known.is_seen is is_seen


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
    assert known.next_page(50, 5) == (2, 45), "no further within the page than before"
    known.learn(45, page(2_555, 45), is_covered=True)
    assert known.is_seen


@pytest.mark.parametrize(("newer", "again"), [(2, (2, 245)), (3, (1, 250))])
def test_so_few_newer_records_that_users_may_have_edited_do_not_have_the_first_page_asked_for(
    newer: int, again: tuple[int, int]
) -> None:
    known = behind((0, page(2_000, 250)), (245, page(1_755, 250)))
    edited, older = page(2_500, newer).records, page(1_510, 11 - newer).records
    known.learn(490, Page((*edited, *older), has_next=True), is_covered=True)
    assert not known.is_seen
    assert known.next_page(250, 5) == again


def test_records_that_stay_newer_than_the_first_page_are_in_no_order() -> None:
    known = behind((0, page(2_000, 50)))
    for _ in range(2):
        known.learn(45, page(2_500, 45), is_covered=True)
        known.learn(0, page(2_000, 50), is_covered=True)

    with pytest.raises(OrderIgnored):
        known.learn(45, page(2_500, 45), is_covered=True)


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
