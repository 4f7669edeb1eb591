"""Which custom fields have a column in a flat table, with its name and type.

Definitions come from the reference table, which keeps deleted fields, or, if that has no rows, from the list in
the newest capture; fields that only rows contain are text. A column is named `cf_` and the field's id, so that a
renamed field keeps its column, or as the source's settings say.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from amocrm_assets.captures import all_captures, open_capture
from amocrm_assets.entities.latest import FIELDS_TABLE, field_column, with_latest
from amocrm_assets.entities.reference import reference_table
from amocrm_assets.rows.json_values import integer_of
from amocrm_assets.rows.reference import reference_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from amocrm_assets.entities import Column, Entity
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

# BigQuery allows 1,024 characters in a column's description. Names are cut, so that several fields are described.
_MAX_DESCRIPTION, _MAX_NAME = 1_024, 300


@dataclass
class KnownField:
    """A custom field in its last known state. `names` are all its present and past names and codes, and its id."""

    id: int
    name: str | None = None
    type: str | None = None
    is_gone: bool = False
    names: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class FieldColumn:
    """A column, and the ids of the fields whose values it holds."""

    column: Column
    fields: tuple[int, ...]


def known_fields(entity: Entity, storage: Storage, source: SourceSettings) -> list[KnownField]:
    """The custom fields of an entity's records, sorted by id; empty if nothing has been read yet."""
    rows = None
    if source.import_reference:
        names = ["entity_type", "id", "name", "code", "type", "is_current", "is_deleted"]
        rows = reference_rows(reference_table(FIELDS_TABLE), storage, source.subdomain, names)
    if rows is not None:
        return fields_of_rows(entity, rows.to_pylist())
    captures = all_captures(entity, storage, source.subdomain)
    if not captures:
        return []
    with open_capture(entity, storage, captures[-1].name) as capture:
        definitions = capture.header.fields
    return _gathered({**each, "is_current": True, "is_deleted": False} for each in definitions)


def fields_of_rows(entity: Entity, rows: Iterable[Mapping[str, Any]]) -> list[KnownField]:
    """The fields of an entity's records, from rows of the reference table."""
    return _gathered(row for row in rows if row["entity_type"] == entity.name)


def named_columns(entity: Entity, source: SourceSettings, known: Iterable[KnownField]) -> dict[int, str]:
    """The column of each field that the source imports, by the field's id."""
    columns = entity.choices.columns(source)
    chosen = entity.choices.fields(source)
    wanted = None if chosen is None else {str(each) for each in chosen}
    return {
        each.id: next((column for name, column in columns.items() if name in each.names), f"cf_{each.id}")
        for each in known
        if wanted is None or not each.names.isdisjoint(wanted)
    }


def latest_columns(
    entities: Sequence[Entity], source: SourceSettings, rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """For each row of the reference table of custom fields, the column of its field in a flat table, or null."""
    kept = with_latest(entities, wanted=source.has_latest_table)
    columns = {each.name: named_columns(each, source, fields_of_rows(each, rows)) for each in kept}
    return [{"latest_column": columns.get(row["entity_type"], {}).get(row["id"])} for row in rows]


def field_columns(
    entity: Entity, source: SourceSettings, known: Sequence[KnownField], seen: Mapping[int, set[str]]
) -> list[FieldColumn]:
    """The columns of custom fields in order: those that the source's settings name, then the others by field id.

    `seen` are the names of fields in rows, by field id; a field that is not in `known` becomes text.
    """
    by_id = {each.id: replace(each, names=each.names | seen.get(each.id, set())) for each in known}
    for field_id, names in seen.items():
        lost = KnownField(field_id, min(names, default=None), is_gone=True, names=_texts(field_id, *names))
        by_id.setdefault(field_id, lost)
    fields: dict[str, list[KnownField]] = {name: [] for name in entity.choices.columns(source).values()}
    in_order = [by_id[field_id] for field_id in sorted(by_id)]
    for field_id, column in named_columns(entity, source, in_order).items():
        fields.setdefault(column, []).append(by_id[field_id])
    return [FieldColumn(_column(name, held), tuple(each.id for each in held)) for name, held in fields.items()]


def _column(name: str, fields: Sequence[KnownField]) -> Column:
    """A column for fields; it is text if their types differ."""
    types = {each.type for each in fields}
    return field_column(name, types.pop() if len(types) == 1 else None, _description(fields))


def _description(fields: Sequence[KnownField]) -> str:
    if not fields:
        return "No custom field of the account has the name in the settings."
    described = []
    for each in fields:
        gone = ", no longer in amoCRM" if each.is_gone else ""
        described.append(f"{(each.name or '')[:_MAX_NAME]} (custom field {each.id}, {each.type or 'text'}{gone})")
    return "; ".join(described[:3])[: _MAX_DESCRIPTION - 1] + "."


def _gathered(rows: Iterable[Mapping[str, Any]]) -> list[KnownField]:
    """One `KnownField` per field; a field may have several rows."""
    found: dict[int, KnownField] = {}
    for row in rows:
        field_id = integer_of(row.get("id"))
        if field_id is None:
            continue
        each = found.setdefault(field_id, KnownField(field_id))
        each.names |= _texts(field_id, row.get("name"), row.get("code"))
        if row["is_current"]:
            each.name, each.type, each.is_gone = _text(row.get("name")), _text(row.get("type")), row["is_deleted"]
    return [found[field_id] for field_id in sorted(found)]


def _texts(field_id: int, *texts: object) -> set[str]:
    return {str(field_id), *(text for text in texts if isinstance(text, str) and text)}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
