"""What a rows file tells without being loaded whole: how many rows, which ids, a few rows to look at.

How rows are made and where they lie is known to `rows`.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from amocrm_assets.entities import CUSTOM_FIELDS
from amocrm_assets.errors import ActionRequired
from amocrm_assets.orchestration.metadata import text_table
from amocrm_assets.rows import rows_name
from amocrm_assets.rows.files import rows_file

if TYPE_CHECKING:
    import dagster as dg

    from amocrm_assets.entities import Entity, Table
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

PREVIEW_ROWS = 5


def days_with_rows(table: Table, storage: Storage, subdomain: str) -> list[date]:
    """Days whose rows were written, in order."""
    folder = rows_name(table, subdomain, date.min).rpartition("/")[0]
    return sorted(
        date.fromisoformat(name.rpartition("/")[2].removesuffix(".parquet")) for name in storage.names(folder)
    )


def row_count(table: Table, storage: Storage, subdomain: str, day: date) -> int:
    """Number of rows of a day, from the file's own footer."""
    import pyarrow.parquet as pq

    with rows_file(table, storage, subdomain, day) as path:
        return int(pq.read_metadata(path).num_rows)


def repeated_ids(table: Table, storage: Storage, subdomain: str, day: date) -> list[int]:
    """Ids that stand in the rows of a day more than once. Raises `ActionRequired` for a damaged file."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with rows_file(table, storage, subdomain, day) as path:
        try:
            with pq.ParquetFile(path) as file:
                counts = pc.value_counts(file.read(columns=["id"]).column("id"))
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(table, storage, subdomain, day, error) from error
    return [entry["values"] for entry in counts.to_pylist() if entry["counts"] > 1]


def _unreadable(table: Table, storage: Storage, subdomain: str, day: date, error: Exception) -> ActionRequired:
    return ActionRequired(
        f"Reading the rows of {subdomain} {day}",
        cause=f"{storage.uri(rows_name(table, subdomain, day))} is damaged ({error}).",
        fix=f"Materialise `{table.asset}` for that day again: rows are made from its captures.",
        source=subdomain,
        day=day.isoformat(),
    )


def preview(
    entity: Entity, table: Table, storage: Storage, source: SourceSettings, day: date
) -> dg.TableMetadataValue | None:
    """The first rows of a day as a table; None for a day without rows.

    Where the source drops a property, custom fields are not shown either: they hold names and addresses.
    """
    dropped = entity.choices.dropped(source)
    hidden = {column.name for column in table.columns if column.sent_as in dropped}
    if dropped:
        hidden.add(CUSTOM_FIELDS)
    columns = [name for name in table.preview if name not in hidden]
    rows = _first_rows(table, storage, source.subdomain, day, columns)
    if not rows:
        return None
    return text_table(columns, ([_cell(row[name], name, source) for name in columns] for row in rows))


def _first_rows(
    table: Table, storage: Storage, subdomain: str, day: date, columns: list[str]
) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    with rows_file(table, storage, subdomain, day) as path, pq.ParquetFile(path) as file:
        batches = file.iter_batches(batch_size=PREVIEW_ROWS, columns=columns)
        return next((batch.to_pylist() for batch in batches), [])


def _cell(value: Any, column: str, source: SourceSettings) -> str:
    if column == "updated_at" and value is not None:
        return f"{datetime.fromtimestamp(value, source.zone):%Y-%m-%d %H:%M:%S}"
    if column == CUSTOM_FIELDS:
        return ", ".join(f"{field['name']}: {_first_value(field)}" for field in value[:3])
    return "" if value is None else str(value)


def _first_value(field: dict[str, Any]) -> str:
    return str(field["values"][0]["value"]) if field["values"] else ""
