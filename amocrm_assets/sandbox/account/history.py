"""The history of the account: which lead is created, edited, deleted, restored, purged or merged at which second.

It is computed from the seed and the calendar alone, so a restarted sandbox has the same history, continued to the
present. Manual changes are not part of it.
"""

from __future__ import annotations

from collections import deque
from random import Random
from typing import TYPE_CHECKING, Literal, NamedTuple

from amocrm_assets.sandbox.account.leads import mixed
from amocrm_assets.sandbox.account.table import LeadVersion, State

if TYPE_CHECKING:
    from collections.abc import Iterator

Change = Literal["made", "changed", "deleted", "restored", "purged", "merged"]

BEGINNING = 1735678800  # 2025-01-01T00:00 in Moscow
DAY = 86_400
_FIRST_ID = 21_000_001
_ID_STEP = 23
_TRASH_DAYS = 30
_BULK_EVERY_DAYS = 7
_WEEKEND_SHARE = 0.3
_MERGED_SHARE = 8  # one of so many leads that would be deleted is merged into the one before

_MOVES = {
    "changed": (State.LIVE, State.LIVE),
    "deleted": (State.LIVE, State.TRASHED),
    "restored": (State.TRASHED, State.LIVE),
    "purged": (State.TRASHED, State.GONE),
    "merged": (State.LIVE, State.GONE),
}


class Event(NamedTuple):
    """One change at one second."""

    at: int
    lead_id: int
    change: Change


class History:
    """Returns the events up to an instant, each once, in order of time."""

    def __init__(self, seed: int, *, leads_per_day: int) -> None:
        self._seed = seed
        self._leads_per_day = leads_per_day
        self._day = 0
        self._ids: list[int] = []
        self._waiting: deque[Event] = deque()
        self._to_purge: deque[tuple[int, int]] = deque()

    def until(self, now: int) -> Iterator[Event]:
        """The events up to `now` that were not returned before."""
        while True:
            while self._waiting and self._waiting[0].at <= now:
                yield self._waiting.popleft()
            if self._waiting or BEGINNING + self._day * DAY > now:
                return
            self._waiting.extend(sorted(self._one_day()))
            self._day += 1

    def _one_day(self) -> Iterator[Event]:
        rng = Random(f"{self._seed} {self._day}")  # noqa: S311  # it generates data, no secrets
        midnight = BEGINNING + self._day * DAY
        # 2025-01-01 was a Wednesday.
        share = _WEEKEND_SHARE if (self._day + 2) % 7 >= 5 else 1.0  # noqa: PLR2004  # Saturday, Sunday
        before = len(self._ids)
        made = round(self._leads_per_day * share * rng.uniform(0.8, 1.2))
        for at in sorted(_moment(rng, midnight) for _ in range(made)):
            self._ids.append(self._new_id())
            yield Event(at, self._ids[-1], "made")
        if before:
            yield from self._changes(rng, midnight, before, round(3 * made))
            yield from self._trash(rng, midnight, before)

    def _changes(self, rng: Random, midnight: int, before: int, count: int) -> Iterator[Event]:
        """Mostly of young leads, since old ones are closed; once a week hundreds are changed in one second."""
        for _ in range(count):
            place = max(before - 1 - int(rng.expovariate(1 / 1200)), 0)
            yield Event(_moment(rng, midnight), self._ids[place], "changed")
        if self._day % _BULK_EVERY_DAYS == 0:
            at = midnight + 18 * 3600 + rng.randrange(3600)
            for place in rng.sample(range(before), min(before, 4 * self._leads_per_day)):
                yield Event(at, self._ids[place], "changed")

    def _trash(self, rng: Random, midnight: int, before: int) -> Iterator[Event]:
        while self._to_purge and self._to_purge[0][0] <= self._day:
            yield Event(midnight + 3 * 3600, self._to_purge.popleft()[1], "purged")
        for _ in range(self._leads_per_day // 25):
            place, at = rng.randrange(before), _moment(rng, midnight)
            lead_id, is_restored = self._ids[place], rng.random() < 0.2  # noqa: PLR2004
            if place and mixed(lead_id, self._seed) % _MERGED_SHARE == 0:
                yield Event(at, lead_id, "merged")
                yield Event(at, self._ids[place - 1], "changed")
                continue
            yield Event(at, lead_id, "deleted")
            if is_restored:
                yield Event(min(at + 600, midnight + DAY - 1), lead_id, "restored")
            else:
                self._to_purge.append((self._day + _TRASH_DAYS, lead_id))

    def _new_id(self) -> int:
        """Ids rise with gaps, since amoCRM's accounts share one sequence."""
        place = len(self._ids)
        return _FIRST_ID + place * _ID_STEP + mixed(self._seed, place) % _ID_STEP


def version_after(before: LeadVersion | None, lead_id: int, change: Change, at: int) -> LeadVersion | None:
    """The version of a lead after a change; None if the change does not apply."""
    if before is None:
        return LeadVersion(lead_id, at, at) if change == "made" else None
    if change == "made":
        return None  # it was created manually before
    needed, state = _MOVES[change]
    if before.state != needed:
        return None
    return LeadVersion(lead_id, before.created_at, max(at, before.updated_at), before.revision + 1, state)


def _moment(rng: Random, midnight: int) -> int:
    """A second of the day: mostly in office hours; changes by robots at any time."""
    if rng.random() < 0.1:  # noqa: PLR2004
        return midnight + rng.randrange(DAY)
    return midnight + 9 * 3600 + int((rng.random() + rng.random()) * 5 * 3600)
