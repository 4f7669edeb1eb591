"""Rows and shards as pandas frames for the assets of users.

An I/O manager that only loads: assets with rows and shards, such as `leads` and `amoCrmLeads`, write their data
themselves. For the columns see `entities`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.orchestration.metadata import COLUMN_SCHEMA
from amocrm_assets.orchestration.partitions import days_of
from amocrm_assets.orchestration.translation import ASSET, SUBDOMAIN
from amocrm_assets.orchestration.waits_log import waits_logged
from amocrm_assets.settings import Deployment

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    import pandas as pd

    from amocrm_assets.entities import Table
    from amocrm_assets.rows.frames import FrameColumns

# The name of this option in Dagster's own I/O managers.
ALLOW_MISSING = "allow_missing_partitions"


class RowsIOManager(dg.IOManager):
    """Loads rows and shards of the tables for a parameter of type `pandas.DataFrame`, one day or many.

    The parameter's metadata selects columns and custom fields, see *downstream assets* in the documentation.
    """

    def __init__(self, tables: Sequence[Table]) -> None:
        self._rows = {table.asset: table for table in tables}
        self._shards = {table.warehouse_name: table for table in tables}

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Refuse: the assets write their data themselves and return no value."""
        raise TypeError(f"{context.asset_key.to_user_string()} returned a {type(obj).__name__}")

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        """The rows of the requested days in the shard's columns, with the partition day as index, `day`.

        The input's metadata may contain `columns`, `widen_custom_fields`, and `allow_missing_partitions`, without
        which a day that was not materialised is an error. Raises `SettingsError` for names that do not exist.
        """
        from amocrm_assets.rows.frames import FrameColumns

        if context.upstream_output is None:
            raise LookupError(f"nothing is known of {context.asset_key.to_user_string()}")
        upstream = context.upstream_output.definition_metadata
        asked = context.definition_metadata
        name = upstream[ASSET]
        stored, table = (_shards, self._shards[name]) if name in self._shards else (_rows, self._rows[name])
        table = _as_shown(table, upstream[COLUMN_SCHEMA])
        wanted = FrameColumns.from_metadata(table, asked)
        only_there, days = bool(asked.get(ALLOW_MISSING)), days_of(context.asset_partition_keys)
        with waits_logged(context.log, context.step_context.run_id):
            return stored(upstream[SUBDOMAIN], days, wanted, only_there=only_there)


def _as_shown(table: Table, schema: Any) -> Table:
    """The table with the columns that the upstream asset shows: its shards may have one of names."""
    shown = {column.name for column in getattr(schema, "schema", schema).columns}
    named = table.with_names()
    return named if shown.issuperset(named.column_names) else table


def rows_io_manager(tables: Sequence[Table]) -> dg.IOManagerDefinition:
    """The I/O manager as a resource, with a description in the UI."""
    manager = RowsIOManager(tables)

    def amocrm_rows(_: dg.InitResourceContext) -> RowsIOManager:
        return manager

    amocrm_rows.__qualname__ = amocrm_rows.__name__  # the page shows it as the resource's type
    return dg.IOManagerDefinition(amocrm_rows, description=RowsIOManager.__doc__)


def _rows(subdomain: str, days: Sequence[date], wanted: FrameColumns, *, only_there: bool) -> pd.DataFrame:
    from amocrm_assets.rows.frames import day_frame_of, rows_tables
    from amocrm_assets.rows.stored import days_with_rows
    from amocrm_assets.storage import open_storage

    storage = open_storage(Deployment.from_environment().storage)
    there = _those(days, days_with_rows(wanted.table, storage, subdomain)) if only_there else days
    return day_frame_of(rows_tables(wanted.table, storage, subdomain, there, columns=wanted.stored), there, wanted)


def _shards(subdomain: str, days: Sequence[date], wanted: FrameColumns, *, only_there: bool) -> pd.DataFrame:
    from amocrm_assets.rows.frames import day_frame_of
    from amocrm_assets.warehouse import open_warehouse

    warehouse = open_warehouse(Deployment.from_environment().warehouse)
    there = _those(days, warehouse.shard_days(wanted.table, subdomain)) if only_there else days
    return day_frame_of(warehouse.tables(wanted.table, subdomain, there, columns=wanted.stored), there, wanted)


def _those(days: Sequence[date], there: Collection[date]) -> list[date]:
    held = set(there)
    return [day for day in days if day in held]
