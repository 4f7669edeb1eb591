"""Shards in a BigQuery dataset.

`loading` runs a load job, `preparing` checks the dataset and the permissions, `listing` lists shards, `errors`
translates Google's errors.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from amocrm_assets.daemon_pool import DaemonPool, as_completed
from amocrm_assets.errors import AmoCrmAssetsError
from amocrm_assets.rows.frames import frame_of
from amocrm_assets.shard import arrow_schema
from amocrm_assets.warehouse.bigquery.clients import OpenClient, open_client_of
from amocrm_assets.warehouse.bigquery.errors import QUOTA, google_errors, not_tried
from amocrm_assets.warehouse.bigquery.listing import ShardList
from amocrm_assets.warehouse.bigquery.loading import Loader
from amocrm_assets.warehouse.bigquery.preparing import check_rights, expiration_warnings, open_dataset
from amocrm_assets.warehouse.bigquery.timeouts import Timeouts
from amocrm_assets.warehouse.verifying import missing_shard, require_columns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import date, datetime

    import pandas as pd

    from amocrm_assets.entities import Table
    from amocrm_assets.entities.loads import HeldTable
    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse import AnyLoad, Load, LoadResult
    from amocrm_assets.warehouse.address import BigQueryAddress

# A job takes seconds, mostly in a queue. More parallel jobs would exceed the client's ten connections.
_SIDE_BY_SIDE = 8
# Enough for calls that are about to finish. Nothing is lost with the others.
_STOP_SECONDS = 0.5


class BigQueryWarehouse:
    """Shards as tables of one dataset."""

    def __init__(
        self,
        address: BigQueryAddress,
        *,
        timeouts: Timeouts | None = None,
        open_client: OpenClient | None = None,
        policy_tags: Mapping[str, str] | None = None,
    ) -> None:
        """`open_client` opens clients for the address's project; by default with the machine's own credentials.

        `policy_tags` are those that columns get in a load, by the column's path.
        """
        self._policy_tags = policy_tags or {}
        self._address = address
        self._open_client = open_client or partial(open_client_of, address)
        self._timeouts = timeouts or Timeouts()

    def prepare(self) -> list[str]:
        """Create the dataset if it is missing; check location, permissions and that expiration can be removed."""
        with self._client() as client:
            dataset = open_dataset(client, self._address, self._timeouts)
            check_rights(client, dataset, self._timeouts)
            return expiration_warnings(dataset)

    def table(self, name: str) -> str:
        """`project.dataset.table`."""
        return self._address.table(name)

    def load(
        self, loads: Sequence[AnyLoad], storage: Storage, *, run_id: str
    ) -> Iterator[tuple[AnyLoad, LoadResult | Exception]]:
        """Replace shards in parallel. When a quota is used up, loads that have not started are not sent.

        On cancellation, or if the iterator is closed, it does not wait for loads. BigQuery may still complete a
        load that was sent, atomically like any other.
        """
        with self._client() as client, _threads() as threads:
            dataset = open_dataset(client, self._address, self._timeouts)
            loader = Loader(client, dataset.reference, dataset.location, self._timeouts, self._policy_tags)
            exhausted: list[AmoCrmAssetsError] = []  # the first to find the quota used up
            futures = {threads.submit(_outcome, loader, load, storage, run_id, exhausted): load for load in loads}
            for future in as_completed(futures):
                yield futures[future], future.result()

    def shard_days(self, table: Table, subdomain: str) -> dict[date, int]:
        """Days that have a shard, with the shard's row count."""
        return self.shard_days_of(table, [subdomain])[subdomain]

    def shard_days_of(self, table: Table, subdomains: Collection[str]) -> dict[str, dict[date, int]]:
        """Days of several accounts that have a shard, by one query."""
        with self._client() as client:
            return ShardList(client, self._address, self._timeouts).shard_days(table, subdomains)

    def days_with_column(self, table: Table, subdomain: str, column: str) -> set[date]:
        """Days whose shard has a column of this name, by one query."""
        with self._client() as client:
            return ShardList(client, self._address, self._timeouts).days_with_column(table, subdomain, column)

    def held_tables(self, subdomain: str) -> list[HeldTable]:
        """The tables of an account, by one query."""
        with self._client() as client:
            return ShardList(client, self._address, self._timeouts).held_tables(subdomain)

    def expirations(self, table: Table, subdomain: str) -> dict[date, datetime]:
        """Days whose shard has an expiration time, by one query."""
        with self._client() as client:
            return ShardList(client, self._address, self._timeouts).expirations(table, subdomain)

    def read(self, table: Table, subdomain: str, days: Sequence[date]) -> pd.DataFrame:
        """Rows of the shards of `days`, in that order, read without a query and so without its cost."""
        return frame_of(table, self.tables(table, subdomain, days))

    def tables(
        self, table: Table, subdomain: str, days: Sequence[date], *, columns: Sequence[str] | None = None
    ) -> Iterator[pa.Table]:
        """The shard of each of `days`, read in parallel; columns that are not named are not transferred."""
        schema = arrow_schema(table, columns)
        with self._client() as client, _threads() as threads:
            yield from threads.map(lambda day: self._rows(client, table, subdomain, day, schema), days)

    @contextmanager
    def _client(self) -> Iterator[bigquery.Client]:
        with ExitStack() as stack:
            with google_errors("Connecting to BigQuery"):
                client = stack.enter_context(self._open_client())
            yield client

    def _rows(
        self, client: bigquery.Client, table: Table, subdomain: str, day: date, schema: pa.Schema
    ) -> pa.Table:
        name = self.table(table.shard_name(subdomain, day))
        with google_errors(f"Reading {name}", table=name):
            try:
                shard = client.get_table(name, **self._timeouts.limits)
                wanted = [field for field in shard.schema if field.name in schema.names]
                require_columns(table, name, day, [field.name for field in wanted], schema.names)
                rows = client.list_rows(shard, selected_fields=wanted, **self._timeouts.limits)
            except NotFound as error:
                if "Not found: Table" not in str(error):
                    raise  # the dataset, or the project: materialising the day does not fix that
                raise missing_shard(table, name, day) from error
            return rows.to_arrow(create_bqstorage_client=False).select(schema.names).cast(schema)


def _threads() -> DaemonPool:
    return DaemonPool(_SIDE_BY_SIDE, name="bigquery", stop_seconds=_STOP_SECONDS)


def _outcome(
    loader: Loader, load: Load, storage: Storage, run_id: str, exhausted: list[AmoCrmAssetsError]
) -> LoadResult | AmoCrmAssetsError:
    if exhausted:
        return not_tried(str(loader.table(load)), exhausted[0])
    try:
        return loader.load(load, storage, run_id=run_id)
    except AmoCrmAssetsError as error:  # this shard's alone, unless a quota is used up for all
        if error.facts.get("reason") == QUOTA:
            exhausted.append(error)
        return error
