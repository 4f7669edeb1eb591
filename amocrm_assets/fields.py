"""The custom fields of an entity in an account, the source's selection of them, and example values.

For how fields are selected see `rows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from amocrm_assets.captures.privacy import RecordLines
from amocrm_assets.crm.account import read_custom_fields
from amocrm_assets.crm.pagination.pages import parse_page
from amocrm_assets.rows.custom_fields import Field
from amocrm_assets.rows.field_selection import FieldSelection
from amocrm_assets.rows.json_values import boolean_of, integer_of
from amocrm_assets.rows.reading import RecordReader
from amocrm_assets.rows.record_batches import whole_item
from amocrm_assets.rows.record_types import record_types
from amocrm_assets.rows.value_formatter import ValueFormatter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.entities import Entity
    from amocrm_assets.settings import SourceSettings

# Enough records that a field in use is likely to be filled in one of them; one or two requests.
RECORDS_LOOKED_AT, PAGE = 500, 250
EXAMPLES = 3


@dataclass(frozen=True)
class OfferedField:
    """A custom field of an entity as the account describes it."""

    id: int | None
    name: str
    code: str | None
    type: str
    is_system: bool | None
    is_chosen: bool
    examples: list[str]


@dataclass(frozen=True)
class OfferedFields:
    """All fields of an account; `missing` are selected ones that do not exist, each with similar names."""

    fields: list[OfferedField]
    missing: dict[str, list[str]]


def read_offered(
    entity: Entity, source: SourceSettings, client: AmoCrmClient, *, with_examples: bool = False
) -> OfferedFields:
    """Request the account's fields, and optionally the newest records for example values."""
    defined = read_custom_fields(client, entity.fields_path) if entity.fields_path else []
    selection = FieldSelection(entity.choices.fields(source), [defined])
    examples = read_examples(entity, source, client, defined) if with_examples else {}
    return OfferedFields([_offered(field, selection, examples) for field in defined], selection.missing())


def read_examples(
    entity: Entity, source: SourceSettings, client: AmoCrmClient, defined: list[dict[str, Any]]
) -> dict[int | None, list[str]]:
    """Different values of each field, by its id, from the most recently edited records, in the form of rows.

    `defined` are the account's fields: the source's rules for dropping and hashing apply.
    """
    found: dict[int | None, list[str]] = {}
    texts, lines = ValueFormatter(source.zone), RecordLines(entity, source)
    for field in _newest_fields(
        entity, client, lambda line: lines.written(line, lambda: {entity.fields_path or "": defined})
    ):
        shown = found.setdefault(field.field_id, [])
        for item in field.values or ():
            text = texts.text(whole_item(item) if item.value is UNSET else item.value, field.field_type)
            if isinstance(text, str) and text not in shown and len(shown) < EXAMPLES:
                shown.append(text)
    return found


def _newest_fields(entity: Entity, client: AmoCrmClient, kept: Callable[[bytes], bytes]) -> Iterator[Field]:
    # Parsed like captures: a record may have any value anywhere.
    parse = partial(parse_page, embedded=entity.live.embedded)
    reader = RecordReader(record_types(entity, entity.table))
    for number in range(1, RECORDS_LOOKED_AT // PAGE + 1):
        params = {"order[updated_at]": "desc", "limit": PAGE, "page": number}
        page = client.request(entity.live.path, params, parse)
        records, _ = reader.read([kept(each.line) for each in page.records])
        yield from (field for each in records if each for field in each.custom_fields or ())
        if not page.has_next:
            return


def _offered(
    field: dict[str, Any], selection: FieldSelection, examples: dict[int | None, list[str]]
) -> OfferedField:
    field_id, name, code = integer_of(field.get("id")), _text(field.get("name")), _text(field.get("code"))
    return OfferedField(
        id=field_id,
        name=name or "",
        code=code,
        type=_text(field.get("type")) or "",
        is_system=boolean_of(field.get("is_predefined")),
        is_chosen=bool(selection.of([Field(field_id, name, code)])),
        examples=examples.get(field_id, []),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
