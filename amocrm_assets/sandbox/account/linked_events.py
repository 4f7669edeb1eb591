"""What happened to contacts and companies, as `/api/v4/events` tells it: made, deleted, restored, given away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amocrm_assets.sandbox.account.events import responsible
from amocrm_assets.sandbox.account.follow_up_events import EventKinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.sandbox.account.follow_up_events import EventValues

Json = dict[str, Any]

_OF_DEED = {"made": "added", "deleted": "deleted", "restored": "restored"}


def _kinds_of(entity_type: str) -> EventKinds:
    def events_of(deed: str, before: Json, after: Json) -> Iterator[EventValues]:
        if deed in _OF_DEED:
            yield f"{entity_type}_{_OF_DEED[deed]}", [], []
        elif (was := responsible(before)) != (now := responsible(after)):
            yield "entity_responsible_changed", [was], [now]

    deeds = {f"{entity_type}_{kind}": frozenset({deed}) for deed, kind in _OF_DEED.items()}
    return EventKinds(entity_type, deeds | {"entity_responsible_changed": frozenset({"changed"})}, events_of)


LINKED_EVENTS = {"contacts": _kinds_of("contact"), "companies": _kinds_of("company")}
