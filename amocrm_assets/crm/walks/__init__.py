"""Ways through a list that changes while it is read. Pure: pages in, leads out; no clock and no network.

`by_key` goes by `updated_at` and asks for page 1 always. `by_page` goes by page numbers, where there is no other
way, and proves by overlapping pages (`cover`) that nothing fell between two of them. What a walk may ask, and what
a page must hold to be believed, is in `asking`. What walks together read a window is decided in `crm.plan`.
"""

from __future__ import annotations

from amocrm_assets.crm.walks.asking import (
    PAGE_LIMIT,
    Ask,
    DeletedIgnored,
    FilterIgnored,
    Listing,
    OrderIgnored,
    TieTooLarge,
    TooRestless,
)
from amocrm_assets.crm.walks.by_key import Dense, KeyWalk
from amocrm_assets.crm.walks.by_page import CoverWalk

__all__ = [
    "PAGE_LIMIT",
    "Ask",
    "CoverWalk",
    "DeletedIgnored",
    "Dense",
    "FilterIgnored",
    "KeyWalk",
    "Listing",
    "OrderIgnored",
    "TieTooLarge",
    "TooRestless",
]
