"""Gaps between pages by number: records that have left the list are told from those that were not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.pagination import TieExceedsPage
from amocrm_assets.crm.pagination.pages import RawRecord
from amocrm_assets_tests.crm.pagination.test_overlap import WINDOW, listed, paginator, read, response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.pagination import OverlappingPaginator


def in_seconds(*counts: tuple[int, int]) -> list[RawRecord]:
    """So many records in each second, as (second, count), newest first."""
    times = [at for at, count in counts for _ in range(count)]
    return [RawRecord(-number, at, is_deleted=False, line=b"") for number, at in enumerate(times)]


def respond(reading: OverlappingPaginator, records: Sequence[RawRecord], *, cap: int = 250) -> tuple[int, int]:
    """Number and limit of the next page, which is answered from this list."""
    query = reading.next_query() or pytest.fail("no query")
    reading.add_page(query, response(records, query, cap=cap))
    return query.page, query.limit


@pytest.mark.parametrize(
    ("deleted", "probes"),
    [
        # Two pages share one record, so a gap of one id is behind two that are deleted.
        (1, []),
        (2, [(2, 42)]),
        (30, [(2, 42), (1, 50)]),
        (110, [(2, 42), (1, 50)]),
    ],
)
def test_records_behind_others_that_were_deleted_after_the_first_page_are_read(
    deleted: int, probes: list[tuple[int, int]]
) -> None:
    reading, records = paginator("id asc"), listed(200)
    sent = [respond(reading, records)]
    while not reading.done:
        sent.append(respond(reading, records[deleted:]))
    assert {each.id for each in records[deleted:]} <= reading.returned.keys()
    assert [each for each in sent if each in {(2, 42), (1, 50)}][1:] == probes


def test_a_gap_in_a_list_that_has_become_short_is_searched_for_from_its_beginning() -> None:
    reading, records = paginator("id asc"), listed(120)
    respond(reading, records)
    assert respond(reading, records[30:]) == (2, 49)
    # Where the gap was there is no page any more: twice nothing, then the first page.
    assert [respond(reading, records[-10:]) for _ in range(3)] == [(2, 42), (2, 42), (1, 50)]
    while not reading.done:
        respond(reading, records[-10:])


def test_a_page_of_three_seconds_is_no_tie() -> None:
    spread = [(1_500 - number, 1) for number in range(45)]
    records = in_seconds(*spread, (1_402, 15), (1_401, 20), (1_400, 20), (1_399, 1))
    reading = paginator()
    while not reading.done:
        respond(reading, records)
    assert reading.returned == {each.id: each.updated_at for each in records}


def test_a_last_second_that_two_pages_share_is_read_from_the_other_end() -> None:
    records = in_seconds(*((1_500 - number, 1) for number in range(45)), (1_400, 5), (1_399, 3))
    reading = paginator()
    assert [respond(reading, records) for _ in range(3)] == [(1, 50), (2, 45), (1, 25)]
    assert reading.open_interval


@pytest.mark.parametrize(
    "counts",
    [
        [(WINDOW.to_at + 1, 70), (WINDOW.to_at, 70)],
        [*((1_500 - number, 1) for number in range(30)), (WINDOW.from_at, 30), (WINDOW.from_at - 1, 70)],
    ],
    ids=["newer", "older"],
)
def test_a_tie_in_the_first_or_last_second_is_noticed_on_a_page_with_the_second_beside_it(
    counts: list[tuple[int, int]],
) -> None:
    reading, records = paginator(filtered=False), in_seconds(*counts)
    assert respond(reading, records) == (1, 50)
    with pytest.raises(TieExceedsPage):
        respond(reading, records)


def test_nothing_is_requested_behind_a_page_that_reaches_over_the_end_of_the_window() -> None:
    reading = paginator(filtered=False)
    records = in_seconds(*((1_110 - number, 1) for number in range(500)))
    respond(reading, records)
    before, last = reading.next_query(), reading.next_query()
    assert before
    assert last
    reading.add_page(last, response(records, last))
    assert reading.next_query() is None
    reading.add_page(before, response(records, before))
    assert reading.next_query()


def test_of_a_long_range_one_page_more_is_requested_for_each_response() -> None:
    reading = paginator("id asc", likely=300)
    assert respond(reading, listed(300)) == (1, 50)
    assert reading.next_query()
    assert reading.next_query()
    assert reading.next_query() is None


def test_a_list_whose_pages_turn_out_to_be_small_is_read_from_its_beginning() -> None:
    """The page numbers of larger ones counted in these."""
    reading, records = paginator(), listed(900)
    for _ in range(6):
        respond(reading, records, cap=50)
    reading.state.page_size.limit = 250
    assert respond(reading, records, cap=50)[0] == 2
    assert respond(reading, records, cap=50) == (1, 50)


@pytest.mark.parametrize("likely", [0, 1, 50, 149])
def test_a_range_with_more_records_than_expected_is_read(likely: int) -> None:
    assert read(paginator("id asc", likely=likely), listed(150))
