"""The account: the present state of its leads, operations on them, and amoCRM's lists of them.

One lock protects everything, since a server's thread reads what a test's thread edits.
"""

from __future__ import annotations

import heapq
from contextlib import contextmanager
from itertools import count
from random import Random
from threading import RLock
from typing import TYPE_CHECKING, Any

from amocrm_assets.sandbox.account.change_log import COLUMNS, ChangeLog
from amocrm_assets.sandbox.account.events import events_of
from amocrm_assets.sandbox.account.history import History, version_after
from amocrm_assets.sandbox.account.leads import Leads, mixed
from amocrm_assets.sandbox.account.populations import spread
from amocrm_assets.sandbox.account.query import FOREVER, LeadQuery
from amocrm_assets.sandbox.account.table import LeadTable, LeadVersion, Page, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from amocrm_assets.sandbox.account.change_log import LoggedChange
    from amocrm_assets.sandbox.account.clock import Clock
    from amocrm_assets.sandbox.account.events import AccountEvent
    from amocrm_assets.sandbox.account.history import Change
    from amocrm_assets.sandbox.options import SandboxOptions


Json = dict[str, Any]


class Account:
    """Leads that can be listed, read and changed. All methods may be called from any thread."""

    def __init__(self, options: SandboxOptions, clock: Clock) -> None:
        self.options = options
        self.content = Leads(options)
        self._clock = clock
        self._lock = RLock()
        self._table = LeadTable()
        self._set: dict[int, Json] = {}
        self._newest_id = 0
        self.changes = ChangeLog()
        self.closest_task: Callable[[LeadVersion], int | None] = lambda _: None
        self._order = count()
        self._late: list[tuple[int, int, Callable[[], None]]] = []
        self._rng = Random(f"touches {options.seed}")  # noqa: S311  # it chooses records, no secrets
        self._history: History | None = None
        if options.populations is None:
            self._history = History(options.seed, leads_per_day=options.leads_per_day)
            self._catch_up()  # computing years of history takes time, and the first request should not wait for it
        else:
            self.load(*spread(options.populations))

    # Operations.

    def load(self, ids: Sequence[int], updated_at: Sequence[int], deleted: Sequence[bool] | None = None) -> None:
        """Replace all leads by these; the account does not change by itself any more."""
        with self._lock:
            self._history = None
            self._set.clear()
            self._late.clear()
            self.changes.clear()
            created_at = [at - 3600 - mixed(1, at) % 1_000_000 for at in updated_at]
            states = [int(each) for each in deleted] if deleted else [int(State.LIVE)] * len(ids)
            self._table.load(ids, updated_at, created_at=created_at, states=states)

    def add(self, lead_id: int | None = None, **values: Any) -> int:
        """Make a lead, now or as of `updated_at`; `values` are set on it. Returns its id."""
        with self._lock:
            self._catch_up()
            if lead_id is None:
                lead_id = max(self._newest_id, self._table.newest_id()) + 1
                self._newest_id = lead_id  # not in the table yet when there is a lag
            at = values.get("updated_at", self._clock.seconds())
            version = LeadVersion(lead_id, values.get("created_at", at), at)
            self.changes.note(at, version, "made", values)
            self._apply(version, values)
            return lead_id

    def edit(self, lead_id: int, *, touch: bool = True, **values: Any) -> int:
        """Change a lead. Returns its new `updated_at`: now, the one given, or the old one without `touch`."""
        with self._lock:
            version = self._version(lead_id)
            at = values.get("updated_at", self._clock.seconds() if touch else version.updated_at)
            made = values.get("created_at", version.created_at)
            after = LeadVersion(lead_id, made, at, version.revision + 1, version.state)
            self.changes.note(at if touch else self._clock.seconds(), after, "changed", values)
            self._apply(after, values)
            return int(at)

    def delete(self, lead_id: int) -> int:
        """Move a lead to the trash. Returns its new `updated_at`."""
        return self._move(lead_id, State.TRASHED, "deleted")

    def restore(self, lead_id: int) -> int:
        """Restore a lead from the trash. Returns its new `updated_at`."""
        return self._move(lead_id, State.LIVE, "restored")

    def purge(self, lead_id: int) -> int:
        """Remove a lead without a trace, like emptying the trash."""
        return self._move(lead_id, State.GONE, "purged")

    def merge(self, lead_id: int, into: int) -> int:
        """Merge a lead into another one, which that edits. Returns the new `updated_at` of both."""
        self.edit(into)
        return self._move(lead_id, State.GONE, "merged")

    def jump(self, lead_id: int, updated_at: int) -> int:
        """Set a lead's `updated_at`, also to an earlier time, as clients of the API can."""
        return self.edit(lead_id, updated_at=updated_at)

    def touch_some(self) -> None:
        """Edits by other users during one response, by the options."""
        options = self.options
        since, until = options.touched_from or 0, options.touched_to
        until = FOREVER if until is None else until
        with self._lock:
            for lead_id in self._some_ids(options.edits_per_answer, since, until):
                self.edit(lead_id)
            for lead_id in self._some_ids(options.deletions_per_answer, since, until):
                self.delete(lead_id)
            for _ in range(options.jumps_per_answer):
                self._jump_one(since, min(until, self._clock.seconds()))

    # Responses of amoCRM.

    def page(self, query: LeadQuery) -> Page:
        """One page of the list of leads, or of deleted ones with `only_deleted`."""
        with self._lock:
            self._catch_up()
            trash = "only_deleted" in query.extras and not self.options.only_deleted_ignored
            state = State.TRASHED if trash else State.LIVE
            begin, ids = (query.page - 1) * query.limit, self._ordered(query, state)
            shown = [self._shown(each) for each in ids[begin : begin + query.limit]]
            return Page(shown, len(ids) > begin + query.limit)

    def lead(self, lead_id: int) -> Json | None:
        """A single lead; None for one that is deleted or never existed."""
        with self._lock:
            self._catch_up()
            found = self._table.find(lead_id)
            return self._shown(lead_id) if found and found.state == State.LIVE else None

    def stamps(self, since: int = 0, until: int = FOREVER, *, deleted: bool = False) -> dict[int, int]:
        """`updated_at` by id of all leads of a list in a closed interval: what a complete reading must find."""
        with self._lock:
            self._catch_up()
            return self._table.stamps(State.TRASHED if deleted else State.LIVE, since=since, until=until)

    def changes_between(self, since: int, until: int, *, newest_first: bool = False) -> list[LoggedChange]:
        """The operations on leads in a closed interval of seconds, in order of time."""
        with self._lock:
            self._catch_up()
            return list(self.changes.between(since, until, newest_first=newest_first))

    def events(self, since: int = 0, until: int = FOREVER) -> list[AccountEvent]:
        """The events of changes to leads in a closed interval."""
        found = (events_of(each, self.content, self.changes) for each in self.changes_between(since, until))
        return [event for events in found for event in events]

    @property
    def is_alive(self) -> bool:
        """Whether it changes by itself, which it does until leads are loaded."""
        return self._history is not None

    @contextmanager
    def table_now(self) -> Iterator[LeadTable]:
        """The versions of all leads as they are now, while nobody changes them."""
        with self._lock:
            self._catch_up()
            yield self._table

    def _ordered(self, query: LeadQuery, state: State) -> Sequence[int]:
        since, until = query.updated.since, query.updated.until
        ids: Sequence[int] = self._table.ids(state, since=since, until=until, descending=query.descending)
        if "id" in query.choices:
            ids = self._picked(query, state)
        if query.order == "id":
            ids = sorted(ids[:], reverse=query.descending)  # tens of thousands, while other requests arrive
        elif query.order != "updated_at" or "id" in query.choices or self.options.unstable_ties:
            ids = sorted(ids, key=self._order_key(query.order), reverse=query.descending)
        if query.needs_content or self.options.hides_incoming:
            hidden = self.content.incoming if self.options.hides_incoming else frozenset()
            return [each for each in ids if query.admits(self._shown(each), hidden)]
        return ids

    def _picked(self, query: LeadQuery, state: State) -> list[int]:
        """Leads by id, found without a scan of the whole account."""
        found = (self._table.find(int(each)) for each in query.choices["id"] if each.isdecimal())
        return [each.id for each in found if each and each.state == state and each.updated_at in query.updated]

    def _order_key(self, field: str) -> Callable[[int], tuple[int, float]]:
        """Ties are in order of id, or in another order in each response."""
        unstable = self.options.unstable_ties

        def key(lead_id: int) -> tuple[int, float]:
            version = self._version(lead_id)
            at = version.updated_at if field == "updated_at" else version.created_at
            return at, self._rng.random() if unstable else lead_id

        return key

    def _shown(self, lead_id: int) -> Json:
        version = self._version(lead_id)
        if version.state == State.TRASHED:
            return self.content.stub(version)
        lead = self.content.content(version, minor_units=self.options.minor_units)
        lead["closest_task_at"] = self.closest_task(version)
        return lead | self._set[lead_id] if lead_id in self._set else lead

    def _version(self, lead_id: int) -> LeadVersion:
        version = self._table.find(lead_id)
        if version is None:
            raise KeyError(f"the sandbox has no lead {lead_id}")
        return version

    def _move(self, lead_id: int, state: State, change: Change) -> int:
        with self._lock:
            before = self._version(lead_id)
            at = self._clock.seconds()
            after = LeadVersion(lead_id, before.created_at, at, before.revision + 1, state)
            self._apply(after, {})
            self.changes.note(at, after, change)
            return at

    def _apply(self, version: LeadVersion, values: Json) -> None:
        """At once, or when the lag has passed."""

        def apply() -> None:
            self._table.write([version])
            if kept := {name: value for name, value in values.items() if name not in COLUMNS}:
                self._set[version.id] = self._set.get(version.id, {}) | kept

        if self.options.lag_seconds:
            due_at = self._clock.seconds() + self.options.lag_seconds
            heapq.heappush(self._late, (due_at, next(self._order), apply))
        else:
            apply()

    def _catch_up(self) -> None:
        """Bring the account to the present, or to the moment that is visible with the lag."""
        now = self._clock.seconds()
        while self._late and self._late[0][0] <= now:
            heapq.heappop(self._late)[2]()
        if self._history:
            changed: dict[int, LeadVersion] = {}
            for at, lead_id, change in self._history.until(now - self.options.lag_seconds):
                before = changed.get(lead_id) or self._table.find(lead_id)
                if after := version_after(before, lead_id, change, at):
                    changed[lead_id] = after
                    self.changes.note(at, after, change)
            self._table.write(changed.values())

    def _some_ids(self, how_many: int, since: int, until: int) -> list[int]:
        ids = self._table.ids(State.LIVE, since=since, until=until)
        return self._rng.sample(ids, min(how_many, len(ids)))

    def _jump_one(self, since: int, until: int) -> None:
        """To shortly before the interval, or from elsewhere into it."""
        if self._rng.choice((True, False)):
            for lead_id in self._some_ids(1, since, until):
                self.jump(lead_id, max(since - 1 - self._rng.randrange(3600), 0))
        else:
            for lead_id in self._some_ids(1, until + 1, FOREVER) or self._some_ids(1, 0, since - 1):
                self.jump(lead_id, self._rng.randint(since, until))
