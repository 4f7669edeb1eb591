"""Metadata of materialisations: numbers that Dagster plots over the days, names, and a preview.

Other modules return plain values; this one adds Dagster's types and keys. Keys of numbers do not change, since a
new key would start a new plot. Untrusted text is text or a table here, never Markdown (see `markdown`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.entities import CUSTOM_FIELDS
from amocrm_assets.untrusted import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from amocrm_assets.capturing import CapturedDay
    from amocrm_assets.crm.pagination.findings import Finding
    from amocrm_assets.entities import Entity, Table
    from amocrm_assets.rows import RowsWritten
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse import LoadResult

# Dagster plots the first over the partitions, and shows the second as the size of a table without partitions.
PARTITION_ROW_COUNT = "dagster/partition_row_count"
ROW_COUNT = "dagster/row_count"
# The columns of an asset's table, and the columns of other assets that they come from.
COLUMN_SCHEMA = "dagster/column_schema"
COLUMN_LINEAGE = "dagster/column_lineage"
# Characters of a cell, and names in a list, that fit on an asset's page.
MAX_CELL = 100
MAX_NAMES = 20
# A zero-width space.
BREAK = "\u200b"


def capture_metadata(captured: CapturedDay) -> dict[str, Any]:
    """Metadata of a day that was read from amoCRM in this step."""
    metadata: dict[str, Any] = {
        name: one_line(fact) if isinstance(fact, str) else fact for name, fact in captured.metadata.items()
    }
    findings: tuple[Finding, ...] = metadata.pop("findings")
    del metadata["capture"]
    return {
        PARTITION_ROW_COUNT: metadata.pop("records"),
        **_file("capture", captured.capture.name, uri=str(captured.metadata["capture"])),
        "read": "in this run",
        "findings": "\n".join(map(str, findings)) or "none",
        **metadata,
    }


def earlier_capture_metadata(entity: Entity, storage: Storage, name: str) -> dict[str, Any]:
    """Metadata of a day that was read before. Reading the capture to its end verifies it."""
    from amocrm_assets.captures import open_capture

    with open_capture(entity, storage, name) as capture:
        records = sum(1 for _ in capture.records)
    return {
        PARTITION_ROW_COUNT: records,
        **_file("capture", name, uri=storage.uri(name)),
        "read": f"before, at {capture.header.captured_at:%Y-%m-%d %H:%M} UTC",
    }


def _file(key: str, name: str, *, uri: str) -> dict[str, Any]:
    """A file by its name in the storage: a full path would leave no space for other values on the page."""
    return {"storage": uri.removesuffix(name).rstrip("/"), key: dg.MetadataValue.path(name)}


def authorisation_metadata(expires_at: int | None) -> dict[str, Any]:
    """When the authorisation must be renewed manually, if that is known."""
    if expires_at is None:
        return {}
    return {"authorisation_ends": dg.MetadataValue.timestamp(float(expires_at))}


def load_metadata(result: LoadResult, *, count: str) -> dict[str, Any]:
    """Metadata of a table that was loaded and verified, its rows under the key of a partition or of a table."""
    metadata: dict[str, Any] = {
        count: result.row_count,
        "dagster/table_name": result.table,
        "seconds_writing": round(result.seconds, 3),
    }
    if result.size_bytes is not None:
        metadata["size_bytes"] = result.size_bytes
    if result.job_id is not None:
        metadata["job"] = result.job_id
    if result.warnings:
        metadata["warnings"] = "\n".join(result.warnings)
    return metadata


def rows_metadata(
    entity: Entity, table: Table, source: SourceSettings, storage: Storage, *, day: date, rows: RowsWritten
) -> dict[str, Any]:
    """Metadata of the rows of a day that were written."""
    from amocrm_assets.orchestration.previews import rows_preview

    bears = CUSTOM_FIELDS in table.column_names
    choice, chosen = entity.choices.custom_fields, entity.choices.fields(source)
    return {
        PARTITION_ROW_COUNT: rows.row_count,
        **_file("rows", rows.name, uri=storage.uri(rows.name)),
        "size_bytes": rows.size_bytes,
        "seconds_merging": round(rows.seconds, 3),
        "captures": len(rows.captures),
        **({choice: "all" if chosen is None else list(chosen)} if choice and bears else {}),
        "oddities": sum(oddity.count for oddity in rows.oddities),
        "unknown_properties": _listed(rows.unknown_properties),
        **rows_preview(entity, table, storage, source, day),
    }


def text_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, limit: int = MAX_CELL, wrap: Sequence[int] = ()
) -> dg.TableMetadataValue:
    """A table of plain text: unlike in Markdown, nothing in a cell is rendered.

    Every cell is a text on one line: the UI parses numbers as JavaScript numbers, which rounds large ids.
    `wrap` is a number of characters for each column: longer words may be broken after this many, so that a narrow
    page wraps them.
    """
    widths = wrap or [limit] * len(columns)
    cells = [
        {
            name: _breakable(one_line(value, limit=limit), width)
            for name, value, width in zip(columns, row, widths, strict=True)
        }
        for row in rows
    ]
    schema = dg.TableSchema([dg.TableColumn(name, "string") for name in columns])
    return dg.MetadataValue.table([dg.TableRecord(row) for row in cells], schema)


def _breakable(line: str, width: int) -> str:
    """The line with zero-width spaces for breaking long words; `one_line` has escaped its own ones."""
    return re.sub(rf"\S{{{width}}}(?=\S)", lambda run: f"{run[0]}{BREAK}", line)


def _listed(names: Sequence[str]) -> str:
    """Names in one line; if there are many, the number of further ones."""
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(one_line(name, limit=MAX_CELL) for name in names[:MAX_NAMES]) + more or "none"
