"""Shards in a BigQuery dataset.

Here stands what a warehouse does, in BigQuery's terms; `loading` knows a load job, `preparing` the dataset and
the rights, `refusals` what Google's answers mean.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from amocrm_assets.errors import AmoCrmAssetsError
from amocrm_assets.rows.frames import frame_of
from amocrm_assets.shard import arrow_schema, latest_view_name, shard_day, shard_name, shard_prefix
from amocrm_assets.warehouse.bigquery.errors import QUOTA, google_errors
from amocrm_assets.warehouse.bigquery.loading import Loader
from amocrm_assets.warehouse.bigquery.preparing import check_rights, open_dataset
from amocrm_assets.warehouse.bigquery.resource import BigQueryEndpointResource
from amocrm_assets.warehouse.bigquery.timeouts import Patience
from amocrm_assets.warehouse.missing import missing_shard, no_shard

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    import pandas as pd

    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse import LoadResult, ShardLoad
    from amocrm_assets.warehouse.address import BigQueryAddress

# A job takes seconds, mostly in a queue. More side by side would outgrow the client's ten connections.
_SIDE_BY_SIDE = 8


class BigQueryWarehouse:
    """Shards as tables of one dataset."""

    def __init__(self, address: BigQueryAddress, *, timeouts: Patience | None = None) -> None:
        self._address = address
        self._patience = timeouts or Patience()

    def prepare(self) -> None:
        """Make the dataset where it is missing; check its location and our rights. Raises `WarehouseRefused`."""
        with self._client() as client:
            check_rights(client, open_dataset(client, self._address, self._patience), self._patience)

    def table(self, name: str) -> str:
        """`project.dataset.table`."""
        return f"{self._address.project}.{self._address.dataset}.{name}"

    def load(
        self, loads: Sequence[ShardLoad], storage: Storage, *, run_id: str
    ) -> Iterator[tuple[ShardLoad, LoadResult | Exception]]:
        """Replace shards side by side. When a quota is used up, loads that have not begun are not sent."""
        with self._client() as client, ThreadPoolExecutor(_SIDE_BY_SIDE) as threads:
            dataset = open_dataset(client, self._address, self._patience)
            loader = Loader(client, dataset.reference, dataset.location, self._patience)
            exhausted: list[AmoCrmAssetsError] = []
            futures = {threads.submit(_outcome, loader, load, storage, run_id, exhausted): load for load in loads}
            try:
                for future in as_completed(futures):
                    yield futures[future], future.result()
            finally:  # who stops listening does not wait for loads that have not begun
                threads.shutdown(wait=False, cancel_futures=True)

    def shard_days(self, subdomain: str) -> dict[date, int]:
        """Days that have a shard, with the shard's row count."""
        with self._client() as client, google_errors(f"RecordList shards of {subdomain}"):
            tables = self._tables(client, shard_prefix(subdomain))
        return {day: count for name, count in tables if (day := shard_day(subdomain, name))}

    def read(self, subdomain: str, days: Sequence[date]) -> pd.DataFrame:
        """Rows of the shards of `days`, in that order, read without a query and so without its price."""
        with self._client() as client, ThreadPoolExecutor(_SIDE_BY_SIDE) as threads:
            parts = list(threads.map(lambda day: self._rows(client, subdomain, day), days))
        return frame_of(pa.concat_tables([arrow_schema().empty_table(), *parts]))

    def replace_latest_view(self, subdomain: str) -> str:
        """Create or replace the view of each lead's newest row; later shards appear in it by themselves."""
        view = self.table(latest_view_name(subdomain))
        if not self.shard_days(subdomain):
            raise no_shard(view)
        # `…_2*` and the length keep out tables of a subdomain that begins with this one and an underscore.
        statement = f"""
            CREATE OR REPLACE VIEW `{view}`
            OPTIONS (description = "Each lead's newest row over all shards, deleted leads included.")
            AS SELECT * FROM `{self.table(shard_prefix(subdomain))}2*`
            WHERE LENGTH(_TABLE_SUFFIX) = 7
            QUALIFY ROW_NUMBER() OVER (PARTITION BY id ORDER BY updated_at DESC, _TABLE_SUFFIX DESC) = 1
        """
        with self._client() as client, google_errors(f"Writing the view {view}"):
            self._query(client, statement)
        return view

    @contextmanager
    def _client(self) -> Iterator[bigquery.Client]:
        address = self._address
        resource = BigQueryEndpointResource(
            project=address.project, location=address.location, endpoint=address.endpoint
        )
        with ExitStack() as stack:
            with google_errors("Connecting to BigQuery"):
                client = stack.enter_context(resource.get_client())
            yield client

    def _tables(self, client: bigquery.Client, prefix: str) -> list[tuple[str, int]]:
        names = f"`{self.table('__TABLES__')}`"
        query = f"SELECT table_id, row_count FROM {names} WHERE STARTS_WITH(table_id, '{prefix}') ORDER BY 1"
        try:
            return [(row.table_id, row.row_count) for row in self._query(client, query)]
        except NotFound as error:
            if "Not found: Project" in str(error):
                raise
            return []  # no dataset yet, so no shard

    def _rows(self, client: bigquery.Client, subdomain: str, day: date) -> pa.Table:
        table = self.table(shard_name(subdomain, day))
        with google_errors(f"Reading {table}", table=table):
            try:
                rows = client.list_rows(client.get_table(table, **self._patience.limits), **self._patience.limits)
            except NotFound as error:
                raise missing_shard(table, day) from error
            return rows.to_arrow(create_bqstorage_client=False).cast(arrow_schema())

    def _query(self, client: bigquery.Client, statement: str) -> Iterator[bigquery.Row]:
        return client.query_and_wait(
            statement,
            location=self._address.location,
            retry=self._patience.limits["retry"],
            job_retry=self._patience.job_retry,
            api_timeout=self._patience.answer_seconds,
            wait_timeout=self._patience.job_seconds,
        )


def _outcome(
    loader: Loader, load: ShardLoad, storage: Storage, run_id: str, exhausted: list[AmoCrmAssetsError]
) -> LoadResult | AmoCrmAssetsError:
    if exhausted:
        return exhausted[0]
    try:
        return loader.load(load, storage, run_id=run_id)
    except AmoCrmAssetsError as error:  # this shard's alone, unless a quota is used up for all
        if error.facts.get("reason") == QUOTA:
            exhausted.append(error)
        return error
