"""Calls: notes of leads, contacts and companies, written by telephony services. API v4 has no list of calls.

https://www.amocrm.ru/developers/content/crm_platform/events-and-notes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from amocrm_assets.entities.choices import Choices
from amocrm_assets.entities.entity import Entity
from amocrm_assets.entities.record_list import RecordList
from amocrm_assets.entities.table import Column, Derived, Table

# Notes are the largest list of an account, and contain mails and chats: only calls are requested.
_DIRECTIONS = {"call_in": "in", "call_out": "out"}
_OF_LEADS = RecordList(
    name="calls of leads",
    records="calls",
    path="/api/v4/leads/notes",
    embedded="notes",
    types=tuple(_DIRECTIONS),
    type_property="note_type",
    owners="leads",
)
# Exchanges link a call by its phone number, so most calls belong to contacts.
_OTHERS = tuple(
    replace(_OF_LEADS, name=f"calls of {owners}", path=f"/api/v4/{owners}/notes", owners=owners)
    for owners in ("contacts", "companies")
)
_COLUMNS = (
    Column("entity_type", "STRING", "The type of its entity: `leads`, `contacts` or `companies`, from the list."),
    Column("entity_id", "INTEGER", "The id of that entity."),
    Column("id", "INTEGER", "The note's id."),
    Column("direction", "STRING", "`in` or `out`.", api_name="note_type"),
    Column("responsible_user_id", "INTEGER", "User responsible for the note."),
    Column("created_by", "INTEGER", "User who created it; 0 is a robot, such as a telephony service."),
    Column(
        "created_at",
        "INTEGER",
        "When the note was created, Unix seconds, UTC: after the call, by the telephony service.",
    ),
    Column(
        "updated_at",
        "INTEGER",
        "When the note was last updated, Unix seconds, UTC. The shard's day is in the source's `timezone`.",
    ),
    Column("account_id", "INTEGER", "The amoCRM account."),
    Column("updated_by", "INTEGER", "User who last updated the note; 0 is a robot."),
    Column("group_id", "INTEGER", "Group of the responsible user; 0 is the default group."),
    Column("duration", "INTEGER", "Duration of the call in seconds; 0 if it was not answered.", api_name="params"),
    Column("phone", "STRING", "Phone number of the other side, as the service wrote it.", api_name="params"),
    Column(
        "call_status",
        "INTEGER",
        "1 left a message, 2 call back, 3 not there, 4 talked, 5 wrong number, 6 not reached, 7 busy, 8 unknown.",
        api_name="params",
    ),
    Column("call_result", "STRING", "Result of the call, as text.", api_name="params"),
    Column("call_responsible", "STRING", "The user who took part, an id or a name.", api_name="params"),
    Column("source", "STRING", "The telephony service that wrote the note.", api_name="params"),
    Column("uniq", "STRING", "The telephony service's id of the call.", api_name="params"),
    Column("link", "STRING", "Link to the recording.", api_name="params"),
)
_OF_PARAMS = tuple(each.name for each in _COLUMNS if each.api_name == "params")
_TEXTS = frozenset(each.name for each in _COLUMNS if each.type == "STRING")


def _values(sent: Mapping[str, Any]) -> dict[str, Any]:
    params, kind = sent.get("params"), sent.get("note_type")
    direction = {"direction": _DIRECTIONS.get(kind, kind) if isinstance(kind, str) else kind}
    if not isinstance(params, dict):
        # PHP writes an empty object as a list. Anything else is returned unchanged, so that it is noted.
        return direction | ({} if params in (None, []) else {"duration": params})
    return direction | {name: _text(name, params.get(name)) for name in _OF_PARAMS}


def _text(name: str, value: Any) -> Any:
    """Exchanges write numbers and ids in any form: in text columns they become text."""
    return str(value) if name in _TEXTS and type(value) is int else value


CALLS = Entity(
    name="calls",
    live=_OF_LEADS,
    others=_OTHERS,
    tables=(
        Table(
            asset="calls",
            warehouse_name="amoCrmCalls",
            record="call",
            records="calls",
            columns=_COLUMNS,
            preview=("entity_type", "entity_id", "direction", "duration", "call_status", "created_at"),
            derived=Derived(
                properties=("note_type", "params"),
                columns=("direction", *_OF_PARAMS),
                values=_values,
                is_whole=lambda _: True,
            ),
            key=("entity_type", "id"),
        ),
    ),
    other_properties=("_embedded", "_links", "is_pinned"),
    choices=Choices(imported="import_calls"),
    has_cards=False,
)
