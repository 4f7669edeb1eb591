"""Readings of reference lists, made up for tests: captures of them, and what tables hold afterwards."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.parquet as pq

from amocrm_assets.captures import CapturedList, CaptureHeader, CaptureWriter
from amocrm_assets.entities.reference import LISTS, REFERENCE, ReferenceTable
from amocrm_assets.rows.reference import write_reference_tables
from amocrm_assets.storage import Storage

Row = dict[str, Any]
FIRST = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def night(number: int) -> datetime:
    """When the reading of that night was made."""
    return FIRST + timedelta(days=number)


def capture(
    storage: Storage,
    at: datetime,
    lists: Mapping[str, Sequence[Row]],
    *,
    incomplete: Sequence[str] = (),
    without: Sequence[str] = (),
    account_id: int = 7,
    subdomain: str = "acme",
) -> str:
    """Keep a reading that saw these records, and nothing in other lists; returns the capture's name.

    Lists in `without` were not read, as by an earlier version.
    """
    about: Row = {"id": account_id, "name": "A", "_embedded": {"users_groups": [], "task_types": []}}
    given = {"account": [about], **lists}
    header = CaptureHeader(
        subdomain=subdomain,
        day=at.date(),
        from_at=int(at.timestamp()),
        to_at=int(at.timestamp()),
        timezone="UTC",
        captured_at=at,
        account_id=account_id,
        fields=[],
        lists=tuple(
            CapturedList(
                name=each.name,
                records=len(given.get(each.name, ())),
                is_complete=each.name not in incomplete,
                outcome="read",
            )
            for each in LISTS
            if each.name not in without
        ),
    )
    writer = CaptureWriter(REFERENCE, storage, header)
    for each in LISTS:
        writer.add(json.dumps(record).encode() for record in given.get(each.name, ()))
    return writer.publish().name


def rows(storage: Storage, table: ReferenceTable) -> list[Row]:
    """The rows of a table as its file holds them, after all captures."""
    write_reference_tables([table], storage, "acme")
    with storage.as_local_path(table.rows_name("acme")) as path:
        found: list[Row] = pq.read_table(path).to_pylist()
    return found
