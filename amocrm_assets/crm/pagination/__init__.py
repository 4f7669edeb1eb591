"""Pagination of lists that change while they are read, and the proof that no record was missed.

`window_reader` reads a window: it sends the queries of `read_planner` and yields the records of the responses
(`readers` selects the reader; `prefetch`, `failed_pages` and `read_stats` are its parts). All decisions are
pure functions, from pages to records, without a clock or a network. `paginator_set` has the paginators of one
reading, `slicing` cuts the window so that several can work on it, `empty_pages` decides which empty responses
are believed (`emptiness`: what proves that they are right), `odd_pages` which odd ones, and `progress_guard`
ends a reading without progress. `lists` and `whole_lists` read small lists that need no such proof.

`keyset` paginates by `updated_at` and always requests page 1 after the last record (`cursor`, `list_end`,
`end_count`); `unreturned` are records that were received by another slice than their own, and `seam` and
`seam_check` verify that the list as a whole is sorted. `overlap` paginates by page number, where nothing else
is possible, and proves by overlapping pages (`interval_set`, `gap_probe`, `far_end`, `page_behind`,
`order_check`) that no record is between two pages. Queries, and what may be odd about a response, are in
`query`; the size of pages in `page_size`.

`appended` reads lists whose records never change, such as events, in slices of time (`appended_slice`,
`appended_state`, `appended_pages`; `appended_reader` is the reader).
"""

from __future__ import annotations

from amocrm_assets.crm.pagination.keyset import KeysetPaginator
from amocrm_assets.crm.pagination.list_state import ListState
from amocrm_assets.crm.pagination.overlap import OverlappingPaginator
from amocrm_assets.crm.pagination.page_size import PAGE_LIMIT
from amocrm_assets.crm.pagination.query import (
    DenseRange,
    EditsTooFrequent,
    EndUnproven,
    Oddity,
    OrderIgnored,
    Query,
    TieExceedsPage,
    end_unproven,
    oddity_of,
    order_unproven,
    unplaceable,
    unproven,
)

__all__ = [
    "PAGE_LIMIT",
    "DenseRange",
    "EditsTooFrequent",
    "EndUnproven",
    "KeysetPaginator",
    "ListState",
    "Oddity",
    "OrderIgnored",
    "OverlappingPaginator",
    "Query",
    "TieExceedsPage",
    "end_unproven",
    "oddity_of",
    "order_unproven",
    "unplaceable",
    "unproven",
]
