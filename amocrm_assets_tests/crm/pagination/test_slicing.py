"""Where slices are cut: tests of `crm.pagination.slicing`."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.pagination import KeysetPaginator, ListState
from amocrm_assets.crm.pagination.slicing import Slicer, pages_left
from amocrm_assets.crm.pagination.traits import UNKNOWN
from amocrm_assets.entities import LEADS

LIST = LEADS.lists(with_deleted=False)[0]
DAY = 86_400


def slice_of(from_at: int, to_at: int, *, pages: float | None) -> KeysetPaginator:
    """A slice with one page in flight and so many after it; None if its density is unknown."""
    state = ListState(LIST, UNKNOWN)
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


def test_a_slice_of_unknown_density_is_halved_if_it_is_long() -> None:
    slicer = Slicer(ends_at=DAY)
    unknown = slice_of(0, 2 * 3600, pages=None)
    rest = slicer.split([unknown])
    assert rest
    assert (unknown.to_at, rest.cursor, rest.to_at) == (3_599, 3_600, 7_200)
    assert slicer.split([slice_of(0, 3_599, pages=None)]) is None


def test_blind_cuts_are_few() -> None:
    slicer, slices = Slicer(ends_at=10_000 * 3600), [slice_of(0, 10_000 * 3600, pages=None)]
    while rest := slicer.split(slices):
        slices.append(rest)
    assert len(slices) == 13
