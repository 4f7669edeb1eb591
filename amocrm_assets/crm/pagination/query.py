"""What a paginator may ask amoCRM, what is odd about a page that comes back, and what it leaves to another one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from amocrm_assets.crm.pagination.page_size import PAGE_LIMIT
from amocrm_assets.errors import ReadingUnproven

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amocrm_assets.crm.pagination.pages import Page
    from amocrm_assets.entities import RecordList

Order = Literal["updated_at asc", "updated_at desc", "id asc", "id desc"]
Oddity = Literal["kind_ignored", "kind_mixed", "order_ignored", "filter_ignored", "unusable"]

# 204 instead of a later page has been seen in mid-window. An empty answer that contradicts what is known is asked
# again so often, and any other empty answer once.
CONFIRMATIONS = 2
# No server has smaller pages, nor lists that stop before so many records.
MIN_PAGE = 10


@dataclass(frozen=True)
class Query:
    """One question to a list. `from_at` and `to_at` are sent as they are; without them no filter is.

    `details`: records come with what hangs on them.
    """

    record_list: RecordList
    order: Order
    from_at: int | None = None
    to_at: int | None = None
    page: int = 1
    limit: int = PAGE_LIMIT
    details: bool = False

    def params(self) -> dict[str, Any]:
        """The question as amoCRM wants it in the address."""
        key, direction = self.order.split()
        params: dict[str, Any] = {"limit": self.limit, "page": self.page, f"order[{key}]": direction}
        params |= self.record_list.type_filter
        if self.from_at is not None and self.to_at is not None:
            params |= {"filter[updated_at][from]": self.from_at, "filter[updated_at][to]": self.to_at}
        if self.record_list.only_deleted:
            params["with"] = "only_deleted"
        elif self.details and self.record_list.details:
            params["with"] = ",".join(self.record_list.details)
        return params

    def keys(self, page: Page) -> list[int]:
        """What the page's records are sorted by, in numbers that must not fall along the list."""
        key, direction = self.order.split()
        sign = -1 if direction == "desc" else 1
        return [sign * (record.id if key == "id" else record.updated_at) for record in page.records]


@dataclass
class PageStats:
    """What a paginator noticed beside the records."""

    duplicates: int = 0
    moved_out: int = 0


@dataclass(frozen=True)
class DenseRange:
    """Seconds that are to be read by id; of `known` records, with their seconds, some were given out already."""

    from_at: int
    to_at: int
    known: Mapping[int, int]


class OrderIgnored(Exception):
    """The list is in another order than asked for."""

    cause = "amoCRM sent records in another order than asked for"


class SecondPageMissing(OrderIgnored):
    """The first page says that more follows, and no second one comes: nothing shows in which order the list is."""

    cause = "the first page is full and amoCRM gives no second one, so nothing shows that the list is sorted"


class TieExceedsPage(Exception):
    """More records share one second than overlapping pages in the order of time can tell apart."""


class EditsTooFrequent(Exception):
    """Records change faster than overlapping pages can be made to meet; keyset pagination is not affected."""


class EndUnproven(Exception):
    """The list stops, and what it shows from its other end does not meet what was read."""


def oddity_of(query: Query, page: Page) -> Oddity | None:
    """What a page holds that was not asked for, the worst first; None for a sound page.

    Once is no proof of anything: one damaged or odd answer has all of these forms.
    """
    if query.record_list.only_deleted and not all(record.is_deleted for record in page.records):
        return "kind_mixed" if any(record.is_deleted for record in page.records) else "kind_ignored"
    if any(later < earlier for earlier, later in pairwise(query.keys(page))):
        return "order_ignored"
    from_at, to_at = query.from_at, query.to_at
    if from_at is None or to_at is None or all(from_at <= record.updated_at <= to_at for record in page.records):
        return "unusable" if page.unusable else None
    return "filter_ignored"


def unproven(query: Query, *, cause: str, fix: str) -> ReadingUnproven:
    """The error for a list of which nothing proves that it was read completely."""
    return ReadingUnproven(f"Reading {query.record_list.name} by {query.order}", cause=cause, fix=fix)


def order_unproven(query: Query, error: OrderIgnored) -> ReadingUnproven:
    """The error for a list that is not sorted, or not seen to be, and cannot be read in another way."""
    return unproven(
        query,
        cause=f"{error.cause}, and without an order nothing proves that a reading is complete.",
        fix="Report this account's behaviour. If it is only the trash, import_deleted: false leaves it out.",
    )


def unplaceable(query: Query) -> ReadingUnproven:
    """The error for a page that tells neither what it covers nor what follows it."""
    return unproven(
        query,
        cause="a whole page holds no record with a usable id and updated_at, so nothing tells what follows it.",
        fix="Edit and save these records in amoCRM, which gives them a time; or report this account's behaviour.",
    )


def end_unproven(query: Query, records: int) -> ReadingUnproven:
    """The error for a list that does not show all of its records from either end."""
    return unproven(
        query,
        cause=f"the list stops behind {records} records from the one end, and its pages from the other end do not "
        "meet them, so amoCRM does not show the records between.",
        fix="Report this account's behaviour. Importing or editing fewer records within one second avoids it.",
    )


def pages_apart(record_list: RecordList, times: int) -> ReadingUnproven:
    """The error for pages by number that do not meet, whatever is tried."""
    return ReadingUnproven(
        f"Reading {record_list.name} by page number",
        cause=f"its pages would not overlap, {times} times in a row: records are changed faster than they can"
        " be read, or pages are not parts of one list.",
        fix="Materialise the day again when fewer records are being changed.",
    )
