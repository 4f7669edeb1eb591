"""Metadata of the reference assets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.orchestration.metadata import ROW_COUNT, load_metadata, text_table

if TYPE_CHECKING:
    from amocrm_assets.capturing_reference import CapturedReference
    from amocrm_assets.rows.reference import TableWritten
    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse import LoadResult


def reading_metadata(storage: Storage, read: CapturedReference) -> dict[str, Any]:
    """Metadata of a capture of all reference lists."""
    findings = [
        f"List of {each.name}: {found.cause} {found.fix}" for each in read.lists for found in each.findings
    ]
    rows = [(each.name, each.records, each.outcome, each.is_complete) for each in read.lists]
    return {
        ROW_COUNT: read.capture.records,
        "capture": dg.MetadataValue.path(storage.uri(read.capture.name)),
        "read": "in this run",
        "size_bytes": read.capture.size_bytes,
        "requests": read.requests,
        "seconds": round(read.seconds, 3),
        "findings": "\n".join(findings) or "none",
        "lists": text_table(["list", "records", "outcome", "complete"], rows),
    }


def table_metadata(outcome: LoadResult, rows: TableWritten) -> dict[str, Any]:
    """Metadata of a loaded reference table."""
    made = {"current": rows.current, "captures": rows.captures, "oddities": sum(rows.oddities.values())}
    return load_metadata(outcome, count=ROW_COUNT) | made
