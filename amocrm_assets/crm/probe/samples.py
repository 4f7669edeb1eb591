"""Pages and properties of the account that several questions need, each requested once.

Most questions depend on these: how large pages are, whether lists are filtered, and whether the trash works. An
odd response is requested again before it is accepted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from amocrm_assets.crm.pagination import Query
from amocrm_assets.crm.pagination.page_size import STEPS
from amocrm_assets.crm.pagination.query import Order
from amocrm_assets.crm.probe.asking import DELETED, LIVE
from amocrm_assets.crm.probe.verdict import NotSettled, Refused
from amocrm_assets.days import Window

if TYPE_CHECKING:
    from amocrm_assets.crm.account import Account
    from amocrm_assets.crm.pagination.pages import Page
    from amocrm_assets.crm.probe.asking import Asker
    from amocrm_assets.crm.probe.list_samples import ListSamples
    from amocrm_assets.entities import RecordList

NEWEST: Order = "updated_at desc"
OLDEST: Order = "updated_at asc"
_FORBIDDEN, _UNREADABLE = 403, 200
TrashKind = Literal["known", "ignored", "mixed"]


@dataclass(frozen=True)
class Step:
    """A limit that was tried, and its page or the status of the refusal.

    `is_honoured`: the page is as long as requested, or contains the whole list.
    """

    limit: int
    page: Page | None
    is_honoured: bool = False
    status: int | None = 200


class Samples:
    """What is known about one account while it is probed. Every method may raise `NotSettled`."""

    def __init__(self, asker: Asker, account: Account) -> None:
        self.asker = asker
        self.account = account
        self._filters: dict[RecordList, bool] = {}
        self.others: dict[str, ListSamples] = {}
        self.has_exclusive_bounds = False
        self.trash_was_odd = False

    @cached_property
    def steps(self) -> list[Step]:
        """Limits for a page of leads, the largest first, until one is honoured.

        Raises the client's error if no page of leads can be read.
        """
        steps: list[Step] = []
        for limit in STEPS:
            query = Query(LIVE, NEWEST, limit=limit)
            try:
                page = self.asker.leads(query).page
            except Refused as refused:
                if refused.status == _FORBIDDEN or limit == STEPS[-1]:
                    raise refused.error from refused
                steps.append(Step(limit, None, status=refused.status))
                if refused.status == _UNREADABLE:  # smaller ones are not better
                    break
                continue
            # `next` may be wrong, and a short page may be the whole list: only a second one shows it.
            is_honoured = page.size >= limit or not self.goes_on(query)
            steps.append(Step(limit, page, is_honoured))
            if is_honoured:
                break
        return steps

    def goes_on(self, query: Query) -> bool:
        """Whether the second page of a query has records."""
        try:
            return bool(self.asker.leads(replace(query, page=2)).page.size)
        except Refused:  # some lists refuse pages after their end
            return False

    @property
    def is_readable(self) -> bool:
        """Whether pages of leads can be parsed at all."""
        return any(step.page is not None for step in self.steps)

    @cached_property
    def limit(self) -> int:
        """The number of records on a full page."""
        if not self.is_readable:
            raise NotSettled("pages of leads cannot be understood")
        last = self.steps[-1]
        if last.page is not None and last.is_honoured and last.page.size < last.limit:
            return last.limit  # the whole list
        return max(step.page.size for step in self.steps if step.page is not None)

    def page(self, record_list: RecordList, order: Order, *, number: int = 1, limit: int | None = None) -> Page:
        """A page of a list without filters."""
        if record_list == DELETED:
            self.require_trash()
        query = Query(record_list, order, page=number, limit=limit or self.limit)
        return self.asker.leads(query).page

    def window(self, record_list: RecordList, window: Window, *, again: bool = False) -> Page:
        """The first page of a list, filtered by these bounds."""
        query = Query(record_list, OLDEST, window.from_at, window.to_at, limit=self.limit)
        return self.asker.leads(query, again=again).page

    def some(self, record_list: RecordList) -> Page:
        """The first page of a list that is not empty."""
        page = self.page(record_list, NEWEST)
        if not page.records:
            raise NotSettled("the account has no leads" if record_list == LIVE else "the trash is empty")
        return page

    def known_records(self, record_list: RecordList) -> int:
        """The minimum number of records in the list, from the pages received."""
        asked = (
            (query, page)
            for query, page in self.asker.log
            if query.record_list == record_list and query.from_at is None
        )
        return max(
            ((query.page - 1) * min(query.limit, self.limit) + page.size for query, page in asked if page.size),
            default=0,
        )

    @cached_property
    def trash_kind(self) -> TrashKind:
        """What `with=only_deleted` returns; from two responses if the first contains live leads."""
        query = Query(DELETED, NEWEST, limit=self.limit)
        kind = _kind(self.asker.leads(query).page)
        if kind != "known":
            self.trash_was_odd = True
            return _kind(self.asker.leads(query, again=True).page)
        if not self.asker.leads(query).page.size and not self.page(LIVE, NEWEST).size:
            raise NotSettled("the account has neither leads nor deleted leads")
        return kind

    def require_trash(self) -> None:
        """Raise `NotSettled` if deleted leads cannot be listed."""
        if self.trash_kind != "known":
            raise NotSettled("`with=only_deleted` does not give deleted leads alone")

    def filters(self, record_list: RecordList) -> bool:
        """Whether a list is filtered by time, from a window that excludes known records."""
        if record_list not in self._filters:
            window = excluding_window([lead.updated_at for lead in self.some(record_list).records])
            self._filters[record_list] = is_within(self.window(record_list, window), window) or is_within(
                self.window(record_list, window, again=True), window
            )
        return self._filters[record_list]

    def require_filters(self, record_list: RecordList) -> None:
        """Raise `NotSettled` if the list is not filtered."""
        if not self.filters(record_list):
            raise NotSettled("the account ignores filters")

    @cached_property
    def second(self) -> int:
        """A second with live leads, as few as possible, which nobody is likely to edit now."""
        self.require_filters(LIVE)
        return quiet_second([lead.updated_at for lead in self.some(LIVE).records])


def _kind(page: Page) -> TrashKind:
    deleted = [lead.is_deleted for lead in page.records]
    if all(deleted):
        return "known"
    return "mixed" if any(deleted) else "ignored"


def excluding_window(seconds: list[int]) -> Window:
    """A window with the oldest of these seconds and without the newest; before a single one."""
    oldest, newest = min(seconds), max(seconds)
    return Window(oldest - 1, oldest + 1) if newest > oldest + 1 else Window(oldest - 3, oldest - 2)


def is_within(page: Page, window: Window) -> bool:
    """Whether no record of a page is outside of a window."""
    return all(window.holds(lead.updated_at) for lead in page.records)


def quiet_second(seconds: list[int]) -> int:
    """The second with the fewest leads, the oldest of those."""
    counts = Counter(seconds)
    return min(counts, key=lambda second: (counts[second], second))
