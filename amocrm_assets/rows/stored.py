"""Reads from rows files without loading whole rows: which days exist, row counts, and repeated keys."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from amocrm_assets.errors import ActionRequired
from amocrm_assets.rows.files import rows_file, rows_name

if TYPE_CHECKING:
    from amocrm_assets.entities import Table
    from amocrm_assets.storage import Storage


def days_with_rows(table: Table, storage: Storage, subdomain: str) -> list[date]:
    """Days that have a rows file, sorted."""
    folder = rows_name(table, subdomain, date.min).rpartition("/")[0]
    return sorted(
        date.fromisoformat(name.rpartition("/")[2].removesuffix(".parquet")) for name in storage.names(folder)
    )


def row_count(table: Table, storage: Storage, subdomain: str, day: date) -> int:
    """Number of rows of a day, from the file's footer."""
    import pyarrow.parquet as pq

    with rows_file(table, storage, subdomain, day) as path:
        return int(pq.read_metadata(path).num_rows)


def repeated_ids(table: Table, storage: Storage, subdomain: str, day: date) -> list[str]:
    """Keys that occur more than once in the rows of a day. Raises `ActionRequired` for a damaged file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    key = list(table.key)
    with rows_file(table, storage, subdomain, day) as path:
        try:
            with pq.ParquetFile(path) as file:
                counts = file.read(columns=key).group_by(key).aggregate([([], "count_all")])
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(table, storage, subdomain, day, error) from error
    repeated = [entry for entry in counts.to_pylist() if entry["count_all"] > 1]
    return [" ".join(str(entry[column]) for column in key) for entry in repeated]


def _unreadable(table: Table, storage: Storage, subdomain: str, day: date, error: Exception) -> ActionRequired:
    return ActionRequired(
        f"Reading the rows of {subdomain} {day}",
        cause=f"{storage.uri(rows_name(table, subdomain, day))} is damaged ({error}).",
        fix=f"Materialise `{table.asset}` for that day again: rows are made from its captures.",
        source=subdomain,
        day=day.isoformat(),
    )
