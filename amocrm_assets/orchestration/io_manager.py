"""Rows and shards as pandas frames for the assets of users.

An I/O manager that only loads: `leads` and `amoCrmLeads` write their data themselves. What the columns are is
known to `shard`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import dagster as dg

from amocrm_assets.entities import LEADS
from amocrm_assets.orchestration.partitions import days_of
from amocrm_assets.settings import Deployment

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    import pandas as pd

# Metadata of the assets that says whose they are.
SUBDOMAIN, TIMEZONE = "subdomain", "timezone"
# The name that Dagster's own I/O managers give to this choice.
ALLOW_MISSING = "allow_missing_partitions"
SHARDS = "amoCrmLeads"


class RowsIOManager(dg.IOManager):
    """Gives `leads` and `amoCrmLeads` to a parameter of type `pandas.DataFrame`, one day or many."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Refuse: the assets write their data themselves and return no value."""
        raise TypeError(f"{context.asset_key.to_user_string()} returned a {type(obj).__name__}")

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        """The rows of the asked days in the shard's columns, with the partition day as index, `day`.

        A day that was not materialised is an error, unless the input's metadata says `allow_missing_partitions`.
        """
        if context.upstream_output is None:
            raise LookupError(f"nothing is known of {context.asset_key.to_user_string()}")
        told = context.upstream_output.definition_metadata
        days = days_of(context.asset_partition_keys)
        read = _read_shards if context.asset_key.path[-1] == SHARDS else _read_rows
        frame = read(told[SUBDOMAIN], days, only_there=bool(context.definition_metadata.get(ALLOW_MISSING)))
        return _with_day(frame, ZoneInfo(told[TIMEZONE]))


def _read_rows(subdomain: str, days: Sequence[date], *, only_there: bool) -> pd.DataFrame:
    from amocrm_assets.orchestration.stored_rows import days_with_rows
    from amocrm_assets.rows import read_rows
    from amocrm_assets.storage import open_storage

    storage = open_storage(Deployment.from_environment().storage)
    return read_rows(
        LEADS.table, storage, subdomain, _those(days, days_with_rows(storage, subdomain)) if only_there else days
    )


def _read_shards(subdomain: str, days: Sequence[date], *, only_there: bool) -> pd.DataFrame:
    from amocrm_assets.warehouse import open_warehouse

    warehouse = open_warehouse(Deployment.from_environment().warehouse)
    return warehouse.read(
        LEADS.table, subdomain, _those(days, warehouse.shard_days(LEADS.table, subdomain)) if only_there else days
    )


def _those(days: Sequence[date], there: Collection[date]) -> list[date]:
    return [day for day in days if day in set(there)]


def _with_day(frame: pd.DataFrame, zone: ZoneInfo) -> pd.DataFrame:
    """The frame with its partition days as index: a lead is in the shard of the day of its `updated_at`."""
    import pandas as pd

    moments = pd.to_datetime(frame["updated_at"], unit="s", utc=True)
    days = pd.DatetimeIndex(moments).tz_convert(zone).tz_localize(None).normalize()
    return frame.set_index(days.rename("day"))
