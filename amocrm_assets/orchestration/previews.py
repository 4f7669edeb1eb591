"""A few records of a day for an asset's page, with links to their cards in amoCRM.

The page has room for 310 pixels: a table of two columns, whose long cells wrap. Untrusted text is plain text there
(`markdown`); links contain only the source's address and ids.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.days import MAX_AT
from amocrm_assets.entities import CUSTOM_FIELDS
from amocrm_assets.orchestration.metadata import text_table
from amocrm_assets.rows.files import rows_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from amocrm_assets.entities import Column, Entity, Table
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

PREVIEW_ROWS = 5
# Longer ranges have no previews, since each opens a file once more.
MAX_DAYS = 31
# Deleted leads are stubs, and have the smallest ids: this many rows are searched for others.
_LOOKED_THROUGH = 200
# Characters of a word that fit into the page's columns (ids of events have 26), and maximum of a cell.
_MAX_ID_WORD, _MAX_WORD, MAX_CELL = 13, 24, 300
_BETWEEN = " · "
# Columns whose values are shown without their name.
_SPEAKING = ("name", "custom_fields")
# Columns that are shown as times instead of seconds.
_TIMES = ("updated_at", "created_at", "complete_till")


def rows_preview(
    entity: Entity,
    table: Table,
    storage: Storage,
    source: SourceSettings,
    day: date,
    *,
    custom_fields: bool = True,
) -> dict[str, Any]:
    """Metadata with rows of a day.

    If the source drops or hashes anything, custom fields are not shown either: they contain names and addresses.
    """
    columns = [each.name for each in _columns(entity, table, source, custom_fields=custom_fields)]
    lacking = [name for name in entity.stubs_lack if name in table.column_names and name != CUSTOM_FIELDS]
    read = list(dict.fromkeys([*table.key, *columns, *lacking]))
    return shown(
        entity, source, columns, _first_rows(table, storage, source.subdomain, day, read), lacking=lacking
    )


def capture_preview(entity: Entity, storage: Storage, source: SourceSettings, name: str) -> dict[str, Any]:
    """Metadata with records of a capture, which contains no names if the source does not import them."""
    from amocrm_assets.captures import open_capture

    columns = [each.sent_as for each in _columns(entity, entity.table, source, custom_fields=False)]
    lacking = [name for name in entity.stubs_lack if name != CUSTOM_FIELDS]
    with open_capture(entity, storage, name) as capture:
        records = list(map(_decoded, islice(capture.records, _LOOKED_THROUGH)))
    return shown(entity, source, columns, records, lacking=lacking)


def _decoded(line: bytes) -> Any:
    """A captured record; a malformed one as the rows have it, since no line may stop the day of its preview."""
    import msgspec

    from amocrm_assets.rows.malformed import value_of_malformed

    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return value_of_malformed(line)


def _columns(entity: Entity, table: Table, source: SourceSettings, *, custom_fields: bool) -> list[Column]:
    """The table's preview columns, without those that the source drops."""
    dropped = entity.choices.dropped(source)
    private = bool(dropped or source.drop_fields or source.hash_fields)
    named = {column.name: column for column in table.columns if column.name not in table.key}
    chosen = [named[name] for name in table.preview if name in named and named[name].sent_as not in dropped]
    return [each for each in chosen if each.name != CUSTOM_FIELDS or (custom_fields and not private)]


def shown(
    entity: Entity,
    source: SourceSettings,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    *,
    lacking: Sequence[str],
) -> dict[str, Any]:
    """Metadata with the first records in these columns; stubs of deleted ones only if all are stubs.

    A stub has none of the columns `lacking`.
    """
    if not rows:
        return {"preview": f"No {entity.table.record} was {entity.table.is_dated} on this day."}
    whole = [row for row in rows if not lacking or any(row.get(name) is not None for name in lacking)]
    chosen = (whole or rows)[:PREVIEW_ROWS]
    cells = ((_key(entity, row), _BETWEEN.join(_cells(row, columns, source))) for row in chosen)
    preview = text_table(["id", entity.table.record], cells, limit=MAX_CELL, wrap=(_MAX_ID_WORD, _MAX_WORD))
    if not entity.has_cards:
        return {"preview": preview}
    cards = _BETWEEN.join(_card(entity, source, int(row["id"])) for row in chosen)
    return {"preview": preview, "open_in_amocrm": dg.MetadataValue.md(cards)}


def _key(entity: Entity, row: Mapping[str, Any]) -> Any:
    return row[entity.key[0]] if len(entity.key) == 1 else " ".join(str(row[column]) for column in entity.key)


def _card(entity: Entity, source: SourceSettings, number: int) -> str:
    return f"[{number}]({source.url}/{entity.live.embedded}/detail/{number})"


def _first_rows(
    table: Table, storage: Storage, subdomain: str, day: date, columns: list[str]
) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    with rows_file(table, storage, subdomain, day) as path, pq.ParquetFile(path) as file:
        batches = file.iter_batches(batch_size=_LOOKED_THROUGH, columns=columns)
        return next((batch.to_pylist() for batch in batches), [])


def _cells(row: Mapping[str, Any], columns: Sequence[str], source: SourceSettings) -> Iterable[str]:
    for column in columns:
        if column not in {CUSTOM_FIELDS, *_TIMES} and isinstance(row.get(column), dict | list):
            continue  # an object fills the cell, and may contain a phone number
        cell = _cell(row.get(column), column, source)
        yield cell if column in _SPEAKING else f"{column} {cell}"


def _cell(value: Any, column: str, source: SourceSettings) -> str:
    # A capture holds what amoCRM sent, whatever its type: what is no time is shown as it is.
    if column in _TIMES and type(value) is int and 0 <= value <= MAX_AT:
        return f"{datetime.fromtimestamp(value, source.zone):%Y-%m-%d %H:%M:%S %Z}"
    if column == CUSTOM_FIELDS:
        return ", ".join(f"{field['name']}: {_first_value(field)}" for field in value[:3])
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return "–" if value is None else str(value)


def _first_value(field: dict[str, Any]) -> str:
    return str(field["values"][0]["value"]) if field["values"] else ""
