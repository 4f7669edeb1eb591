"""Where slices are cut: tests of `crm.pagination.slicing`."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.pagination import KeysetPaginator, ListState
from amocrm_assets.crm.pagination.slicing import Slicer, pages_left
from amocrm_assets.crm.pagination.traits import UNKNOWN
from amocrm_assets.entities import LEADS, RecordList

LIVE, DELETED = LEADS.lists(with_deleted=True)
DAY = 86_400


def slice_of(from_at: int, to_at: int, *, pages: float | None, record_list: RecordList = LIVE) -> KeysetPaginator:
    """A slice with one page in flight and so many after it; None if its density is unknown."""
    state = ListState(record_list, UNKNOWN)
    density = None if pages is None else (pages + 1) * state.page_size.limit / (to_at - from_at + 1)
    return KeysetPaginator(state, from_at, to_at, records_per_second=density)


def test_the_slice_with_most_left_is_cut_behind_whole_pages() -> None:
    short, long = slice_of(0, 999, pages=3.0), slice_of(1_000, 8_999, pages=7.0)
    rest = Slicer(ends_at=DAY).split([short, long])
    assert rest
    # The page in flight and three more are kept, less a tenth of a page times the root of four.
    assert (long.to_at, rest.cursor, rest.to_at) == (4_799, 4_800, 8_999)
    assert pages_left(long) == pytest.approx(2.8)


def test_the_last_slice_has_one_request_more_left() -> None:
    longer, last = slice_of(0, 999, pages=4.5), slice_of(1_000, 1_999, pages=4.0)
    rest = Slicer(ends_at=1_999).split([longer, last])
    assert rest
    assert rest.to_at == 1_999
    assert longer.to_at == 999


def test_of_the_last_slice_one_page_more_is_kept() -> None:
    other, last = slice_of(0, 7_999, pages=7.0), slice_of(0, 7_999, pages=7.0)
    Slicer(ends_at=DAY).split([other])
    Slicer(ends_at=7_999).split([last])
    assert pages_left(last) - pages_left(other) == pytest.approx(0.976, abs=0.01)


def test_a_slice_whose_last_page_is_in_flight_is_not_cut() -> None:
    assert Slicer(ends_at=DAY).split([slice_of(0, 999, pages=0.0), slice_of(1_000, 1_999, pages=-0.5)]) is None


def test_less_than_a_page_after_the_one_in_flight_is_requested_beside_it() -> None:
    slice_ = slice_of(0, 999, pages=0.5)
    rest = Slicer(ends_at=DAY).split([slice_])
    assert rest
    assert (slice_.to_at, rest.cursor) == (599, 600)


def test_a_dense_slice_keeps_the_second_in_flight() -> None:
    slice_ = slice_of(0, 2, pages=1.76)
    rest = Slicer(ends_at=DAY).split([slice_])
    assert rest
    assert (slice_.to_at, rest.cursor) == (0, 1)


def test_a_list_of_live_records_is_halved_before_a_longer_one_of_deleted_ones() -> None:
    deleted = slice_of(0, 9 * 3600, pages=None, record_list=DELETED)
    live = slice_of(0, 3600, pages=None)
    slicer = Slicer(ends_at=DAY)
    assert slicer.split([deleted, live])
    assert (live.to_at, deleted.to_at) == (1_799, 9 * 3600)
    assert slicer.split([deleted, live])
    assert deleted.to_at == 16_199


def test_a_slice_of_unknown_density_is_halved_if_it_is_long() -> None:
    slicer = Slicer(ends_at=DAY)
    unknown = slice_of(0, 2 * 3600 + 1, pages=None)
    rest = slicer.split([unknown])
    assert rest
    assert (unknown.to_at, rest.cursor, rest.to_at) == (3_600, 3_601, 7_201)
    assert slicer.split([slice_of(0, 3_599, pages=None)]) is None


def test_blind_cuts_are_few() -> None:
    slicer, slices = Slicer(ends_at=10_000 * 3600), [slice_of(0, 10_000 * 3600, pages=None)]
    while rest := slicer.split(slices):
        slices.append(rest)
    assert len(slices) == 13
