"""What happened to tasks and notes, as `/api/v4/events` tells it: tasks set, put off, done; calls; texts written.

Nobody documents which objects the values of tasks' events hold; here they are called after what was changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from amocrm_assets.sandbox.account.events import AccountEvent, event_id_of, responsible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from amocrm_assets.sandbox.account.deeds import Done
    from amocrm_assets.sandbox.account.events import Values

Json = dict[str, Any]
EventValues = tuple[str, "Values", "Values"]

_TASK_COMPARED: Mapping[str, Callable[[Json], Json]] = {
    "task_text_changed": lambda task: {"task": {"text": task["text"]}},
    "task_type_changed": lambda task: {"task_type": {"id": task["task_type_id"]}},
    "task_deadline_changed": lambda task: {"task_deadline": {"timestamp": task["complete_till"]}},
    "entity_responsible_changed": responsible,
}
_CALLS = {"call_in": "incoming_call", "call_out": "outgoing_call"}
_ENTITIES = {"leads": "lead", "contacts": "contact", "companies": "company"}


class RecordsWithDeeds(Protocol):
    """A list that knows what was done to its records."""

    def deeds_between(self, since: int, until: int, *, newest_first: bool = False) -> list[Done]:
        """The deeds of a closed interval of seconds."""

    def as_of(self, done: Done, *, before: bool = False) -> Json:
        """A record as it was after a deed, or before it."""


@dataclass(frozen=True)
class EventKinds:
    """The events of one list: by kind the deeds that cause them, and a function from a deed to events."""

    entity_type: str
    deeds: Mapping[str, frozenset[str]]
    events_of: Callable[[str, Json, Json], Iterable[EventValues]]
    id_of: str = "id"
    """The property with the id of the record that an event is about."""

    def of(self, done: Done, records: RecordsWithDeeds) -> Iterator[AccountEvent]:
        """The events of one deed, in the order of their ids."""
        after = records.as_of(done)
        before = records.as_of(done, before=True) if done.deed == "changed" else {}
        by = after["created_by"] if done.deed == "made" else after["updated_by"]
        for place, (kind, was, now) in enumerate(self.events_of(done.deed, before, after)):
            # Values that are set make no revision.
            event_id = event_id_of(done, done.revision + done.sets, place)
            yield AccountEvent(done.at, event_id, self.entity_type, after[self.id_of], kind, by, was, now)


def _of_task(deed: str, before: Json, after: Json) -> Iterator[EventValues]:
    if deed in {"made", "deleted"}:
        yield {"made": "task_added", "deleted": "task_deleted"}[deed], [], []
        return
    if after["is_completed"] and not before["is_completed"]:
        yield "task_completed", [], []
    if after["result"] and after["result"] != before["result"]:
        yield "task_result_added", [], [{"task_result": {"text": after["result"]["text"]}}]
    for kind, shape in _TASK_COMPARED.items():
        if (was := shape(before)) != (now := shape(after)):
            yield kind, [was], [now]


def _of_note(deed: str, _: Json, after: Json) -> Iterator[EventValues]:
    """A call that is deleted leaves no event, and nor does anything that is edited."""
    note: Json = {"note": {"id": after["id"]}}
    if deed == "made":
        yield _CALLS.get(after["note_type"], "common_note_added"), [], [note]
    elif deed == "deleted" and after["note_type"] not in _CALLS:
        yield "common_note_deleted", [note], []


TASK_EVENTS = EventKinds(
    "task",
    {
        "task_added": frozenset({"made"}),
        "task_deleted": frozenset({"deleted"}),
        **dict.fromkeys(("task_completed", "task_result_added", *_TASK_COMPARED), frozenset({"changed"})),
    },
    _of_task,
)
NOTE_EVENTS = {
    owners: EventKinds(
        entity_type,
        {
            **dict.fromkeys((*_CALLS.values(), "common_note_added"), frozenset({"made"})),
            "common_note_deleted": frozenset({"deleted"}),
        },
        _of_note,
        id_of="entity_id",
    )
    for owners, entity_type in _ENTITIES.items()
}
