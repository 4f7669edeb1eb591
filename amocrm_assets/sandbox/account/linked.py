"""Contacts or companies of the account: created with its leads, edited over time, and listed.

They are computed on request, so an account of a million leads starts without them.
"""

from __future__ import annotations

import heapq
from dataclasses import replace
from random import Random
from threading import RLock
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from amocrm_assets.sandbox.account.change_log import ChangeLog
from amocrm_assets.sandbox.account.leads import mixed
from amocrm_assets.sandbox.account.query import FOREVER
from amocrm_assets.sandbox.account.table import LeadTable, LeadVersion, Page, State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from amocrm_assets.sandbox.account.account import Account
    from amocrm_assets.sandbox.account.change_log import LoggedChange
    from amocrm_assets.sandbox.account.clock import Clock
    from amocrm_assets.sandbox.account.history import Change
    from amocrm_assets.sandbox.account.query import LeadQuery

Json = dict[str, Any]
_DAY = 86_400
_MAX_REVISIONS = 12
# Every fortieth record has a duplicate without leads, which is deleted an hour later.
_DOUBLED_EVERY, _DOUBLES, _DOUBLE_SECONDS = 40, 8_000_000, 3_600
_CHOICES = frozenset({"id", "name", "created_by", "updated_by", "responsible_user_id"})
_INTERVALS = frozenset({"created_at", "closest_task_at"})


class Content(Protocol):
    """The content of a list's records."""

    kind: str

    def content(self, version: LeadVersion, now: float) -> Json:
        """The record without links and embedded records."""

    def stub(self, version: LeadVersion, now: float) -> Json:
        """A record in the trash as amoCRM returns it."""


ContentT = TypeVar("ContentT", bound=Content)


