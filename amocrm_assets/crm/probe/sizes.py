"""Questions about pages: their size, their number, and their links."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination import PAGE_LIMIT, Query
from amocrm_assets.crm.probe.asking import LIVE
from amocrm_assets.crm.probe.samples import NEWEST
from amocrm_assets.crm.probe.verdict import NotSettled, Refused, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from amocrm_assets.crm.pagination.pages import Page
    from amocrm_assets.crm.probe.asking import Records
    from amocrm_assets.crm.probe.samples import Samples, Step

ABOVE_LIMIT = 2 * PAGE_LIMIT
EVENTS, FIELDS = "/api/v4/events", "/api/v4/leads/custom_fields"
EVENTS_LIMIT = 100
DEFAULT_LIMIT = 50


def page_size(samples: Samples) -> Verdict:
    """The longest page of leads."""
    steps = samples.steps
    return page_size_verdict(steps, samples.limit)


def page_size_verdict(steps: Sequence[Step], longest: int) -> Verdict:
    """The verdict, from the limits that were requested, the last of which was honoured if any was. Pure."""
    results = "; ".join(
        f"limit {step.limit}: {'no page' if step.page is None else f'{step.page.size} records'}"
        + (f" ({step.status or 'no response in time'})" if step.page is None else "")
        for step in steps
    )
    last = steps[-1]
    if len(steps) == 1 and last.page is not None and last.page.size < PAGE_LIMIT:
        raise NotSettled(f"the account has {last.page.size} leads, fewer than a page of {PAGE_LIMIT}")
    follows = (
        "Pages of 250 are requested." if longest >= PAGE_LIMIT else f"Readings begin with pages of {longest}."
    )
    return Verdict(longest, results, follows)


def above_limit(samples: Samples) -> Verdict:
    """What a `limit` above the maximum returns."""
    if samples.steps[0].page is None:
        raise NotSettled(f"pages of {PAGE_LIMIT} fail, so larger ones were not requested")
    try:
        page = samples.asker.leads(Query(LIVE, NEWEST, limit=ABOVE_LIMIT)).page
    except Refused as refused:
        return Verdict(f"refused ({refused.status})", str(refused), f"At most {PAGE_LIMIT} are requested anyway.")
    if not page.has_next and page.size >= samples.known_records(LIVE):
        raise NotSettled(f"the account has {page.size} leads, and all of them came")
    return Verdict(page.size, f"{page.size} records", f"At most {PAGE_LIMIT} are requested anyway.")


def fields_limit(samples: Samples) -> Verdict:
    """The number of custom fields on a page."""
    found = samples.asker.records(FIELDS, {"limit": PAGE_LIMIT})
    follows = "Pages are requested until all fields were returned."
    return list_limit_verdict(found, lambda: None, what="custom fields", follows=follows)


def events_limit(samples: Samples) -> Verdict:
    """The number of events on a page, if events may be read."""
    found = samples.asker.records(EVENTS, {"limit": PAGE_LIMIT})
    follows = "At most 100 events are requested at once; if fewer are returned, more pages are requested."
    return list_limit_verdict(
        found,
        lambda: samples.asker.records(EVENTS, {"limit": EVENTS_LIMIT}),
        what="events",
        follows=follows,
    )


def list_limit_verdict(
    found: Records, smaller: Callable[[], Records | None], *, what: str, follows: str
) -> Verdict:
    """The verdict, from a page with `limit` 250, and from one of `smaller` if that returned 50."""
    size = len(found.records)
    if not found.has_next and size < PAGE_LIMIT:
        if size <= DEFAULT_LIMIT:
            raise NotSettled(f"the account shows {size} {what}, which fit any page")
        return Verdict(f"at least {size}", f"{size} {what} on one page", follows)
    observed = f"limit {PAGE_LIMIT}: {size} {what}"
    if size == DEFAULT_LIMIT and (less := smaller()) is not None:
        observed += f"; limit {EVENTS_LIMIT}: {len(less.records)}"
        size = max(size, len(less.records))
    return Verdict(size, observed, follows)


def depth(samples: Samples) -> Verdict:
    """Whether a list can be read to its end, from pages of one lead."""
    samples.some(LIVE)
    pages = samples.known_records(LIVE)
    if _is_there(samples, pages) or _is_there(samples, pages, again=True):
        return Verdict(f"at least {pages}", f"page {pages} of one lead came", "No limit of depth was met.")
    deepest, missing = 1, pages
    while missing - deepest > 1:
        middle = (deepest + missing) // 2
        deepest, missing = (middle, missing) if _is_there(samples, middle) else (deepest, middle)
    return Verdict(
        deepest,
        f"no page behind page {deepest}, though there are more leads",
        "What is deeper is read by narrower windows; a reading that needs depth fails.",
    )


def _is_there(samples: Samples, number: int, *, again: bool = False) -> bool:
    try:
        query = Query(LIVE, NEWEST, page=number, limit=1)
        return bool(samples.asker.leads(query, again=again).page.size)
    except Refused:
        return False


def links(samples: Samples) -> Verdict:
    """Whether `_links.next` shows further pages, from all pages requested before."""
    if not samples.is_readable:
        return Verdict("unreadable", "`_links` that are no object, on every page", "Days cannot be read.")
    samples.some(LIVE)
    log = [(query, page) for query, page in samples.asker.log if query.record_list == LIVE and query.page == 1]
    known = samples.known_records(LIVE)
    whole = [page for query, page in log if query.from_at is None]
    short = [page for query, page in log if page.size < query.limit <= samples.limit]
    return links_verdict(whole, short, known=known)


def links_verdict(whole: Sequence[Page], short: Sequence[Page], *, known: int) -> Verdict:
    """The verdict, from first pages of a list with `known` records, and pages that are not full. Pure."""
    before_more = [page for page in whole if 0 < page.size < known]
    missing = sum(not page.has_next for page in before_more)
    beyond = sum(page.has_next for page in short if page.size)
    if missing:
        return Verdict(
            "next is missing",
            f"no `next` on {missing} of {len(before_more)} pages that are followed by another one",
            "A read requests the records after the last one before it accepts the end.",
        )
    if beyond:
        return Verdict(
            "next behind the end",
            f"`next` on {beyond} pages that are not full",
            "Other requests prove the end.",
        )
    if not before_more:
        raise NotSettled("no page that was returned is followed by another one")
    return Verdict("right", f"`next` on {len(before_more)} pages that have one behind them", "`next` is followed.")
