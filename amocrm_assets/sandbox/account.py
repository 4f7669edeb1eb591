"""The account: its leads as they stand now, what people do to them, and the lists that amoCRM gives of them.

One lock around everything, since a server's thread reads what a test's thread edits. HTTP is not known here.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from threading import RLock
from typing import TYPE_CHECKING, Any, overload

from amocrm_assets.sandbox.events import LeadEvent
from amocrm_assets.sandbox.history import History
from amocrm_assets.sandbox.leads import INCOMING, Leads, mixed
from amocrm_assets.sandbox.query import FOREVER, LeadQuery
from amocrm_assets.sandbox.table import LeadTable, Standing, State, id_of, key_of, second_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from amocrm_assets.sandbox.clock import Clock
    from amocrm_assets.sandbox.history import Deed
    from amocrm_assets.sandbox.options import Population, SandboxOptions

_COLUMNS = frozenset({"created_at", "updated_at"})  # kept in the table
_FIRST_ID = 1_000_001
_STRIDE = 7919  # a prime: neighbours in time get ids far apart

_MOVES = {
    "changed": (State.LIVE, State.LIVE),
    "deleted": (State.LIVE, State.TRASHED),
    "restored": (State.TRASHED, State.LIVE),
    "purged": (State.TRASHED, State.GONE),
}
_EVENTS = {"made": "lead_added", "deleted": "lead_deleted", "restored": "lead_restored"}

Json = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """Some leads of a list, in its order."""

    leads: list[Json]
    has_next: bool


class Account:
    """Leads that can be listed, looked at and changed. All methods may be called from any thread."""

    def __init__(self, options: SandboxOptions, clock: Clock) -> None:
        self.options = options
        self.content = Leads(options)
        self._clock = clock
        self._lock = RLock()
        self._table = LeadTable()
        self._set: dict[int, Json] = {}
        self._newest_id = 0
        self._events: list[LeadEvent] = []
        self._late: list[tuple[int, int, Callable[[], None]]] = []
        self._rng = Random(f"touches {options.seed}")  # noqa: S311  # it picks victims, no secrets
        self._history: History | None = None
        if options.populations is None:
            self._history = History(options.seed, leads_per_day=options.leads_per_day)
            self._catch_up()  # years of it take a moment, which the first request shall not wait for
        else:
            self.load(*_spread(options.populations))

    # What people do.

    def load(self, ids: Sequence[int], updated_at: Sequence[int], deleted: Sequence[bool] | None = None) -> None:
        """Hold exactly these leads and no others; the account stops living by itself."""
        with self._lock:
            self._history = None
            self._set.clear()
            self._late.clear()
            self._events.clear()
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
            self._note(at, lead_id, "made")
            standing = Standing(lead_id, values.get("created_at", at), at)
            self._apply(standing, values)
            return lead_id

    def edit(self, lead_id: int, *, touch: bool = True, **values: Any) -> int:
        """Change a lead. Returns its new `updated_at`: now, the one given, or the old one without `touch`."""
        with self._lock:
            standing = self._standing(lead_id)
            at = values.get("updated_at", self._clock.seconds() if touch else standing.updated_at)
            made = values.get("created_at", standing.created_at)
            self._apply(Standing(lead_id, made, at, standing.revision + 1, standing.state), values)
            return int(at)

    def delete(self, lead_id: int) -> int:
        """Move a lead to the trash. Returns its new `updated_at`."""
        return self._move(lead_id, State.TRASHED, "deleted")

    def restore(self, lead_id: int) -> int:
        """Take a lead out of the trash. Returns its new `updated_at`."""
        return self._move(lead_id, State.LIVE, "restored")

    def purge(self, lead_id: int) -> int:
        """Remove a lead without a trace, as emptying the trash and merging into another lead do."""
        return self._move(lead_id, State.GONE, "purged")

    def jump(self, lead_id: int, updated_at: int) -> int:
        """Give a lead another `updated_at`, backwards too: whoever writes by the API may set it."""
        return self.edit(lead_id, updated_at=updated_at)

    def touch_some(self) -> None:
        """What other people do during one answer, by the options."""
        options = self.options
        since = options.touched_from or 0
        until = FOREVER if options.touched_to is None else options.touched_to
        with self._lock:
            for lead_id in self._some_ids(options.edits_per_answer, since, until):
                self.edit(lead_id)
            for lead_id in self._some_ids(options.deletions_per_answer, since, until):
                self.delete(lead_id)
            for _ in range(options.jumps_per_answer):
                self._jump_one(since, min(until, self._clock.seconds()))

    # What amoCRM shows.

    def page(self, query: LeadQuery) -> Page:
        """One page of the list of leads, or of the trash if that is asked for."""
        with self._lock:
            self._catch_up()
            trash = "only_deleted" in query.extras and not self.options.only_deleted_ignored
            state = State.TRASHED if trash else State.LIVE
            begin = (query.page - 1) * query.limit
            ids = self._ordered(query, state)
            chosen = ids[begin : begin + query.limit]
            return Page([self._shown(each) for each in chosen], len(ids) > begin + query.limit)

    def lead(self, lead_id: int) -> Json | None:
        """A lead as amoCRM shows it alone; None for one that is deleted or never was."""
        with self._lock:
            self._catch_up()
            standing = self._table.find(lead_id)
            return self._shown(lead_id) if standing and standing.state == State.LIVE else None

    def stamps(self, since: int = 0, until: int = FOREVER, *, deleted: bool = False) -> dict[int, int]:
        """`updated_at` by id of all leads of a list in a closed interval: what a complete reading must find."""
        with self._lock:
            self._catch_up()
            state = State.TRASHED if deleted else State.LIVE
            index, start, stop = self._table.keys(state, since=since, until=until)
            return {id_of(key): second_of(key) for key in index[start:stop]}

    def events(self) -> list[LeadEvent]:
        """Leads added, deleted and restored, in the order in which it happened."""
        with self._lock:
            self._catch_up()
            return list(self._events)

    # How it is done.

    def _ordered(self, query: LeadQuery, state: State) -> Sequence[int]:
        index, start, stop = self._table.keys(state, since=query.updated.since, until=query.updated.until)
        ids: Sequence[int]
        if "id" in query.choices:
            index = self._picked(query, state)
            start, stop = 0, len(index)
        if query.order == "updated_at" and not self.options.unstable_ties:
            ids = _Ids(index, start, stop, descending=query.descending)
        else:
            ids = sorted((id_of(key) for key in index[start:stop]), reverse=query.descending)
            if query.order != "id":
                ids = sorted(ids, key=self._order_key(query.order), reverse=query.descending)
        if query.intervals or query.choices or query.statuses or self.options.hides_incoming:
            return [each for each in ids if self._passes(self._shown(each), query)]
        return ids

    def _picked(self, query: LeadQuery, state: State) -> array[int]:
        """Index keys of leads asked for by id, so that nobody looks through the whole account for them."""
        asked = (self._table.find(int(each)) for each in query.choices["id"] if each.isdecimal())
        return array("Q", sorted(
            key_of(each.updated_at, each.id)
            for each in asked
            if each and each.state == state and each.updated_at in query.updated
        ))  # fmt: skip

    def _order_key(self, field: str) -> Callable[[int], tuple[int, float]]:
        """Ties come in order of id, or differently at each asking."""

        def key(lead_id: int) -> tuple[int, float]:
            standing = self._standing(lead_id)
            at = standing.updated_at if field == "updated_at" else standing.created_at
            return at, self._rng.random() if self.options.unstable_ties else lead_id

        return key

    def _passes(self, lead: Json, query: LeadQuery) -> bool:
        if query.statuses:
            if (str(lead["pipeline_id"]), str(lead["status_id"])) not in query.statuses:
                return False
        elif self.options.hides_incoming and self._is_incoming(lead):
            return False
        return all(lead[name] in interval for name, interval in query.intervals) and all(
            str(lead[name]) in values for name, values in query.choices.items()
        )

    def _is_incoming(self, lead: Json) -> bool:
        return any(
            status["id"] == lead["status_id"] and status["type"] == INCOMING
            for pipeline in self.content.pipelines
            for status in pipeline["_embedded"]["statuses"]
        )

    def _shown(self, lead_id: int) -> Json:
        standing = self._standing(lead_id)
        if standing.state == State.TRASHED:
            return self.content.stub(standing)
        lead = self.content.content(standing, minor_units=self.options.minor_units)
        return lead | self._set[lead_id] if lead_id in self._set else lead

    def _standing(self, lead_id: int) -> Standing:
        standing = self._table.find(lead_id)
        if standing is None:
            raise KeyError(f"the sandbox has no lead {lead_id}")
        return standing

    def _move(self, lead_id: int, state: State, deed: Deed) -> int:
        with self._lock:
            before = self._standing(lead_id)
            at = self._clock.seconds()
            self._apply(Standing(lead_id, before.created_at, at, before.revision + 1, state), {})
            self._note(at, lead_id, deed)
            return at

    def _apply(self, standing: Standing, values: Json) -> None:
        """At once, or when the lag has passed."""

        def apply() -> None:
            self._table.put([standing])
            if kept := {name: value for name, value in values.items() if name not in _COLUMNS}:
                self._set[standing.id] = self._set.get(standing.id, {}) | kept

        if self.options.lag_seconds:
            due_at = self._clock.seconds() + self.options.lag_seconds
            heapq.heappush(self._late, (due_at, len(self._late), apply))
        else:
            apply()

    def _catch_up(self) -> None:
        """Bring the account to the present, or to where the lag lets people see it."""
        now = self._clock.seconds()
        while self._late and self._late[0][0] <= now:
            heapq.heappop(self._late)[2]()
        if self._history:
            changed: dict[int, Standing] = {}
            for at, lead_id, deed in self._history.until(now - self.options.lag_seconds):
                before = changed.get(lead_id) or self._table.find(lead_id)
                after = _after(before, lead_id, deed, at)
                if after:
                    changed[lead_id] = after
                    self._note(at, lead_id, deed)
            self._table.put(changed.values())

    def _note(self, at: int, lead_id: int, deed: Deed) -> None:
        if deed in _EVENTS:
            self._events.append(LeadEvent(at, lead_id, _EVENTS[deed]))

    def _some_ids(self, count: int, since: int, until: int) -> list[int]:
        if not count:
            return []
        index, start, stop = self._table.keys(State.LIVE, since=since, until=until)
        places = self._rng.sample(range(start, stop), min(count, stop - start))
        return [id_of(index[place]) for place in places]

    def _jump_one(self, since: int, until: int) -> None:
        """To shortly before the interval, or from elsewhere into it."""
        if self._rng.choice((True, False)):
            for lead_id in self._some_ids(1, since, until):
                self.jump(lead_id, max(since - 1 - self._rng.randrange(3600), 0))
        else:
            for lead_id in self._some_ids(1, until + 1, FOREVER) or self._some_ids(1, 0, since - 1):
                self.jump(lead_id, self._rng.randint(since, until))


class _Ids(Sequence[int]):
    """A part of an index as a sequence of ids, forwards or backwards, without copying it."""

    def __init__(self, index: Sequence[int], start: int, stop: int, *, descending: bool) -> None:
        self._index = index
        self._places = range(stop - 1, start - 1, -1) if descending else range(start, stop)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> list[int]: ...
    def __getitem__(self, place: int | slice) -> int | list[int]:
        if isinstance(place, slice):
            return [id_of(self._index[each]) for each in self._places[place]]
        return id_of(self._index[self._places[place]])


def _after(before: Standing | None, lead_id: int, deed: Deed, at: int) -> Standing | None:
    """Where a lead stands after a deed; None when the deed finds nothing to do."""
    if before is None:
        return Standing(lead_id, at, at) if deed == "made" else None
    if deed == "made":
        return None  # somebody has already made it by hand
    needed, state = _MOVES[deed]
    if before.state != needed:
        return None
    return Standing(lead_id, before.created_at, max(at, before.updated_at), before.revision + 1, state)


def _spread(populations: Iterable[Population]) -> tuple[list[int], list[int], list[bool]]:
    """Ids and seconds of the populations, ids rising from one to the next."""
    ids: list[int] = []
    updated_at: list[int] = []
    deleted: list[bool] = []
    for population in populations:
        count = population.leads
        stride = _STRIDE if count % _STRIDE else 1
        span = population.updated_to - population.updated_from
        first = _FIRST_ID + len(ids)
        ids.extend(range(first, first + count))
        updated_at.extend(
            population.updated_from + place * stride % count * span // max(count - 1, 1) for place in range(count)
        )
        deleted.extend([population.deleted] * count)
    return ids, updated_at, deleted
