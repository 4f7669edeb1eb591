"""Which records of a list belong to it: those of the requested kind and types.

A note does not contain the type of the entity it belongs to; the path of its list does. It is added to the
record as `entity_type`, after everything that amoCRM sent.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from amocrm_assets.crm.pagination.findings import types_ignored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.pagination.list_state import ListState
    from amocrm_assets.crm.pagination.pages import RawRecord
    from amocrm_assets.entities import RecordList

OWNERS = "entity_type"


def own_records(state: ListState, records: list[RawRecord]) -> list[RawRecord]:
    """The records that belong to the list; others become a finding."""
    record_list = state.record_list
    if record_list.only_deleted:
        records = [record for record in records if record.is_deleted]
    if record_list.types:
        records = _of_types(state, records)
    return [_owned(record, record_list.owners) for record in records] if record_list.owners else records


def _of_types(state: ListState, records: Sequence[RawRecord]) -> list[RawRecord]:
    """Those of the requested types; one without a type may be."""
    record_list = state.record_list
    own = [each for each in records if _type_of(each, record_list) in {None, *record_list.types}]
    if len(own) < len(records):
        state.found(types_ignored(record_list))
    return own


def _type_of(record: RawRecord, record_list: RecordList) -> str | None:
    import msgspec

    try:
        found = _type_decoder(record_list.type_property).decode(record.line).type
    except (msgspec.DecodeError, msgspec.ValidationError):
        found = json.loads(record.line).get(record_list.type_property)  # half an emoji, which msgspec refuses
    return found if isinstance(found, str) else None


@cache
def _type_decoder(name: str) -> Any:
    import msgspec

    return msgspec.json.Decoder(msgspec.defstruct("Typed", [("type", Any, None)], rename={"type": name}))


def _owned(record: RawRecord, owners: str) -> RawRecord:
    """The record with the type of its entity. If a property occurs twice, JSON parsers take the last one."""
    return record._replace(
        line=record.line[:-1] + b',"%s":"%s"}' % (OWNERS.encode(), owners.encode()), owners=owners
    )
