"""Two pages that fit to each other, and what shows that they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.pagination import Query
from amocrm_assets.crm.pagination.pages import NOTHING, Page, RawRecord
from amocrm_assets.crm.pagination.seam import Seam, ends_apart
from amocrm_assets.entities import LEADS

if TYPE_CHECKING:
    from collections.abc import Iterable

QUERY = Query(LEADS.live, "updated_at asc", 999, 2_000)


def page(seconds: Iterable[int], *, first_id: int = 0) -> Page:
    leads = (
        RawRecord(number, at, is_deleted=False, line=b"") for number, at in enumerate(seconds, start=first_id)
    )
    return Page(tuple(leads), has_next=True)


FIRST = page(range(1_000, 1_100))


def seam(tries: int = 0) -> Seam:
    found = Seam.behind(QUERY, FIRST, begin=1_000, tries=tries)
    assert found
    return found


def test_the_second_page_begins_with_the_last_lead_but_one() -> None:
    assert (seam().query(2_000).page, seam().query(2_000).limit) == (2, 98)
    second = page(range(1_098, 1_196), first_id=98)
    assert not seam().is_broken_by(second)
    assert not seam().is_missed_by(second)


@pytest.mark.parametrize("tries", [0, 1, 2, 3])
def test_after_each_try_in_vain_more_leads_may_leave(tries: int) -> None:
    start = seam(tries).start
    assert start == (98, 89, 60, 60)[tries]
    assert 2 * start > FIRST.size  # or the second page would not reach behind the first one


def test_one_lead_out_of_place_breaks_a_seam() -> None:
    for stray in (1_050, 1_098):
        second = page([*range(1_098, 1_195)], first_id=98)
        strays = page([stray], first_id=5_000)
        assert seam().is_broken_by(Page((*strays.records, *second.records), has_next=True)), stray


def test_a_second_page_that_shows_nothing_of_the_first_proves_nothing() -> None:
    assert seam().is_missed_by(page(range(1_100, 1_190), first_id=100))
    assert seam().is_missed_by(NOTHING)


def test_leads_of_a_crowded_second_come_in_any_order() -> None:
    crowded = Seam.behind(QUERY, page([1_000] * 10 + [1_001] * 90), begin=1_000)
    assert crowded
    assert crowded.is_crowded
    assert not crowded.is_missed_by(page([1_001] * 80, first_id=500))


def test_fewer_than_ten_leads_are_the_whole_list() -> None:
    assert Seam.behind(QUERY, page(range(1_000, 1_009)), begin=1_000) is None
    assert Seam.behind(QUERY, page(range(1_000, 1_010)), begin=1_000)


def test_last_records_far_behind_the_others_are_noticed() -> None:
    assert ends_apart(page([*range(1_000, 1_099), 1_590]))
    assert not ends_apart(FIRST)
    assert not ends_apart(page([1_000, 1_900]))


def test_a_lead_of_the_first_page_that_the_second_one_leaves_out_breaks_a_seam() -> None:
    """A list in no order that stops at some depth shows any of its first leads again, and no others."""
    known = tuple(record for record in FIRST.records[89:] if record.updated_at != 1_095)

    assert seam(1).is_broken_by(Page(known, has_next=True))
    assert seam(1).is_broken_by(Page(FIRST.records[89:98], has_next=False))
    assert not seam(1).is_broken_by(Page(FIRST.records[89:98], has_next=True))
