"""Events: the only history in amoCRM, append-only, by the second in which they happened.

https://www.amocrm.ru/developers/content/crm_platform/events-and-notes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amocrm_assets.entities.choices import Choices
from amocrm_assets.entities.entity import Entity
from amocrm_assets.entities.record_list import RecordList
from amocrm_assets.entities.table import Column, Derived, Table

# Each is requested by name: an unfiltered list may not contain all types. Both amocrm.ru and Kommo document these.
# Omitted are values of custom fields, names, and texts of tasks, mails and notes: they contain personal data, and
# little about the course of a sale.
TYPES = (
    "lead_added", "lead_deleted", "lead_restored", "lead_status_changed", "lead_linked", "lead_unlinked",
    "contact_added", "contact_deleted", "contact_restored", "contact_linked", "contact_unlinked",
    "company_added", "company_deleted", "company_restored", "company_linked", "company_unlinked",
    "entity_responsible_changed", "entity_merged", "entity_linked", "entity_unlinked",
    "entity_tag_added", "entity_tag_deleted", "sale_field_changed",
    "task_added", "task_deleted", "task_completed", "task_type_changed", "task_deadline_changed",
    "incoming_call", "outgoing_call", "incoming_chat_message", "outgoing_chat_message", "incoming_sms",
    "outgoing_sms", "talk_created", "talk_closed", "conversation_answered", "robot_replied", "nps_rate_added",
    "key_action_completed", "link_followed",
)  # fmt: skip
# On amocrm.ru; a larger limit falls back to 50.
MAX_LIMIT = 100

_INTEGERS = (
    ("pipeline_id", "Pipeline of the lead", "lead_status_changed"),
    ("status_id", "Stage of the lead", "lead_status_changed"),
    ("responsible_user_id", "Responsible user", "entity_responsible_changed"),
)
_SIDES = ("before", "after")
_COLUMNS = (
    Column("id", "STRING", "The event's id, a text of letters and digits."),
    Column("type", "STRING", "Type of the event, such as `lead_status_changed`."),
    Column("entity_type", "STRING", "Type of the entity: `lead`, `contact`, `company`, `task` and others."),
    Column("entity_id", "INTEGER", "The id of that entity."),
    Column("created_by", "INTEGER", "User who did it; 0 is a robot."),
    Column(
        "created_at",
        "INTEGER",
        "When it happened, Unix seconds, UTC. The shard's day is in the source's `timezone`.",
    ),
    Column("account_id", "INTEGER", "The amoCRM account."),
    *(
        Column(
            f"{name}_{side}",
            "INTEGER",
            f"{what} {side} a `{kind}`; null in other events.",
            api_name=f"value_{side}",
        )
        for name, what, kind in _INTEGERS
        for side in _SIDES
    ),
    *(
        Column(f"value_{side}", "STRING", f"The state {side} the event, as JSON text from amoCRM.", is_json=True)
        for side in _SIDES
    ),
)


def _values(sent: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of the derived columns. Values of an undocumented structure are only in the JSON text."""
    values: dict[str, Any] = {}
    for side in _SIDES:
        value = sent.get(f"value_{side}")
        stage, responsible = _part(value, "lead_status"), _part(value, "responsible_user")
        values |= {
            f"value_{side}": value,
            f"pipeline_id_{side}": stage.get("pipeline_id"),
            f"status_id_{side}": stage.get("id"),
            f"responsible_user_id_{side}": responsible.get("id"),
        }
    return values


def _part(value: Any, name: str) -> Mapping[str, Any]:
    """The object of that name in a list of objects."""
    for each in value if isinstance(value, list) else ():
        if isinstance(each, dict) and isinstance(each.get(name), dict):
            found: Mapping[str, Any] = each[name]
            return found
    return {}


EVENTS = Entity(
    name="events",
    live=RecordList(
        name="events",
        records="events",
        path="/api/v4/events",
        embedded="events",
        kind="appended",
        types=TYPES,
        max_limit=MAX_LIMIT,
    ),
    tables=(
        Table(
            asset="events",
            warehouse_name="amoCrmEvents",
            record="event",
            records="events",
            columns=_COLUMNS,
            preview=("id", "type", "entity_type", "entity_id", "created_by", "created_at"),
            time="created_at",
            derived=Derived(
                properties=("value_before", "value_after"),
                columns=tuple(each.name for each in _COLUMNS if each.sent_as.startswith("value_")),
                values=_values,
                is_whole=lambda _: True,
            ),
        ),
    ),
    other_properties=("_embedded", "_links"),
    choices=Choices(imported="import_events"),
    has_cards=False,
)