class LinkedRecords(Generic[ContentT]):
    """One list whose records are linked to the account's leads. All methods may be called from any thread."""

    def __init__(
        self, account: Account, clock: Clock, content: ContentT, ids_of_lead: Callable[[int], Sequence[int]]
    ) -> None:
        self.content = content
        self._account = account
        self._clock = clock
        self._ids_of_lead = ids_of_lead
        self._lock = RLock()
        self._table = LeadTable()
        self.changes = ChangeLog()
        self._leads: dict[int, list[int]] = {}
        self._known: set[int] = set()
        self._next: list[tuple[int, int]] = []
        self.closest_task: Callable[[int, list[LeadVersion]], int | None] | None = None
        self._rng = Random(f"{content.kind} {account.options.seed}")  # noqa: S311  # it chooses records, no secrets

    # Operations.

    def edit(self, record_id: int, **values: Any) -> int:
        """Change a record. Returns its new `updated_at`: now, or the one given."""
        with self._lock:
            self._catch_up()
            before = self._version(record_id)
            at = int(values.pop("updated_at", self._clock.seconds()))
            return self._write(before._replace(updated_at=at, revision=before.revision + 1), "changed", values)

    def delete(self, record_id: int) -> int:
        """Move a record to the trash. Returns its new `updated_at`."""
        return self._move(record_id, State.TRASHED, "deleted")

    def restore(self, record_id: int) -> int:
        """Restore a record from the trash. Returns its new `updated_at`."""
        return self._move(record_id, State.LIVE, "restored")

    def purge(self, record_id: int) -> int:
        """Remove a record without a trace."""
        return self._move(record_id, State.GONE)

    def touch_some(self) -> None:
        """Edits by other users during one response, by the options for leads."""
        options = self._account.options
        with self._lock:
            live = self._table.ids(
                State.LIVE, since=options.touched_from or 0, until=options.touched_to or FOREVER
            )
            for record_id in self._rng.sample(live, min(options.edits_per_answer, len(live))):
                self.edit(record_id)
            for record_id in self._rng.sample(live, min(options.deletions_per_answer, len(live))):
                self.delete(record_id)

    # Responses of amoCRM.

    def page(self, query: LeadQuery) -> Page:
        """One page of the list, or of deleted records with `only_deleted`."""
        options = self._account.options
        known = replace(
            query,
            statuses=frozenset(),
            choices={name: values for name, values in query.choices.items() if name in _CHOICES},
            intervals=tuple(each for each in query.intervals if each[0] in _INTERVALS),
        )
        trash = "only_deleted" in query.extras and not options.only_deleted_ignored
        with self._lock:
            self._catch_up()
            ids = self._ordered(known, State.TRASHED if trash else State.LIVE)
            begin = (query.page - 1) * query.limit
            shown = [self._shown(each) for each in ids[begin : begin + query.limit]]
            return Page(shown, len(ids) > begin + query.limit)

    def record(self, record_id: int) -> Json | None:
        """A single record; None for one that is deleted or never existed."""
        with self._lock:
            self._catch_up()
            version = self._table.find(record_id)
            return self._shown(record_id) if version and version.state == State.LIVE else None

    def is_listed(self, record_id: int) -> bool:
        """Whether a record is linked to others: it is neither deleted nor purged."""
        with self._lock:
            version = self._table.find(record_id)
            # One that was not computed yet has not been deleted either.
            return version is None or version.state == State.LIVE

    def leads_of(self, record_id: int) -> list[int]:
        """The live leads of a record."""
        with self._lock:
            self._catch_up()
            return [each.id for each in self._leads_of(record_id) if each.state == State.LIVE]

    def stamps(self, since: int = 0, until: int = FOREVER, *, deleted: bool = False) -> dict[int, int]:
        """`updated_at` by id of a list in a closed interval: what a complete reading must find."""
        with self._lock:
            self._catch_up()
            state = State.TRASHED if deleted else State.LIVE
            return self._table.stamps(state, since=since, until=until)

    def changes_between(self, since: int, until: int, *, newest_first: bool = False) -> list[LoggedChange]:
        """The changes in a closed interval of seconds: manual ones, and computed ones if the account ages."""
        with self._lock:
            if self._account.is_alive:
                self._catch_up()
            return list(self.changes.between(since, until, newest_first=newest_first))

    def as_of(self, done: LoggedChange, *, before: bool = False) -> Json:
        """A record as it was after a change, or before it."""
        with self._lock:
            version = self._version(done.lead_id)
            version = version._replace(updated_at=done.at, revision=done.base if before else done.revision)
            sets = self.changes.set_by_hand(done.lead_id, done.base_sets if before else done.sets)
            return self.content.content(version, self._clock.now()) | sets

    # Implementation.

    def _ordered(self, query: LeadQuery, state: State) -> Sequence[int]:
        since, until = query.updated.since, query.updated.until
        ids = self._table.ids(state, since=since, until=until, descending=query.descending)
        if query.order == "id":
            ids = sorted(ids[:], reverse=query.descending)
        elif query.order == "created_at" or self._account.options.unstable_ties:
            ids = sorted(ids[:], key=self._order_key(query.order), reverse=query.descending)
        return (
            [each for each in ids if query.admits(self._shown(each), frozenset())] if query.needs_content else ids
        )

    def _order_key(self, field: str) -> Callable[[int], tuple[int, float]]:
        unstable = self._account.options.unstable_ties

        def key(record_id: int) -> tuple[int, float]:
            at: int = getattr(self._version(record_id), field)
            return at, self._rng.random() if unstable else record_id

        return key

    def _shown(self, record_id: int) -> Json:
        version = self._version(record_id)
        if version.state == State.TRASHED:
            return self.content.stub(version, self._clock.now())
        record = self.content.content(version, self._clock.now())
        if self.closest_task:
            record["closest_task_at"] = self.closest_task(record_id, self._leads_of(record_id))
        return record | self.changes.set_by_hand(record_id)

    def _leads_of(self, record_id: int) -> list[LeadVersion]:
        with self._account.table_now() as leads:
            return [each for each in map(leads.find, self._leads.get(record_id, ())) if each]

    def _version(self, record_id: int) -> LeadVersion:
        version = self._table.find(record_id)
        if version is None:
            raise KeyError(f"the sandbox has no {self.content.kind} with the id {record_id}")
        return version

    def _move(self, record_id: int, state: State, change: Change | None = None) -> int:
        with self._lock:
            self._catch_up()
            before = self._version(record_id)
            at, revision = self._clock.seconds(), before.revision + 1
            return self._write(before._replace(updated_at=at, revision=revision, state=state), change)

    def _write(self, after: LeadVersion, change: Change | None, values: Json | None = None) -> int:
        if change:
            self.changes.note(after.updated_at, after, change, values)
        self._table.write([after])
        return after.updated_at

    def _catch_up(self) -> None:
        """Create the records of new leads, and apply the changes that are due to existing ones."""
        changed: dict[int, LeadVersion] = {}
        with self._account.table_now() as leads:
            born = leads.born() if len(leads) != len(self._known) else []
        for lead_id, *times in born:
            if lead_id not in self._known:
                self._known.add(lead_id)
                for record_id in self._ids_of_lead(lead_id):
                    self._link(record_id, lead_id, times, changed)
        now = self._clock.seconds()
        while self._next and self._next[0][0] <= now:
            at, record_id = heapq.heappop(self._next)
            self._age(record_id, at, now, changed)
        self._table.write(changed.values())

    def _link(self, record_id: int, lead_id: int, times: Sequence[int], changed: dict[int, LeadVersion]) -> None:
        self._leads.setdefault(record_id, []).append(lead_id)
        if record_id in changed or self._table.find(record_id):
            return
        created_at, updated_at = times
        lives = self._account.is_alive
        changed[record_id] = LeadVersion(record_id, created_at, created_at if lives else updated_at)
        if lives:
            self.changes.note(created_at, changed[record_id], "made")
            heapq.heappush(self._next, (created_at + self._pause(record_id), record_id))
            if mixed(record_id, self._account.options.seed) % _DOUBLED_EVERY == 0:
                double = record_id + _DOUBLES
                changed[double] = LeadVersion(double, created_at, created_at)
                self.changes.note(created_at, changed[double], "made")
                heapq.heappush(self._next, (created_at + _DOUBLE_SECONDS, double))

    def _age(self, record_id: int, at: int, now: int, changed: dict[int, LeadVersion]) -> None:
        """Apply the changes of the record that are due, or delete it if it is a duplicate."""
        before = changed.get(record_id) or self._version(record_id)
        if before.state != State.LIVE or before.revision >= _MAX_REVISIONS:
            return
        if record_id not in self._leads:
            changed[record_id] = LeadVersion(record_id, before.created_at, at, 1, State.TRASHED)
            self.changes.note(at, changed[record_id], "deleted")
            return
        pause = self._pause(record_id)
        times = min((now - at) // pause, _MAX_REVISIONS - before.revision - 1)
        at += times * pause
        revision = before.revision + 1 + times
        changed[record_id] = LeadVersion(record_id, before.created_at, max(at, before.updated_at), revision)
        heapq.heappush(self._next, (at + pause, record_id))

    def _pause(self, record_id: int) -> int:
        """Seconds between two changes of a record."""
        return 5 * _DAY + mixed(record_id, self._account.options.seed) % (60 * _DAY)
