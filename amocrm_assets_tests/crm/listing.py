"""A list of leads that is edited between two answers: what the tests of paginators and plans read from.

It answers asks as `amocrm-api.md` describes lists, without HTTP, so that hypothesis can try thousands of accounts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from amocrm_assets.crm.pages import Page, RawRecord

if TYPE_CHECKING:
    from random import Random

    from amocrm_assets.crm.pagination import Query


@dataclass
class ListedAccount:
    """Leads as id → updated_at, live and deleted, and how the account behaves."""

    live: dict[int, int]
    deleted: dict[int, int] = field(default_factory=dict)
    page_cap: int = 250
    filters: bool = True
    knows_deleted: bool = True
    stable_ties: bool = True
    half_open: bool = False
    orders_filtered: bool = True
    touched: set[int] = field(default_factory=set)
    asked: int = 0

    def answer(self, ask: Query, random: Random) -> Page:
        """The page that the account would send now."""
        self.asked += 1
        deleted = ask.record_list == "deleted" and self.knows_deleted
        rows = list((self.deleted if deleted else self.live).items())
        if self.filters and ask.from_at is not None and ask.to_at is not None:
            params = ask.params()
            first, last = int(params["filter[updated_at][from]"]), int(params["filter[updated_at][to]"])
            rows = [row for row in rows if first <= row[1] <= last - self.half_open]
        random.shuffle(rows) if not self.stable_ties else rows.sort()
        key, direction = ask.order.split()
        filtered = self.filters and ask.from_at is not None
        by = 0 if key == "id" and (self.orders_filtered or not filtered) else 1
        rows.sort(key=lambda row: row[by], reverse=direction == "desc")
        limit = min(ask.limit, self.page_cap)
        start = (ask.page - 1) * limit
        leads = tuple(
            RawRecord(lead, at, deleted, b"%d %d" % (lead, at)) for lead, at in rows[start : start + limit]
        )
        return Page(leads, has_next=start + limit < len(rows))

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
