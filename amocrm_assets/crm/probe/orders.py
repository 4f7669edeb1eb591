"""Questions about the order of lists: over pages, among leads of one second, and by id with a filter."""

from __future__ import annotations

from itertools import groupby, pairwise
from math import factorial, prod
from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination import Query
from amocrm_assets.crm.pagination.pages import MAX_ID
from amocrm_assets.crm.probe.asking import LIVE
from amocrm_assets.crm.probe.samples import NEWEST, OLDEST
from amocrm_assets.crm.probe.verdict import NotSettled, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.pagination.pages import Page, RawRecord
    from amocrm_assets.crm.pagination.query import Order
    from amocrm_assets.crm.probe.samples import Samples
    from amocrm_assets.entities import RecordList

# A result that chance explains at most once in this many accounts is settled.
MIN_ODDS = 1000
READS_OF_TIES = 3
_FOLLOWS = {
    "honoured": "The list is read by `updated_at`.",
    "ignored": "Nothing proves that a reading is complete, so it fails.",
    "within pages": "Pages do not fit to each other, so a reading fails.",
}


def order(samples: Samples, record_list: RecordList) -> Verdict:
    """Whether `order[updated_at]` sorts a list, within its pages and from one page to the next."""
    newest = samples.some(record_list)
    if len({lead.updated_at for lead in newest.records}) == 1:
        raise NotSettled("all records that came share one second")
    asked: list[tuple[Order, int, int]] = [(NEWEST, 1, samples.limit), (OLDEST, 1, samples.limit)]
    pages = [_asked(samples, record_list, *each) for each in asked]
    unsorted = [each for each, (query, page) in zip(asked, pages, strict=True) if not is_sorted(query, page)]
    if any(_is_unsorted_again(samples, record_list, *each) for each in unsorted):
        return Verdict("ignored", "pages that are not sorted, twice", _FOLLOWS["ignored"])
    size = samples.limit
    if not samples.goes_on(Query(record_list, NEWEST, limit=size)):
        size = -(-newest.size // 2)  # all records are on one page: compare its halves
    if not any(_pages_fit(samples, record_list, size, again=again) for again in (False, True)):
        return Verdict(
            "within pages", "a second page that begins before the first one ends, twice", _FOLLOWS["within pages"]
        )
    return Verdict("honoured", "pages that are sorted both ways and fit to each other", _FOLLOWS["honoured"])


def _pages_fit(samples: Samples, record_list: RecordList, size: int, *, again: bool) -> bool:
    first, second = (Query(record_list, NEWEST, page=number, limit=size) for number in (1, 2))
    before = samples.asker.leads(first, again=again).page
    return fit(first, before, samples.asker.leads(second, again=again).page)


def _asked(samples: Samples, record_list: RecordList, by: Order, number: int, limit: int) -> tuple[Query, Page]:
    return Query(record_list, by), samples.page(record_list, by, number=number, limit=limit)


def _is_unsorted_again(samples: Samples, record_list: RecordList, by: Order, number: int, limit: int) -> bool:
    query = Query(record_list, by, page=number, limit=limit)
    return not is_sorted(query, samples.asker.leads(query, again=True).page)


def is_sorted(query: Query, page: Page) -> bool:
    """Whether a page's keys never decrease. Pure."""
    return all(earlier <= later for earlier, later in pairwise(query.keys(page)))


def fit(query: Query, first: Page, second: Page) -> bool:
    """Whether a page continues where the previous one ends. Pure.

    Leads that are edited in the meantime move to the front, and others from the first page to the second.
    """
    keys, known = query.keys(first), {lead.id for lead in first.records}
    return not keys or not any(
        keys[0] <= key < keys[-1] and lead.id not in known
        for key, lead in zip(query.keys(second), second.records, strict=True)
    )


def order_by_id_beside_filter(samples: Samples) -> Verdict:
    """Whether `order[id]` sorts a list that is filtered by time."""
    samples.require_filters(LIVE)
    seconds = [lead.updated_at for lead in samples.some(LIVE).records]
    window = min(seconds) - 1, max(seconds) + 1
    orders: tuple[Order, ...] = ("id asc", "id desc")
    asked = [Query(LIVE, by, *window, limit=samples.limit) for by in orders]
    return order_by_id_verdict([(query, samples.asker.leads(query).page) for query in asked])


def order_by_id_verdict(pages: Sequence[tuple[Query, Page]]) -> Verdict:
    """The verdict, from a page for each direction. Pure."""
    if all(_is_sorted_by_time(query, page) and is_sorted(query, page) for query, page in pages):
        raise NotSettled("the leads have the same order by id and by time")
    if all(is_sorted(query, page) for query, page in pages):
        return Verdict(
            value=True,
            observed="sorted by id, both ways",
            conclusion="Seconds with more records than a page are read by id.",
        )
    return Verdict(
        value=False,
        observed="not sorted by id",
        conclusion="Seconds with more records than a page are read without a filter, with the whole account.",
    )


def _is_sorted_by_time(query: Query, page: Page) -> bool:
    by_time = Query(LIVE, "updated_at asc" if query.order.endswith("asc") else "updated_at desc")
    return is_sorted(by_time, page)


def ties(samples: Samples, by: Order) -> Verdict:
    """The order of leads of one second, from the same query sent several times."""
    query = _question_with_ties(samples, by)
    reads = [
        samples.asker.leads(query, again=again).page.records for again in (False, *[True] * (READS_OF_TIES - 1))
    ]
    return ties_verdict(reads)


def _question_with_ties(samples: Samples, by: Order) -> Query:
    """The query of the page that shows most; between its own seconds if there are filters."""
    pages = [samples.page(LIVE, each) for each in (NEWEST, OLDEST)]
    best = max(pages, key=lambda page: possible_orders(page.records))
    tied = tied_seconds(best.records)
    if not tied:
        raise NotSettled("no two leads that came share a second")
    if samples.filters(LIVE):
        return Query(LIVE, by, min(tied) - 1, max(tied) + 1, limit=samples.limit)
    return Query(LIVE, by, limit=samples.limit)


def tied_seconds(leads: Sequence[RawRecord]) -> set[int]:
    """Seconds with two or more leads. Pure."""
    return {second for second, tie in _by_second(leads).items() if len(tie) > 1}


def possible_orders(leads: Sequence[RawRecord]) -> int:
    """The number of possible orders of the leads within their seconds. Pure."""
    return prod(factorial(min(len(tie), 20)) for tie in _by_second(leads).values())


def ties_verdict(reads: Sequence[Sequence[RawRecord]]) -> Verdict:
    """The verdict, from several readings of one page. Pure."""
    orders = min(possible_orders(read) for read in reads)
    ids = [[[lead.id for lead in tie] for tie in _by_second(read).values()] for read in reads]
    for name, sign in (("id asc", 1), ("id desc", -1)):
        if all(tie == sorted(tie, key=lambda lead: sign * lead) for read in ids for tie in read):
            if orders ** len(reads) < MIN_ODDS:
                raise NotSettled("too few leads share a second: their order may be chance")
            return Verdict(
                name, f"by {name}, {len(reads)} times", "Records of one second are read by id in any case."
            )
    if any(read != ids[0] for read in ids):
        return Verdict(
            "not stable", "another order each time", "Pages of such records overlap by id, or are read again."
        )
    if orders ** (len(reads) - 1) < MIN_ODDS:
        raise NotSettled("too few leads share a second: their order may be chance")
    return Verdict(
        "stable, not by id",
        f"the same order {len(reads)} times",
        "Records of one second are read by id in any case.",
    )


def _by_second(leads: Sequence[RawRecord]) -> dict[int, list[RawRecord]]:
    return {second: list(tie) for second, tie in groupby(leads, key=lambda lead: lead.updated_at)}


def ids_fit(samples: Samples) -> Verdict:
    """Whether the greatest id fits a shard's INTEGER."""
    query = Query(LIVE, "id desc", limit=min(5, samples.limit))
    page = samples.asker.leads(query).page
    if not page.records:
        raise NotSettled("the account has no leads")
    if not is_sorted(query, page):
        raise NotSettled("`order[id]` does not sort the list")
    if page.records[0].id <= MAX_ID:
        return Verdict(
            value=True, observed="the greatest id has at most 64 bits", conclusion="Every id fits INTEGER."
        )
    return Verdict(
        value=False, observed="an id with more than 64 bits", conclusion="Days with such leads are refused."
    )
