"""Tasks, or notes of one type of entity: created after their lead, and seldom changed.

Unlike contacts they have no trash: deleted ones are removed from the list. For their content see `tasks` and
`notes`.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any, Protocol

from amocrm_assets.sandbox.account.linked import LinkedRecords
from amocrm_assets.sandbox.account.query import FOREVER
from amocrm_assets.sandbox.account.table import LeadVersion, Page, State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from amocrm_assets.sandbox.account.account import Account
    from amocrm_assets.sandbox.account.clock import Clock
    from amocrm_assets.sandbox.account.history import Change
    from amocrm_assets.sandbox.account.query import LeadQuery

Json = dict[str, Any]


class FollowUpContent(Protocol):
    """The content of such records, and the times of their changes."""

    kind: str

    def content(self, version: LeadVersion, now: float) -> Json:
        """The record."""

    def stub(self, version: LeadVersion, now: float) -> Json:
        """Never shown, since they have no trash."""

    def is_imported(self, record_id: int) -> bool:
        """Whether it is one that a complete reading must find."""

    def delay(self, record_id: int) -> int:
        """Seconds from the lead's creation to the record's."""

    def pause(self, record_id: int, revision: int) -> int | None:
        """Seconds until the next revision; None: there is none."""

    def is_gone(self, record_id: int, revision: int) -> bool:
        """Whether this revision is its deletion."""


class FollowUps(LinkedRecords[FollowUpContent]):
    """One list. All methods may be called from any thread."""

    def __init__(
        self,
        account: Account,
        clock: Clock,
        content: FollowUpContent,
        ids_of_lead: Callable[[int], Sequence[int]],
    ) -> None:
        super().__init__(account, clock, content, ids_of_lead)
        self._by_hand: dict[int, LeadVersion] = {}

    def edit(self, record_id: int, **values: Any) -> int:
        """Set values of a record; without values, apply its next computed change. Returns its `updated_at`."""
        with self._lock:
            self._catch_up()
            before = self._version(record_id)
            at = int(values.pop("updated_at", self._clock.seconds()))
            after = before._replace(updated_at=at, revision=before.revision + (not values))
            self._change_by_hand(after, "changed", values, base=before.revision)
            return at

    def delete(self, record_id: int) -> int:
        """Remove a record from the list. Returns the time."""
        with self._lock:
            at = self.purge(record_id)
            self._change_by_hand(self._version(record_id), "deleted", {})
            return at

    def changed_by_hand(self, record_id: int) -> Json | None:
        """A record that was edited manually, `{}` if it was deleted; None for all others.

        Takes no lock, so it can be called with the account's lock held.
        """
        version = self._by_hand.get(record_id)
        if version is None:
            return None
        return self._content_of(version) if version.state == State.LIVE else {}

    def page(
        self, query: LeadQuery, wanted: Callable[[Json], bool] | None = None, *, order: str | None = None
    ) -> Page:
        """One page of the list. `order` is a property to sort by in place of the query's."""
        with self._lock:
            self._catch_up()
            ids: Sequence[int] = self._ordered(query, State.LIVE)
            if wanted:
                ids = [each for each in ids if wanted(self._shown(each))]
            if order:
                ids = sorted(ids, key=lambda each: self._shown(each)[order], reverse=query.descending)
            begin = (query.page - 1) * query.limit
            shown = [self._shown(each) for each in ids[begin : begin + query.limit]]
            return Page(shown, len(ids) > begin + query.limit)

    def stamps(self, since: int = 0, until: int = FOREVER, *, deleted: bool = False) -> dict[int, int]:
        """`updated_at` by id in a closed interval: what a complete reading must find."""
        found = super().stamps(since, until, deleted=deleted)
        return {each: at for each, at in found.items() if self.content.is_imported(each)}

    def _link(self, record_id: int, lead_id: int, times: Sequence[int], changed: dict[int, LeadVersion]) -> None:
        self._leads.setdefault(record_id, []).append(lead_id)
        created_at, updated_at = times
        if self._account.is_alive:
            heapq.heappush(self._next, (created_at + self.content.delay(record_id), record_id))
        else:
            changed[record_id] = LeadVersion(record_id, created_at, updated_at)

    def _age(self, record_id: int, at: int, now: int, changed: dict[int, LeadVersion]) -> None:  # noqa: ARG002
        """Create, change or delete it."""
        before = changed.get(record_id) or self._table.find(record_id)
        if before is None:
            after = LeadVersion(record_id, at, at)
        elif before.state == State.LIVE:
            gone = self.content.is_gone(record_id, before.revision + 1)
            state = State.GONE if gone else State.LIVE
            after = LeadVersion(
                record_id, before.created_at, max(at, before.updated_at), before.revision + 1, state
            )
        else:
            return  # it was deleted manually
        changed[record_id] = after
        if record_id in self._by_hand:
            self._by_hand[record_id] = after
        change: Change = "made" if before is None else "changed" if after.state == State.LIVE else "deleted"
        self.changes.note(at, after, change)
        pause = self.content.pause(record_id, after.revision)
        if after.state == State.LIVE and pause is not None:
            heapq.heappush(self._next, (at + pause, record_id))

    def _change_by_hand(
        self, after: LeadVersion, change: Change, values: Json, *, base: int | None = None
    ) -> None:
        self._table.write([after])
        self._by_hand[after.id] = after
        self.changes.note(after.updated_at, after, change, values, base=base)

    def _content_of(self, version: LeadVersion) -> Json:
        return self.content.content(version, self._clock.now()) | self.changes.set_by_hand(version.id)
