"""All events of the account in order of time: of its leads, contacts, companies, tasks and notes."""

from __future__ import annotations

import heapq
from itertools import chain
from typing import TYPE_CHECKING

from amocrm_assets.sandbox.account import events
from amocrm_assets.sandbox.account.follow_up_events import NOTE_EVENTS, TASK_EVENTS
from amocrm_assets.sandbox.account.linked_events import LINKED_EVENTS
from amocrm_assets.sandbox.account.query import FOREVER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from amocrm_assets.sandbox.account.account import Account
    from amocrm_assets.sandbox.account.events import AccountEvent
    from amocrm_assets.sandbox.account.follow_up_events import EventKinds, RecordsWithChanges

_SOURCES = (*LINKED_EVENTS.values(), TASK_EVENTS, *NOTE_EVENTS.values())
KINDS = tuple(dict.fromkeys((*events.KINDS, *chain.from_iterable(each.changes for each in _SOURCES))))


class EventFeed:
    """The events that a complete reading must find."""

    def __init__(
        self,
        account: Account,
        linked: Mapping[str, RecordsWithChanges],
        tasks: RecordsWithChanges,
        notes: Mapping[str, RecordsWithChanges],
    ) -> None:
        self._account = account
        self._sources = [
            *((linked[kind], LINKED_EVENTS[kind]) for kind in linked),
            (tasks, TASK_EVENTS),
            *((notes[owners], NOTE_EVENTS[owners]) for owners in notes),
        ]

    def between(
        self,
        since: int = 0,
        until: int = FOREVER,
        *,
        kinds: frozenset[str] = frozenset(),
        newest_first: bool = False,
    ) -> Iterator[AccountEvent]:
        """Events of a closed interval of seconds, of these kinds or of all."""
        feeds = [self._of_leads(since, until, kinds, newest_first=newest_first)]
        for records, source in self._sources:
            if wanted := _changes(source, kinds):
                feeds.append(_of_records(records, source, wanted, (since, until), newest_first=newest_first))
        found = heapq.merge(*feeds, key=lambda event: event.at, reverse=newest_first)
        return (event for event in found if not kinds or event.kind in kinds)

    def _of_leads(
        self, since: int, until: int, kinds: frozenset[str], *, newest_first: bool
    ) -> Iterator[AccountEvent]:
        account, changes = self._account, events.changes_of_kinds(kinds)
        if changes:
            for done in account.changes_between(since, until, newest_first=newest_first):
                if done.change in changes:
                    yield from _directed(events.events_of(done, account.content, account.changes), newest_first)


def _of_records(
    records: RecordsWithChanges,
    source: EventKinds,
    changes: frozenset[str],
    ends: tuple[int, int],
    *,
    newest_first: bool,
) -> Iterator[AccountEvent]:
    for done in records.changes_between(*ends, newest_first=newest_first):
        if done.change in changes:
            yield from _directed(source.of(done, records), newest_first)


def _changes(source: EventKinds, kinds: frozenset[str]) -> frozenset[str]:
    """The changes that cause events of these kinds; no kinds: all."""
    return frozenset().union(*(changes for kind, changes in source.changes.items() if not kinds or kind in kinds))


def _directed(found: Iterator[AccountEvent], newest_first: bool) -> Iterator[AccountEvent]:  # noqa: FBT001
    return reversed(list(found)) if newest_first else found
