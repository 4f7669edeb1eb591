"""What a walk may ask amoCRM, and what a page must hold to be believed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from amocrm_assets.crm.pages import RawRecord

RecordList = Literal["leads", "deleted"]
Order = Literal["updated_at asc", "updated_at desc", "id asc"]

# https://www.amocrm.ru/developers/content/crm_platform/leads-api; a larger limit silently gives 50.
PAGE_LIMIT = 250
# 204 instead of a later page has been seen in mid-window. An empty answer that contradicts what is known is asked
# again so often, and a first one where leads are the rule once.
CONFIRMATIONS = 2


@dataclass(frozen=True)
class Query:
    """One question to `/api/v4/leads`. Without `from_at` no filter is sent."""

    record_list: RecordList
    order: Order
    from_at: int | None = None
    to_at: int | None = None
    page: int = 1
    limit: int = PAGE_LIMIT

    def params(self) -> dict[str, str | int]:
        """The question as amoCRM wants it in the address."""
        key, direction = self.order.split()
        params: dict[str, str | int] = {"limit": self.limit, "page": self.page, f"order[{key}]": direction}
        if self.from_at is not None and self.to_at is not None:
            # Nobody documents whether `to` is included. The second behind it is asked for as well, and dropped.
            params |= {"filter[updated_at][from]": self.from_at, "filter[updated_at][to]": self.to_at + 1}
        if self.record_list == "deleted":
            params["with"] = "only_deleted"
        return params


@dataclass
class PageStats:
    """What a walk noticed beside the leads."""

    duplicates: int = 0
    moved_out: int = 0


class FilterIgnored(Exception):
    """The page holds a lead that the filter excludes, so the account does not filter."""


class DeletedIgnored(Exception):
    """Asked for deleted leads, amoCRM sent others: the account does not know `with=only_deleted`."""


class OrderIgnored(Exception):
    """The page is in another order than asked for."""


class TieExceedsPage(Exception):
    """More leads share one second than overlapping pages in the order of time can tell apart."""


class EditsTooFrequent(Exception):
    """Leads are being changed faster than overlapping pages can be made to meet; a walk by key does not mind."""


def validate_page(query: Query, leads: tuple[RawRecord, ...], keys: list[int]) -> None:
    """Hold a page to what was asked; `keys` must not fall along the list.

    Raises `DeletedIgnored`, `OrderIgnored`, `FilterIgnored`.
    """
    _check_listing(query, leads)
    _check_order(keys)
    _check_window(query, leads)


def _check_listing(query: Query, leads: tuple[RawRecord, ...]) -> None:
    if query.record_list == "deleted" and not all(lead.is_deleted for lead in leads):
        raise DeletedIgnored


def _check_order(keys: list[int]) -> None:
    if any(later < earlier for earlier, later in pairwise(keys)):
        raise OrderIgnored


def _check_window(query: Query, leads: tuple[RawRecord, ...]) -> None:
    from_at, to_at = query.from_at, query.to_at
    if from_at is None or to_at is None:
        return
    if any(not from_at <= lead.updated_at <= to_at + 1 for lead in leads):
        raise FilterIgnored
