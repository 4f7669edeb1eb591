"""The queries of a paginator, what may be odd about their pages, and what it leaves to another paginator."""

from __future__ import annotations

from dataclasses import dataclass, field
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

# A query whose response contradicts what is known is repeated so often.
CONFIRMATIONS = 2
# No server has smaller pages, nor lists that stop at fewer records.
MIN_PAGE = 10


@dataclass(frozen=True)
class Query:
    """A query of a list. `from_at` and `to_at` are sent as they are; without them no filter is sent.

    `details`: records contain their embedded details. `max_empty`: the last of so many empty responses in a row is
    used, and none if it is None. `number` counts the queries of a reading in the order in which they are sent.
    """

    record_list: RecordList
    order: Order
    from_at: int | None = None
    to_at: int | None = None
    page: int = 1
    limit: int = PAGE_LIMIT
    details: bool = False
    max_empty: int | None = 1
    number: int = field(default=0, compare=False)

    def params(self) -> dict[str, Any]:
        """The query as parameters of the URL."""
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
        """What the page's records are sorted by, as numbers that must not decrease along the list."""
        key, direction = self.order.split()
        sign = -1 if direction == "desc" else 1
        return [sign * (record.id if key == "id" else record.updated_at) for record in page.records]


@dataclass
class PageStats:
    """What a paginator counted beside the records."""

    duplicates: int = 0
    moved_out: int = 0


@dataclass(frozen=True)
class DenseRange:
    """Seconds that are to be read by id; `known` records, with their seconds, may already have been returned."""

    from_at: int
    to_at: int
    known: Mapping[int, int]


class OrderIgnored(Exception):
    """The list is not in the requested order."""

    cause = "amoCRM sent records in another order than requested"


class PageMissing(OrderIgnored):
    """A page has a next one, and no page follows: nothing shows the order of the list."""

    cause = "a page is full and amoCRM returns no page after it, so nothing shows that the list is sorted"


class TieExceedsPage(Exception):
    """More records share one second than overlapping pages in the order of time can separate."""


class EditsTooFrequent(Exception):
    """Records change faster than overlapping pages can be made to meet; keyset pagination is not affected."""


class EndUnproven(Exception):
    """The list stops, and its pages from the other end do not meet what was read."""


def newest_of(record_list: RecordList) -> Query:
    """The query for the newest record, which finds one unless the list has none."""
    return Query(record_list, "id desc" if record_list.kind == "by_id" else "updated_at desc", limit=1)


def oddity_of(query: Query, page: Page) -> Oddity | None:
    """What is odd about a page, the worst first; None for a normal page.

    Once proves nothing: one damaged response may look like each of them.
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
    """The error for a list if nothing proves that it was read completely."""
    return ReadingUnproven(f"Reading {query.record_list.name} by {query.order}", cause=cause, fix=fix)


def order_unproven(query: Query, error: OrderIgnored) -> ReadingUnproven:
    """The error for a list that is not provably sorted, and cannot be read in another way."""
    return unproven(
        query,
        cause=f"{error.cause}, and without an order nothing proves that a reading is complete.",
        fix="Report this account's behaviour. If it is only the trash, import_deleted: false leaves it out.",
    )


def unplaceable(query: Query) -> ReadingUnproven:
    """The error for a page that shows neither what it covers nor what follows it."""
    return unproven(
        query,
        cause="a whole page has no usable id and updated_at, so its position in the list is unknown.",
        fix="Edit and save these records in amoCRM, which gives them a time; or report this account's behaviour.",
    )


def end_unproven(query: Query, records: int) -> ReadingUnproven:
    """The error for a list that does not return all of its records from either end."""
    return unproven(
        query,
        cause=f"the list ends after {records} records, and its pages in the opposite order do not overlap them, so"
        " amoCRM does not return the records between them.",
        fix="Report this account's behaviour. Importing or editing fewer records within one second avoids it.",
    )


def pages_apart(record_list: RecordList, times: int) -> ReadingUnproven:
    """The error for pages by number that do not meet, after all attempts."""
    return ReadingUnproven(
        f"Reading {record_list.name} by page number",
        cause=f"its pages would not overlap, {times} times in a row: records are changed faster than they can"
        " be read, or pages are not parts of one list.",
        fix="Materialise the day again when fewer records are being changed.",
    )
