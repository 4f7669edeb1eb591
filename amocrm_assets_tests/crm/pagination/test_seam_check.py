"""What follows from seams, one after another, of one slice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from amocrm_assets.crm.pagination import ListState, OrderIgnored, Query
from amocrm_assets.crm.pagination.pages import NOTHING, Page, RawRecord
from amocrm_assets.crm.pagination.query import CONFIRMATIONS, PageMissing
from amocrm_assets.crm.pagination.seam import Seam
from amocrm_assets.crm.pagination.seam_check import MAX_MOVED, SeamCheck
from amocrm_assets.entities import LEADS


def page(first: int, last: int, *more: int) -> Page:
    seconds = enumerate([*range(first, last), *more], first)
    leads = (RawRecord(number, at, is_deleted=False, line=b"") for number, at in seconds)
    return Page(tuple(leads), has_next=True)


FIRST, FITTING, OUT_OF_PLACE, APART = (
    page(1_000, 1_100),
    page(1_098, 1_196),
    page(1_040, 1_138),
    page(1_100, 1_200),
)
# The last records are much later than the others; or more than a fifth of them share the last second.
LATER, CROWDED = page(1_000, 1_095, *range(1_500, 1_505)), page(1_000, 1_070, *[1_070] * 30)
QUERY = Query(LEADS.live, "updated_at asc", 999, 2_000)


@pytest.fixture
def seam() -> Seam:
    found = Seam.behind(QUERY, FIRST, begin=1_000)
    assert found
    return found


def test_records_that_people_move_may_break_some_seams_in_a_row_and_then_the_list_is_in_no_order(
    seam: Seam,
) -> None:
    check = SeamCheck(ListState(LEADS.live))
    for _ in range(MAX_MOVED):
        assert check.assess(seam, OUT_OF_PLACE) == "look again"
    with pytest.raises(OrderIgnored):
        check.assess(seam, OUT_OF_PLACE)


def test_for_each_seam_that_is_broken_one_has_to_fit_and_no_slice_vouches_for_another(seam: Seam) -> None:
    state = ListState(LEADS.live)
    check = SeamCheck(state)
    for _ in range(2):
        for _ in range(MAX_MOVED):
            assert check.assess(seam, OUT_OF_PLACE) == "look again"
        for _ in range(MAX_MOVED - 1):
            assert check.assess(seam, FITTING) == "look again"
        assert check.assess(seam, FITTING) == "in order"
    assert not state.order_seen


def test_one_seam_that_fits_by_chance_proves_no_list_of_which_most_are_broken(seam: Seam) -> None:
    check = SeamCheck(ListState(LEADS.live))
    seams = [OUT_OF_PLACE, OUT_OF_PLACE, OUT_OF_PLACE, OUT_OF_PLACE, FITTING] * 2 + [OUT_OF_PLACE] * 3
    assert {check.assess(seam, page) for page in seams} == {"look again"}
    with pytest.raises(OrderIgnored):
        check.assess(seam, OUT_OF_PLACE)


def test_records_that_people_move_may_empty_some_seams_in_a_row_and_then_the_second_page_is_missing(
    seam: Seam,
) -> None:
    check = SeamCheck(ListState(LEADS.live))
    for _ in range(MAX_MOVED):
        assert check.assess(seam, NOTHING) == "look again"
    with pytest.raises(PageMissing):
        check.assess(seam, NOTHING)


@pytest.mark.parametrize(
    ("first", "known", "within", "at_end"),
    [
        (FIRST, "", 98, 98),
        (FIRST, "slice", None, 98),
        (FIRST, "slice, small pages", 98, 98),
        (FIRST, "list", 98, None),
        (LATER, "slice", 98, 98),
        (LATER, "list", 98, 98),
        (CROWDED, "", 80, 80),
        (CROWDED, "list", None, None),
        (page(1_000, 1_009), "", None, None),
        (page(1_000, 1_009), "list", None, None),
    ],
)
def test_a_seam_is_requested_until_the_order_is_known_of_the_slice_or_at_its_end_of_the_list(
    seam: Seam, first: Page, known: str, within: int | None, at_end: int | None
) -> None:
    """`within` and `at_end` are the positions where the seam begins: behind a page of the slice, or of its end."""
    state = ListState(LEADS.live)
    check = SeamCheck(state)
    if "slice" in known:
        assert check.assess(seam, FITTING) == "in order"
        assert state.order_seen
    state.order_seen, state.is_capped = "list" in known, "small pages" in known
    found = [check.seam_behind(QUERY, first, begin=1_000), check.seam_behind_end(QUERY, first, begin=1_000)]
    assert [each and each.start for each in found] == [within, at_end]
    second = replace(QUERY, page=2)
    assert check.seam_behind(second, first, begin=1_000) is None
    assert check.seam_behind_end(second, first, begin=1_000) is None


def test_after_each_seam_that_is_broken_or_missed_the_next_one_begins_further_within_the_page(seam: Seam) -> None:
    check = SeamCheck(ListState(LEADS.live))
    starts: list[tuple[int, int]] = []
    for second in (FITTING, OUT_OF_PLACE, APART):
        assert check.assess(seam, second) == ("in order" if second is FITTING else "look again")
        ends = check.seam_behind(QUERY, LATER, begin=1_000), check.seam_behind_end(QUERY, LATER, begin=1_000)
        starts.append((ends[0].start, ends[1].start) if ends[0] and ends[1] else (0, 0))
    assert starts == [(98, 98), (89, 89), (60, 60)]


def test_pages_that_share_nothing_with_the_first_one_are_read_by_id_if_they_come_in_a_row(seam: Seam) -> None:
    check = SeamCheck(ListState(LEADS.live))
    verdicts = [
        check.assess(seam, second)
        for second in (*[APART] * CONFIRMATIONS, FITTING, *[APART] * (CONFIRMATIONS + 1))
    ]
    again = ["look again"] * CONFIRMATIONS
    assert verdicts == [*again, "in order", *again, "read by id"]
