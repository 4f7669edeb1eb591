"""What follows from seams, one after another, of one slice."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.pages import NOTHING, Page, RawRecord
from amocrm_assets.crm.pagination import ListState, OrderIgnored, Query
from amocrm_assets.crm.pagination.query import CONFIRMATIONS, SecondPageMissing
from amocrm_assets.crm.pagination.seam import Seam
from amocrm_assets.crm.pagination.seam_check import MAX_BROKEN, SeamCheck


def page(first: int, last: int) -> Page:
    leads = (RawRecord(at, at, is_deleted=False, line=b"") for at in range(first, last))
    return Page(tuple(leads), has_next=True)


FIRST, FITTING, OUT_OF_PLACE = page(1_000, 1_100), page(1_098, 1_196), page(1_040, 1_138)


@pytest.fixture
def seam() -> Seam:
    found = Seam.behind(Query("leads", "updated_at asc", 999, 2_000), FIRST, begin=1_000)
    assert found
    return found


def test_records_that_people_move_may_break_some_seams_in_a_row_and_then_the_list_is_in_no_order(
    seam: Seam,
) -> None:
    check = SeamCheck(ListState("leads"))
    for _ in range(MAX_BROKEN):
        assert check.judge(seam, OUT_OF_PLACE) == "look again"
    with pytest.raises(OrderIgnored):
        check.judge(seam, OUT_OF_PLACE)


def test_a_seam_in_order_forgets_those_in_vain_and_vouches_for_no_other_slice(seam: Seam) -> None:
    state = ListState("leads")
    check = SeamCheck(state)
    for _ in range(2):
        for _ in range(MAX_BROKEN):
            assert check.judge(seam, OUT_OF_PLACE) == "look again"
        assert check.judge(seam, FITTING) == "in order"
    assert not state.order_seen


def test_a_second_page_that_stays_empty_is_missing_sooner(seam: Seam) -> None:
    check = SeamCheck(ListState("leads"))
    for _ in range(CONFIRMATIONS):
        assert check.judge(seam, NOTHING) == "look again"
    with pytest.raises(SecondPageMissing):
        check.judge(seam, NOTHING)
