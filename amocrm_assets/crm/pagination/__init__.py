"""Ways through a list that changes while it is read. Pure: pages in, leads out; no clock and no network.

`keyset` goes by `updated_at` and always requests page 1. `overlap` goes by page numbers, where there is no other
way, and proves by overlapping pages (`interval_set`) that nothing fell between two of them. What can be requested,
and what a page must hold to be accepted, is in `query`. Which paginators read a window together is decided in
`crm.read_planner`.
"""

from __future__ import annotations

from amocrm_assets.crm.pagination.keyset import DenseRange, KeysetPaginator
from amocrm_assets.crm.pagination.overlap import OverlappingPaginator
from amocrm_assets.crm.pagination.query import (
    PAGE_LIMIT,
    DeletedIgnored,
    EditsTooFrequent,
    FilterIgnored,
    OrderIgnored,
    Query,
    RecordList,
    TieExceedsPage,
)

__all__ = [
    "PAGE_LIMIT",
    "DeletedIgnored",
    "DenseRange",
    "EditsTooFrequent",
    "FilterIgnored",
    "KeysetPaginator",
    "OrderIgnored",
    "OverlappingPaginator",
    "Query",
    "RecordList",
    "TieExceedsPage",
]
