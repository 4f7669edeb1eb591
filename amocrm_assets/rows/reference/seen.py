"""Ids and names that occur in leads: the ids get rows in reference tables even if no list has them.

A user who left, or a stage that was deleted, before the first capture is in no list but in many leads. The ids are
stored in a small file, so that a run reads only its own days; without the file it reads all days.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from amocrm_assets.entities import LEADS
from amocrm_assets.entities.reference import reference_table
from amocrm_assets.errors import ActionRequired
from amocrm_assets.rows.files import rows_table
from amocrm_assets.rows.seal import sealed_file, sealed_path
from amocrm_assets.rows.stored import days_with_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    import pyarrow as pa

    from amocrm_assets.storage import Storage

# Column of leads → the reference table of its ids. The key of a stage is pipeline id and status id.
KNOWN_BY = {
    "pipeline_id": "amoCrmPipelines",
    "status_id": "amoCrmStatuses",
    "responsible_user_id": "amoCrmUsers",
    "created_by": "amoCrmUsers",
    "updated_by": "amoCrmUsers",
    "group_id": "amoCrmGroups",
    "loss_reason_id": "amoCrmLossReasons",
}
Key = tuple[int, ...]
# Tables whose names are also in leads.
NAMED_BY_RECORDS = frozenset({"amoCrmLossReasons"})
# The RECORD in lead details that contains the name.
_NAMED = "loss_reason"
_DAYS_KEY = "amocrm_assets_days"


@dataclass
class SeenIds:
    """The days that were read, and by table the ids in their leads.

    Each id has the `updated_at` and the name from the newest lead that contains a name for it.
    """

    days: set[str] = field(default_factory=set)
    ids: dict[str, dict[Key, tuple[int, str | None]]] = field(default_factory=dict)

    def add(self, table: str, key: Key, at: int = 0, name: str | None = None) -> None:
        """Add an id with a name, and the time of the lead that contains it."""
        known = self.ids.setdefault(table, {})
        known[key] = max(known.get(key, (0, None)), (at, name), key=lambda each: (each[0], each[1] or ""))

    def placeholders(self, table: str) -> Iterator[dict[str, Any]]:
        """For each id of a reference table (given by asset), its key and name."""
        key = reference_table(table).key
        for ids, (_, name) in sorted(self.ids.get(table, {}).items()):
            yield {**dict(zip(key, ids, strict=True)), "name": name}


def seen_name(subdomain: str) -> str:
    """Name of the file in the storage."""
    return f"rows/{subdomain}/reference/seen.parquet"


def refresh_seen_ids(storage: Storage, subdomain: str, days: tuple[date, date] | None) -> SeenIds:
    """Update the ids from the leads of `days` (first and last; None: all), and of days that were never read.

    The caller must hold the lock of the reference tables. Days whose rows cannot be read are skipped: the checks
    of leads report them.
    """
    seen = _kept(storage, subdomain)
    details = next((table for table in LEADS.tables if _NAMED in table.column_names), LEADS.table)
    with_details = set(days_with_rows(details, storage, subdomain)) if details is not LEADS.table else set()
    stored = days_with_rows(LEADS.table, storage, subdomain)
    wanted = [
        each for each in stored if days is None or days[0] <= each <= days[1] or each.isoformat() not in seen.days
    ]
    for day in wanted:
        with suppress(ActionRequired):
            for table, key in _ids(storage, subdomain, day):
                seen.add(table, key)
            if day in with_details:
                rows = rows_table(details, storage, subdomain, day, columns=[_NAMED, "updated_at"])
                for table, key, at, name in _names(rows):
                    seen.add(table, key, at, name)
            seen.days.add(day.isoformat())
    if wanted:
        _keep(storage, subdomain, seen)
    return seen


def _ids(storage: Storage, subdomain: str, day: date) -> Iterator[tuple[str, Key]]:
    rows = rows_table(LEADS.table, storage, subdomain, day, columns=list(KNOWN_BY))
    for column, table in KNOWN_BY.items():
        names = ["pipeline_id", "status_id"] if column == "status_id" else [column]
        for each in rows.select(names).group_by(names).aggregate([]).to_pylist():
            key = tuple(each[name] for name in names)
            if None not in key:
                yield table, key


def _names(details: pa.Table) -> Iterator[tuple[str, Key, int, str]]:
    """The names of loss reasons in the lead details of a day."""
    for row in details.filter(details[_NAMED].is_valid()).to_pylist():
        reason = row[_NAMED]
        if reason["id"] is not None and reason["name"]:
            yield KNOWN_BY[f"{_NAMED}_id"], (reason["id"],), row["updated_at"] or 0, reason["name"]


def _kept(storage: Storage, subdomain: str) -> SeenIds:
    """The content of the file; empty if it is missing or damaged."""
    import pyarrow.parquet as pq

    with sealed_path(storage, seen_name(subdomain)) as path:
        if path is None:
            return SeenIds()
        with pq.ParquetFile(path) as file:
            days = (file.metadata.metadata or {}).get(_DAYS_KEY.encode(), b"[]")
            seen = SeenIds(set(json.loads(days)))
            for row in file.read().to_pylist():
                seen.add(row["table"], tuple(row["key"]), row["at"], row["name"])
    return seen


def _keep(storage: Storage, subdomain: str, seen: SeenIds) -> None:
    import pyarrow as pa

    rows = _schema().empty_table()
    values = [(table, key, *known[key]) for table, known in sorted(seen.ids.items()) for key in sorted(known)]
    if values:
        columns = zip(*values, strict=True)
        rows = pa.table(
            [pa.array(list(column), each.type) for column, each in zip(columns, _schema(), strict=True)], _schema()
        )
    metadata = {_DAYS_KEY: json.dumps(sorted(seen.days))}
    with sealed_file(storage, seen_name(subdomain), _schema(), metadata) as writer:
        writer.write_table(rows)


def _schema() -> pa.Schema:
    import pyarrow as pa

    kinds = {"table": pa.string(), "key": pa.list_(pa.int64()), "at": pa.int64(), "name": pa.string()}
    return pa.schema(list(kinds.items()))
