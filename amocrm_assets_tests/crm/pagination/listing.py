"""A list of leads that is edited between two answers: what the tests of paginators and plans read from.

It answers asks as `amocrm-api.md` describes lists, without HTTP, so that hypothesis can try thousands of accounts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from amocrm_assets.crm.pagination.pages import NOTHING, Page, RawRecord, Unusable

if TYPE_CHECKING:
    from random import Random

    from amocrm_assets.crm.pagination import Query
    from amocrm_assets.days import Window


@dataclass
class ListedAccount:
    """Leads as id → updated_at, live and deleted, and how the account behaves."""

    live: dict[int, int]
    deleted: dict[int, int] = field(default_factory=dict)
    page_cap: int = 250
    filters: bool = True
    knows_deleted: bool = True
    stable_ties: bool = True
    half_open: bool = False  # `to` does not hold its own second
    exclusive_from: bool = False  # `from` does not
    orders_filtered: bool = True
    sorted_within_pages: bool = False  # the list itself is by id, or in no order that anybody asks for
    scattered: bool = False
    depth_max: int | None = None  # leads behind it are not shown, and no `next` says that they exist
    repeats: bool = False  # a page that begins there shows the last ones before it instead, and names a next one
    ignores_order: bool = False  # whatever is asked for, leads come in the order of their ids
    next_always: bool = False
    next_never: bool = False
    too_large: int | None = None  # pages above are never answered
    without_time: frozenset[int] = frozenset()  # deleted leads whose `updated_at` is null
    # So many answers to questions for deleted leads hold live ones.
    odd_deleted_answers: int = 0
    # By number of the answer, from 1 on: what is damaged about it. `end`: no `next`. `empty`: a 204. Others lack
    # records: `head` the first half, `hole` the middle, `half` the second half and `next`.
    damage: dict[int, str] = field(default_factory=dict)
    # By number of the answer: the positions between which its page lacks its records.
    lacks: dict[int, tuple[int, int]] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    request_count: int = 0

    def respond(self, ask: Query, random: Random) -> Page:
        """The page that the account would send now."""
        self.request_count += 1
        damage = self.damage.get(self.request_count)
        if damage == "empty":
            return NOTHING
        rows, deleted = self._rows(ask)
        random.shuffle(rows) if not self.stable_ties else rows.sort()
        page = damaged(self._page(ask, rows, deleted=deleted), damage)
        begin, end = self.lacks.get(self.request_count, (0, 0))
        return replace(page, records=page.records[:begin] + page.records[end:])

    def _rows(self, ask: Query) -> tuple[list[tuple[int, int]], bool]:
        deleted = ask.record_list.only_deleted and self.knows_deleted
        if deleted and self.odd_deleted_answers:
            self.odd_deleted_answers -= 1
            deleted = False
        rows = list((self.deleted if deleted else self.live).items())
        if self.filters and ask.from_at is not None and ask.to_at is not None:
            params = ask.params()
            first, last = int(params["filter[updated_at][from]"]), int(params["filter[updated_at][to]"])
            rows = [row for row in rows if first + self.exclusive_from <= row[1] <= last - self.half_open]
        return rows, deleted

    def _page(self, ask: Query, rows: list[tuple[int, int]], *, deleted: bool) -> Page:
        key, direction = ask.order.split()
        filtered = self.filters and ask.from_at is not None
        by = 0 if key == "id" and (self.orders_filtered or not filtered) else 1
        limit = min(ask.limit, self.page_cap)
        start = (ask.page - 1) * limit
        count = len(rows)
        reverse = direction == "desc"
        if self.sorted_within_pages:
            rows = self._own_order(rows)
        elif not self.ignores_order:
            rows.sort(key=lambda row: row[by], reverse=reverse)
        rows = rows[: self.depth_max]
        if not self.repeats:
            count = len(rows)
        elif start >= len(rows):
            start = max(0, len(rows) - limit)
        shown = rows[start : start + limit]
        if self.sorted_within_pages:
            shown.sort(key=lambda row: row[by], reverse=reverse)
        usable = [row for row in shown if row[0] not in self.without_time]
        return Page(
            tuple(RawRecord(lead, at, deleted, b"%d %d" % (lead, at)) for lead, at in usable),
            has_next=(start + limit < count or self.next_always) and not self.next_never,
            unusable=tuple(Unusable(lead, b"%d" % lead) for lead, _ in shown if lead in self.without_time),
        )

    def _own_order(self, rows: list[tuple[int, int]]) -> list[tuple[int, int]]:
        return sorted(rows, key=lambda row: row[0] * 7_919 % 104_729 if self.scattered else row[0])

    def edit(self, lead: int, now: int) -> None:
        """Somebody edits a lead: it moves to the end of the list."""
        if lead in self.live:
            self.live[lead] = now
            self.touched.add(lead)

    def delete(self, lead: int, now: int) -> None:
        """Somebody deletes a lead: it moves into the trash."""
        if lead in self.live:
            del self.live[lead]
            self.deleted[lead] = now
            self.touched.add(lead)


class HidingAccount:
    """An account whose responses to queries that begin in `hidden` are empty."""

    def __init__(self, account: ListedAccount, hidden: Window) -> None:
        self._account = account
        self._hidden = hidden
        self.sent: set[tuple[int, int]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._account, name)

    def respond(self, ask: Query, random: Random) -> Page:
        page = self._account.respond(ask, random)
        if ask.from_at is not None and self._hidden.holds(ask.from_at):
            page = NOTHING
        if not ask.record_list.only_deleted:
            self.sent |= {(record.id, record.updated_at) for record in page.records}
        return page


def damaged(page: Page, damage: str | None) -> Page:
    """The page with that damage."""
    records, size = page.records, len(page.records)
    match damage:
        case "end":
            return replace(page, has_next=False)
        case "half":
            return replace(page, records=records[: size // 2], has_next=False)
        case "head":
            return replace(page, records=records[size // 2 :])
        case "hole":
            return replace(page, records=(*records[: size // 3], *records[-(size // 3) :]))
    return page
