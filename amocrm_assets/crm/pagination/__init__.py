"""Ways through a list that changes while it is read, and the proof that nothing was missed.

`window_reader` reads a window: it sends what `read_planner` asks for and gives the records as they come (`readers`
is the door to it; `prefetch`, `failed_pages` and `read_stats` serve it). All that decides is pure, pages in and
records out, without a clock or a network. `paginator_set` holds the paginators of one reading, `slicing` cuts the
window for several at a time, `odd_pages` says which odd answers are believed, `progress_guard` ends a reading that
gets nowhere. `lists` and `whole_lists` read small lists that need no such proof.

`keyset` goes by `updated_at` and requests page 1 behind the last record (`cursor`, `list_end`, `newest_deleted`);
`seam` and `seam_check` show that the list as a whole is sorted. `overlap` goes by page numbers, where there is no
other way, and proves by overlaps (`interval_set`, `gap_probe`, `far_end`, `page_behind`, `order_check`) that
nothing fell between two pages. What can be asked, and what is odd about an answer, is in `query`; how large pages
may be in `page_size`.

`appended` goes by slices of time through lists whose records never change, such as events (`appended_slice`,
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
