"""Events of leads in `/api/v4/events`: created, linked, moved, reassigned, deleted, merged, tagged.

Events are computed from changes: the lead before and after each. For those of contacts and companies see
`linked_events`, of tasks and notes `follow_up_events`; for queries `event_query`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from amocrm_assets.sandbox.account.links import company_of_lead, contacts_of
from amocrm_assets.sandbox.account.table import LeadVersion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.sandbox.account.change_log import ChangeLog, LoggedChange
    from amocrm_assets.sandbox.account.leads import Leads

Json = dict[str, Any]
Values = list[Json]

_OF_CHANGE = {
    "made": "lead_added", "deleted": "lead_deleted", "restored": "lead_restored", "merged": "entity_merged",
}  # fmt: skip
# Kinds that a comparison of a lead before and after finds.
_COMPARED = frozenset({
    "lead_status_changed", "entity_responsible_changed", "sale_field_changed", "name_field_changed",
})  # fmt: skip
_OF_MADE = ("entity_linked", "entity_tag_added")
KINDS = (*_OF_CHANGE.values(), *sorted(_COMPARED), *_OF_MADE)
_CHANGES_OF_KIND = {
    **{kind: frozenset({change}) for change, kind in _OF_CHANGE.items()},
    **dict.fromkeys(_COMPARED, frozenset({"changed", "restored"})),
    **dict.fromkeys(_OF_MADE, frozenset({"made"})),
}

_LISTS = {"lead": "leads", "contact": "contacts", "company": "companies", "task": "tasks"}


class AccountEvent(NamedTuple):
    """One event of one record. `entity_type` is singular: `lead`, `contact`, `company`, `task`."""

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


def changes_of_kinds(kinds: frozenset[str]) -> frozenset[str]:
    """The changes that cause events of these kinds; no kinds: all."""
    named = (_CHANGES_OF_KIND.get(kind, frozenset()) for kind in kinds or KINDS)
    return frozenset().union(*named)


def events_of(done: LoggedChange, content: Leads, changes: ChangeLog) -> Iterator[AccountEvent]:
    """The events of one change, in the order of their ids."""
    after = _content_at(done.lead_id, done.revision, done.sets, content, changes)
    by = after["created_by"] if done.change == "made" else after["updated_by"]
    found: list[tuple[str, Values, Values]] = []
    if done.change in _OF_CHANGE:
        found.append((_OF_CHANGE[done.change], [], []))
    if done.change == "made":
        found += [("entity_linked", [], [link]) for link in _links(done.lead_id, content.seed)]
        found += [("entity_tag_added", [], [{"tag": {"name": tag["name"]}}]) for tag in content.tags(done.lead_id)]
    if done.change in {"changed", "restored"}:
        found += _compared(_content_at(done.lead_id, done.base, done.base_sets, content, changes), after)
    for place, (kind, before, now) in enumerate(found):
        event_id = event_id_of(done, done.revision, place)
        yield AccountEvent(done.at, event_id, "lead", done.lead_id, kind, by, before, now)


def _links(lead_id: int, seed: int) -> Iterator[Json]:
    """The contacts and the company that a lead is created with. The inner shape of the values is undocumented."""
    for contact in contacts_of(lead_id, seed):
        yield {"link": {"entity": {"type": "contact", "id": contact}}}
    if company := company_of_lead(lead_id, seed):
        yield {"link": {"entity": {"type": "company", "id": company}}}


def event_id_of(done: LoggedChange, number: int, place: int) -> str:
    """26 characters that sort by time, like amoCRM's."""
    return f"{done.at:010d}{done.lead_id:010d}{number % 10_000:04d}{place:02d}"


def _content_at(lead_id: int, revision: int, sets: int, content: Leads, changes: ChangeLog) -> Json:
    return content.content(LeadVersion(lead_id, 0, 0, revision)) | changes.set_by_hand(lead_id, sets)


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
