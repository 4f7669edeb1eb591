"""Events of contacts and companies in `/api/v4/events`: created, deleted, restored, reassigned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amocrm_assets.sandbox.account.events import responsible
from amocrm_assets.sandbox.account.follow_up_events import EventKinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.sandbox.account.follow_up_events import EventValues

Json = dict[str, Any]

_OF_CHANGE = {"made": "added", "deleted": "deleted", "restored": "restored"}


def _kinds_of(entity_type: str) -> EventKinds:
    def events_of(change: str, before: Json, after: Json) -> Iterator[EventValues]:
        if change in _OF_CHANGE:
            yield f"{entity_type}_{_OF_CHANGE[change]}", [], []
        elif (was := responsible(before)) != (now := responsible(after)):
            yield "entity_responsible_changed", [was], [now]

    changes = {f"{entity_type}_{kind}": frozenset({change}) for change, kind in _OF_CHANGE.items()}
    return EventKinds(entity_type, changes | {"entity_responsible_changed": frozenset({"changed"})}, events_of)


LINKED_EVENTS = {"contacts": _kinds_of("contact"), "companies": _kinds_of("company")}
