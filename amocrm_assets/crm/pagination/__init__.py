"""Ways through a list that changes while it is read. Pure: pages in, leads out; no clock and no network.

`keyset` goes by `updated_at` and requests page 1 behind the last lead (`cursor`, `list_end`, `newest_deleted`);
`seam` and `seam_check` show that the list as a whole is sorted. `overlap` goes by page numbers, where there is no
other way, and proves by overlaps (`interval_set`, `gap_probe`, `far_end`, `second_page`, `order_check`) that
nothing fell between two pages. What can be asked, and what is odd about an answer, is in `query`; how large pages
may be in `page_size`. Which paginators read a window together is decided in `crm.read_planner`.
"""

from __future__ import annotations

from amocrm_assets.crm.pagination.keyset import DenseRange, KeysetPaginator
from amocrm_assets.crm.pagination.list_state import ListState
from amocrm_assets.crm.pagination.overlap import OverlappingPaginator
from amocrm_assets.crm.pagination.page_size import PAGE_LIMIT
from amocrm_assets.crm.pagination.query import (
    LEAD_DETAILS,
    EditsTooFrequent,
    EndUnproven,
    Oddity,
    OrderIgnored,
    Query,
    RecordList,
    TieExceedsPage,
    end_unproven,
    oddity_of,
    order_unproven,
    unplaceable,
    unproven,
)

__all__ = [
    "LEAD_DETAILS",
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
    "RecordList",
    "TieExceedsPage",
    "end_unproven",
    "oddity_of",
    "order_unproven",
    "unplaceable",
    "unproven",
]
