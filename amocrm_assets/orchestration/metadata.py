"""What a materialisation shows of itself: numbers that Dagster plots over the days, names, and a preview.

The facts come from those who did the work; here they get Dagster's types and keys. A number keeps its name for
ever, or its plot would break.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from datetime import date

    from amocrm_assets.capturing import CapturedDay
    from amocrm_assets.rows import RowsWritten
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse import LoadResult

ROW_COUNT = "dagster/partition_row_count"


def capture_metadata(captured: CapturedDay) -> dict[str, Any]:
    """Of a day that was read from amoCRM in this step."""
    facts = dict(captured.metadata)
    return {
        ROW_COUNT: facts.pop("leads"),
        "capture": dg.MetadataValue.path(str(facts.pop("capture"))),
        "read": "in this run",
        **facts,
    }


def earlier_capture_metadata(storage: Storage, name: str) -> dict[str, Any]:
    """Of a day that had been read before. The capture is read to its end, which proves that it is whole."""
    from amocrm_assets.captures import open_capture

    with open_capture(storage, name) as capture:
        leads = sum(1 for _ in capture.leads)
    return {
        ROW_COUNT: leads,
        "capture": dg.MetadataValue.path(storage.uri(name)),
        "read": f"before, at {capture.facts.captured_at:%Y-%m-%d %H:%M} UTC",
    }


def authorisation_metadata(expires_at: int | None) -> dict[str, Any]:
    """When a person has to renew the authorisation, where that is known."""
    if expires_at is None:
        return {}
    return {"authorisation_ends": dg.MetadataValue.timestamp(float(expires_at))}


def shard_metadata(put: LoadResult) -> dict[str, Any]:
    """Of a shard that was put and verified."""
    facts: dict[str, Any] = {
        ROW_COUNT: put.row_count,
        "dagster/table_name": put.table,
        "seconds_writing": round(put.seconds, 3),
    }
    if put.size_bytes is not None:
        facts["size_bytes"] = put.size_bytes
    if put.job_id is not None:
        facts["job"] = put.job_id
    return facts


def rows_metadata(source: SourceSettings, storage: Storage, day: date, rows: RowsWritten) -> dict[str, Any]:
    """Of the rows of a day that were written."""
    from amocrm_assets.orchestration.stored_rows import preview

    return {
        ROW_COUNT: rows.row_count,
        "rows": dg.MetadataValue.path(storage.uri(rows.name)),
        "size_bytes": rows.size_bytes,
        "seconds_merging": round(rows.seconds, 3),
        "captures": len(rows.captures),
        "leads_custom_fields": "all" if source.leads_custom_fields is None else list(source.leads_custom_fields),
        "oddities": sum(oddity.count for oddity in rows.oddities),
        "unknown_properties": ", ".join(rows.unknown_properties) or "none",
        "preview": dg.MetadataValue.md(preview(storage, source, day)),
    }
