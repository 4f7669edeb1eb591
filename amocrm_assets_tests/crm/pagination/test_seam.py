"""Two pages that fit to each other, and what shows that they do not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.pagination import Query
from amocrm_assets.crm.pagination.pages import NOTHING, Page, RawRecord, Unusable
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


def test_the_query_reaches_as_far_as_the_first_one_and_as_it_is_asked_to() -> None:
    assert [seam().query(to_at).to_at for to_at in (1_500, 2_000, 2_500)] == [2_000, 2_000, 2_500]
    endless = Seam.behind(replace(QUERY, to_at=None), FIRST, begin=1_000)
    assert endless
    assert endless.query(1_500).to_at == 1_500


def test_a_page_with_a_record_that_has_no_place_has_no_seam() -> None:
    odd = (Unusable(7, b""),)
    assert Seam.behind(QUERY, replace(FIRST, unusable=odd), begin=1_000) is None
    assert Seam.behind(QUERY, Page((), has_next=True, unusable=odd * 20), begin=1_000) is None


def test_how_far_before_the_last_second_a_seam_begins() -> None:
    long, crowded = page(range(1_000, 1_250)), page([1_000] * 10 + [1_001] * 90)
    starts = [
        [found.start for tries in range(3) if (found := Seam.behind(QUERY, first, begin=1_000, tries=tries))]
        for first in (long, crowded)
    ]
    assert starts == [[248, 239, 199], [80, 60, 60]]
    assert Seam.behind(QUERY, long, begin=1_000) == Seam.behind(QUERY, long, begin=1_000, tries=0)


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


@pytest.mark.parametrize(
    ("left_out", "more", "broken"),
    [
        ((), True, False),
        ((90, 99), True, False),  # of the first and last second of the page: before and behind it
        ((91, 92), True, True),
        ((97, 98), True, True),
        ((99,), False, True),
    ],
)
def test_what_the_second_page_leaves_out_between_its_ends_breaks_a_seam(
    left_out: tuple[int, ...],
    more: bool,  # noqa: FBT001
    broken: bool,  # noqa: FBT001
) -> None:
    twice = page([1_000 + number // 2 for number in range(100)])
    found = Seam.behind(QUERY, twice, begin=1_000, tries=1)
    assert found
    shown = tuple(record for record in twice.records[90:] if record.id not in left_out)
    assert found.is_broken_by(Page(shown, has_next=more)) is broken


def test_a_new_record_of_the_last_second_is_no_stray_and_an_empty_page_breaks_nothing() -> None:
    second = page([1_098, 1_099], first_id=98)
    new = page([1_099, 1_100], first_id=5_000)
    assert seam().strays(Page((*second.records, *new.records), has_next=True)) == []
    assert not seam().is_broken_by(NOTHING)


def test_a_page_closes_a_second_that_it_begins_before_and_ends_behind() -> None:
    second = page([1_000, 1_001, 1_002, 1_003])
    assert [seam().is_closed_by(second, at) for at in range(999, 1_005)] == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]
    assert not seam().is_closed_by(NOTHING, 1_001)


def last_part(seconds: int, *, count: int = 100, part: int = 6, of: int = 300) -> Page:
    """Records of which the last part takes so many seconds; the others begin with a third of the rest."""
    early = [1_000, *[1_000 + (of - seconds) // 3] * (count - part - 1), 1_000 + of - seconds]
    return page([*early, *[1_000 + of - 1] * (part - 2), 1_000 + of])


@pytest.mark.parametrize(
    ("found", "apart"),
    [
        (last_part(101), True),
        (last_part(100), False),
        (last_part(99), False),
        (last_part(101, part=7), False),
        (last_part(101, count=96, part=5), True),
        (last_part(101, count=96, part=6), False),
        (page([*range(1_000, 1_009), 1_590]), True),
        (page([*range(1_000, 1_008), 1_590]), False),
    ],
)
def test_the_last_part_of_a_page_is_apart_if_it_takes_more_than_a_third_of_its_time(
    found: Page,
    apart: bool,  # noqa: FBT001
) -> None:
    assert ends_apart(found) is apart


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
