"""What happened to leads, as `/api/v4/events` tells it: made, moved to another stage, given away, deleted, tagged.

Events follow from deeds: a lead as it was before and after each. Those of contacts and companies are in
`linked_events`, of tasks and notes in `follow_up_events`; which of them are asked for is known in `event_query`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from amocrm_assets.sandbox.account.table import LeadVersion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.sandbox.account.deeds import DeedLog, Done
    from amocrm_assets.sandbox.account.leads import Leads

Json = dict[str, Any]
Values = list[Json]

_OF_DEED = {"made": "lead_added", "deleted": "lead_deleted", "restored": "lead_restored"}
# What a comparison of a lead before and after can show.
_COMPARED = frozenset({
    "lead_status_changed", "entity_responsible_changed", "sale_field_changed", "name_field_changed",
})  # fmt: skip
KINDS = (*_OF_DEED.values(), *sorted(_COMPARED), "entity_tag_added")
_DEEDS_OF_KIND = {
    **{kind: frozenset({deed}) for deed, kind in _OF_DEED.items()},
    **dict.fromkeys(_COMPARED, frozenset({"changed", "restored"})),
    "entity_tag_added": frozenset({"made"}),
}

_LISTS = {"lead": "leads", "contact": "contacts", "company": "companies", "task": "tasks"}


class AccountEvent(NamedTuple):
    """One thing that happened to one record. `entity_type` is singular: `lead`, `contact`, `company`, `task`."""

    at: int
    id: str
    entity_type: str
    entity_id: int
    kind: str
    created_by: int
    before: Values
    after: Values

    def shown(self, account_id: int, base: str) -> Json:
        """The event as amoCRM shows it."""
        entity = {"href": f"{base}/{_LISTS[self.entity_type]}/{self.entity_id}"}
        return {
            "id": self.id,
            "type": self.kind,
            "entity_id": self.entity_id,
            "entity_type": self.entity_type,
            "created_by": self.created_by,
            "created_at": self.at,
            "value_after": self.after,
            "value_before": self.before,
            "account_id": account_id,
            "_links": {"self": {"href": f"{base}/events/{self.id}"}},
            "_embedded": {"entity": {"id": self.entity_id, "_links": {"self": entity}}},
        }


def deeds_of_kinds(kinds: frozenset[str]) -> frozenset[str]:
    """The deeds that such events may come of; no kinds are all."""
    named = (_DEEDS_OF_KIND.get(kind, frozenset()) for kind in kinds or KINDS)
    return frozenset().union(*named)


def events_of(done: Done, content: Leads, deeds: DeedLog) -> Iterator[AccountEvent]:
    """The events of one deed, in the order of their ids."""
    after = _looks(done.lead_id, done.revision, done.sets, content, deeds)
    by = after["created_by"] if done.deed == "made" else after["updated_by"]
    changes: list[tuple[str, Values, Values]] = []
    if done.deed in _OF_DEED:
        changes.append((_OF_DEED[done.deed], [], []))
    if done.deed == "made":
        changes += [
            ("entity_tag_added", [], [{"tag": {"name": tag["name"]}}]) for tag in content.tags(done.lead_id)
        ]
    if done.deed in {"changed", "restored"}:
        changes += _compared(_looks(done.lead_id, done.base, done.base_sets, content, deeds), after)
    for place, (kind, before, now) in enumerate(changes):
        event_id = event_id_of(done, done.revision, place)
        yield AccountEvent(done.at, event_id, "lead", done.lead_id, kind, by, before, now)


def event_id_of(done: Done, number: int, place: int) -> str:
    """26 characters that sort by time, as amoCRM's do."""
    return f"{done.at:010d}{done.lead_id:010d}{number % 10_000:04d}{place:02d}"


def _looks(lead_id: int, revision: int, sets: int, content: Leads, deeds: DeedLog) -> Json:
    return content.content(LeadVersion(lead_id, 0, 0, revision)) | deeds.set_by_hand(lead_id, sets)


def _compared(before: Json, after: Json) -> Iterator[tuple[str, Values, Values]]:
    for kind, shape in (
        ("lead_status_changed", _stage),
        ("entity_responsible_changed", responsible),
        ("sale_field_changed", _sale),
        ("name_field_changed", _name),
    ):
        if (was := shape(before)) != (now := shape(after)):
            yield kind, [was], [now]


def _stage(lead: Json) -> Json:
    return {"lead_status": {"id": lead["status_id"], "pipeline_id": lead["pipeline_id"]}}


def responsible(record: Json) -> Json:
    """The value of `entity_responsible_changed`, before or after it."""
    return {"responsible_user": {"id": record["responsible_user_id"]}}


def _sale(lead: Json) -> Json:
    return {"sale_field_value": {"sale": lead["price"]}}


def _name(lead: Json) -> Json:
    return {"name_field_value": {"name": lead["name"]}}
