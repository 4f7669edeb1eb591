"""Searches rows files and shards for forgotten people after a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from amocrm_assets.entities import STAGES
from amocrm_assets.privacy.forgotten import texts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from amocrm_assets.entities import Entity
    from amocrm_assets.privacy.forgotten import ForgottenList
    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse import Warehouse


def remaining(
    forgotten: ForgottenList,
    subdomain: str,
    *,
    storage: Storage,
    warehouse: Warehouse,
    entities: Sequence[Entity],
) -> Iterator[str]:
    """Names of the rows files and tables of an account that still contain someone on the list."""
    lists = {table.asset: entity.name for entity in entities for table in entity.tables}
    for name in storage.names(f"rows/{subdomain}"):
        folder = name.split("/")[2]
        if name.endswith(".parquet") and _is_in(
            _rows_of(storage, name, subdomain), lists.get(folder, folder), forgotten
        ):
            yield name
    for entity in entities:
        for table in entity.tables:
            days = list(warehouse.shard_days(table, subdomain))
            shards = warehouse.tables(table, subdomain, days) if days else ()
            for day, rows in zip(days, shards, strict=True):
                if _is_in(rows.to_pylist(), entity.name, forgotten):
                    yield warehouse.table(table.name_of(subdomain, day))


def _rows_of(storage: Storage, name: str, subdomain: str) -> list[dict[str, Any]]:
    with storage.as_local_path(name) as path:
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    if not name.startswith(STAGES.rows_folder(subdomain)):
        return rows
    # A record's id may have one of three names.
    owner = ("id", "entity_id", STAGES.key[0])
    of_owner = {"entity_type": STAGES.entity_type}
    return [
        row | of_owner | {"entity_id": next(row[each] for each in owner if isinstance(row.get(each), int))}
        for row in rows
    ]


def _is_in(rows: list[dict[str, Any]], record_list: str, forgotten: ForgottenList) -> bool:
    return any(forgotten.is_about(record_list, row) or any(map(forgotten.says, texts_of(row))) for row in rows)
