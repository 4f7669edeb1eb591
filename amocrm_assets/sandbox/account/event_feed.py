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
    from amocrm_assets.sandbox.account.follow_up_events import EventKinds, RecordsWithDeeds

_SOURCES = (*LINKED_EVENTS.values(), TASK_EVENTS, *NOTE_EVENTS.values())
KINDS = tuple(dict.fromkeys((*events.KINDS, *chain.from_iterable(each.deeds for each in _SOURCES))))


class EventFeed:
    """What a complete reading of events must find."""

    def __init__(
        self,
        account: Account,
        linked: Mapping[str, RecordsWithDeeds],
        tasks: RecordsWithDeeds,
        notes: Mapping[str, RecordsWithDeeds],
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
        """Those of a closed interval of seconds, and of some kinds if any are named."""
        feeds = [self._of_leads(since, until, kinds, newest_first=newest_first)]
        for records, source in self._sources:
            if wanted := _deeds(source, kinds):
                feeds.append(_of_records(records, source, wanted, (since, until), newest_first=newest_first))
        found = heapq.merge(*feeds, key=lambda event: event.at, reverse=newest_first)
        return (event for event in found if not kinds or event.kind in kinds)

    def _of_leads(
        self, since: int, until: int, kinds: frozenset[str], *, newest_first: bool
    ) -> Iterator[AccountEvent]:
        account, deeds = self._account, events.deeds_of_kinds(kinds)
        if deeds:
            for done in account.deeds_between(since, until, newest_first=newest_first):
                if done.deed in deeds:
                    yield from _directed(events.events_of(done, account.content, account.deeds), newest_first)


def _of_records(
    records: RecordsWithDeeds,
    source: EventKinds,
    deeds: frozenset[str],
    ends: tuple[int, int],
    *,
    newest_first: bool,
) -> Iterator[AccountEvent]:
    for done in records.deeds_between(*ends, newest_first=newest_first):
        if done.deed in deeds:
            yield from _directed(source.of(done, records), newest_first)


def _deeds(source: EventKinds, kinds: frozenset[str]) -> frozenset[str]:
    """The deeds that such events may come of; no kinds are all."""
    return frozenset().union(*(deeds for kind, deeds in source.deeds.items() if not kinds or kind in kinds))


def _directed(found: Iterator[AccountEvent], newest_first: bool) -> Iterator[AccountEvent]:  # noqa: FBT001
    return reversed(list(found)) if newest_first else found
