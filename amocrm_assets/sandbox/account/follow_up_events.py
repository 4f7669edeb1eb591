"""Events of tasks and notes in `/api/v4/events`: tasks created, postponed, completed; calls; texts.

amoCRM does not document the values of tasks' events; here each is named after the changed property.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from amocrm_assets.sandbox.account.events import AccountEvent, event_id_of, responsible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from amocrm_assets.sandbox.account.change_log import LoggedChange
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


class RecordsWithChanges(Protocol):
    """A list with the log of changes of its records."""

    def changes_between(self, since: int, until: int, *, newest_first: bool = False) -> list[LoggedChange]:
        """The changes of a closed interval of seconds."""

    def as_of(self, done: LoggedChange, *, before: bool = False) -> Json:
        """A record as it was after a change, or before it."""


@dataclass(frozen=True)
class EventKinds:
    """The events of one list: by kind the changes that cause them, and a function from a change to events."""

    entity_type: str
    changes: Mapping[str, frozenset[str]]
    events_of: Callable[[str, Json, Json], Iterable[EventValues]]
    id_of: str = "id"
    """The property with the id of the record that an event is about."""

    def of(self, done: LoggedChange, records: RecordsWithChanges) -> Iterator[AccountEvent]:
        """The events of one change, in the order of their ids."""
        after = records.as_of(done)
        before = records.as_of(done, before=True) if done.change == "changed" else {}
        by = after["created_by"] if done.change == "made" else after["updated_by"]
        for place, (kind, was, now) in enumerate(self.events_of(done.change, before, after)):
            # Setting values does not create a revision.
            event_id = event_id_of(done, done.revision + done.sets, place)
            yield AccountEvent(done.at, event_id, self.entity_type, after[self.id_of], kind, by, was, now)


def _of_task(change: str, before: Json, after: Json) -> Iterator[EventValues]:
    if change in {"made", "deleted"}:
        yield {"made": "task_added", "deleted": "task_deleted"}[change], [], []
        return
    if after["is_completed"] and not before["is_completed"]:
        yield "task_completed", [], []
    if after["result"] and after["result"] != before["result"]:
        yield "task_result_added", [], [{"task_result": {"text": after["result"]["text"]}}]
    for kind, shape in _TASK_COMPARED.items():
        if (was := shape(before)) != (now := shape(after)):
            yield kind, [was], [now]


def _of_note(change: str, _: Json, after: Json) -> Iterator[EventValues]:
    """Deleted calls and edited notes have no event."""
    note: Json = {"note": {"id": after["id"]}}
    if change == "made":
        yield _CALLS.get(after["note_type"], "common_note_added"), [], [note]
    elif change == "deleted" and after["note_type"] not in _CALLS:
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
