"""Where a slice of a window is cut in two, so that several are read at a time. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination import KeysetPaginator

if TYPE_CHECKING:
    from collections.abc import Sequence

# What remains before a cut should fill whole pages: a page that lacks its end costs another request.
# Pages of randomly distributed records differ by 6 % (the square root of 250 records).
SLACK_OF_A_PAGE = 0.1
# Before the first page nothing is known about a slice; cutting it blindly is worth a request only if it is long.
BLIND_CUT_SECONDS = 3600
MAX_BLIND_SPLITS = 12


class Slicer:
    """Cuts the slice with most left to read, if a further slice is worth a request.

    `ends_at` is the window's last second. The slice that ends there takes one request more: the end of a list is
    requested again, after the page that seems to be the last one.
    """

    def __init__(self, ends_at: int) -> None:
        self._ends_at = ends_at
        self._blind_cuts = 0

    def split(self, slices: Sequence[KeysetPaginator]) -> KeysetPaginator | None:
        """The rest of a slice that was cut; None if none should be."""
        known = [each for each in slices if pages_left(each) > 0]
        if known:
            longest = max(known, key=self._requests_left)
            return _split_by_density(longest, kept=1 + int(self._requests_left(longest)) // 2)
        blind = [each for each in slices if each.records_per_second is None and _width(each) >= BLIND_CUT_SECONDS]
        if not blind or self._blind_cuts >= MAX_BLIND_SPLITS:
            return None
        self._blind_cuts += 1
        widest = max(blind, key=lambda each: (not each.state.record_list.only_deleted, _width(each)))
        return widest.split(widest.cursor + (_width(widest) + 1) // 2)

    def _requests_left(self, slice_: KeysetPaginator) -> float:
        return pages_left(slice_) + (slice_.to_at == self._ends_at)


def pages_left(slice_: KeysetPaginator) -> float:
    """How many pages are likely to follow the one in flight."""
    if slice_.records_per_second is None or slice_.cursor == slice_.to_at:
        return -1.0
    return slice_.records_per_second * (_width(slice_) + 1) / slice_.state.page_size.limit - 1


def _split_by_density(slice_: KeysetPaginator, *, kept: int) -> KeysetPaginator:
    # Whole pages are kept, the one in flight and half of those after it: a page that ends at the cut is full.
    records = slice_.state.page_size.limit * (kept - SLACK_OF_A_PAGE * kept**0.5)
    start_at = slice_.cursor + max(1, int(records / (slice_.records_per_second or 1)))
    return slice_.split(min(start_at, slice_.to_at))


def _width(slice_: KeysetPaginator) -> int:
    return slice_.to_at - slice_.cursor
