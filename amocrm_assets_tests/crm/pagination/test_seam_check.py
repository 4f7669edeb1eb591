"""What follows from seams, one after another, of one slice."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.pagination import ListState, OrderIgnored, Query
from amocrm_assets.crm.pagination.pages import NOTHING, Page, RawRecord
from amocrm_assets.crm.pagination.query import PageMissing
from amocrm_assets.crm.pagination.seam import Seam
from amocrm_assets.crm.pagination.seam_check import MAX_MOVED, SeamCheck
from amocrm_assets.entities import LEADS


def page(first: int, last: int) -> Page:
    leads = (RawRecord(at, at, is_deleted=False, line=b"") for at in range(first, last))
    return Page(tuple(leads), has_next=True)


FIRST, FITTING, OUT_OF_PLACE = page(1_000, 1_100), page(1_098, 1_196), page(1_040, 1_138)


@pytest.fixture
def seam() -> Seam:
    found = Seam.behind(Query(LEADS.live, "updated_at asc", 999, 2_000), FIRST, begin=1_000)
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
