"""Lists the shards of a dataset from its `INFORMATION_SCHEMA`: one query for any number of shards.

Such a query is billed as the smallest one (10 MB).
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from google.api_core.exceptions import NotFound

from amocrm_assets.entities.loads import HeldTable
from amocrm_assets.waiting import waiting
from amocrm_assets.warehouse.bigquery.errors import google_errors
from amocrm_assets.warehouse.bigquery.preparing import existing_dataset, require_location

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import date

    from google.cloud import bigquery

    from amocrm_assets.entities import Table
    from amocrm_assets.warehouse.address import BigQueryAddress
    from amocrm_assets.warehouse.bigquery.timeouts import Timeouts

_DAY_DIGITS = 8
_LITERAL = re.compile(r'TIMESTAMP "([^"]+)"')


@dataclass(frozen=True)
class ShardList:
    """The shards of one dataset."""

    client: bigquery.Client
    address: BigQueryAddress
    timeouts: Timeouts

    def shard_days(self, table: Table, subdomains: Collection[str]) -> dict[str, dict[date, int]]:
        """Days with a shard and its row count, by account. Empty if there is no dataset yet."""
        if not subdomains:
            return {}
        # The prefix of one account, or of all: other tables with that prefix are filtered out below.
        prefix = table.shard_prefix(next(iter(subdomains))) if len(subdomains) == 1 else table.all_shards_prefix
        tables = self._table("__TABLES__")
        query = f"SELECT table_id, row_count FROM {tables} WHERE STARTS_WITH(table_id, '{prefix}') ORDER BY 1"
        with google_errors(f"Listing the shards of {', '.join(subdomains)}"):
            rows = self._rows(query)
        by_prefix = {table.shard_prefix(subdomain): subdomain for subdomain in subdomains}
        found: dict[str, dict[date, int]] = {subdomain: {} for subdomain in subdomains}
        for row in rows:
            subdomain = by_prefix.get(row.table_id[:-_DAY_DIGITS])
            if subdomain and (day := table.shard_day(subdomain, row.table_id)):
                found[subdomain][day] = row.row_count
        return found

    def days_with_column(self, table: Table, subdomain: str, column: str) -> set[date]:
        """Days of an account whose shard has a column of this name."""
        columns, prefix = self._table("INFORMATION_SCHEMA.COLUMNS"), table.shard_prefix(subdomain)
        query = f"""
            SELECT table_name FROM {columns}
            WHERE column_name = '{column}' AND STARTS_WITH(table_name, '{prefix}')
        """
        with google_errors(f"Looking for shards of {subdomain} with {column}"):
            rows = self._rows(query)
        return {day for row in rows if (day := table.shard_day(subdomain, row.table_name))}

    def held_tables(self, subdomain: str) -> list[HeldTable]:
        """All tables whose names have the account in them; BigQuery counts milliseconds since 1970."""
        query = f"""
            SELECT table_id, row_count, last_modified_time FROM {self._table("__TABLES__")}
            WHERE type = 1 AND STRPOS(table_id, '_{subdomain}') > 0
            ORDER BY 1
        """
        with google_errors(f"Listing the tables of {subdomain}"):
            rows = self._rows(query)
        return [
            HeldTable(row.table_id, row.row_count, datetime.fromtimestamp(row.last_modified_time / 1000, UTC))
            for row in rows
        ]

    def expirations(self, table: Table, subdomain: str) -> dict[date, datetime]:
        """When shards of an account expire, by day."""
        prefix = table.shard_prefix(subdomain)
        options = self._table("INFORMATION_SCHEMA.TABLE_OPTIONS")
        query = f"""
            SELECT table_name, option_value FROM {options}
            WHERE option_name = 'expiration_timestamp' AND STARTS_WITH(table_name, '{prefix}')
            ORDER BY 1
        """
        with google_errors(f"Looking for shards of {subdomain} that expire"):
            rows = self._rows(query)
        days = {table.shard_day(subdomain, row.table_name): _moment(row.option_value) for row in rows}
        return {day: moment for day, moment in days.items() if day}

    def _table(self, name: str) -> str:
        return f"`{self.address.project}.{self.address.dataset}.{name}`"

    def _rows(self, query: str) -> list[bigquery.Row]:
        try:
            return list(run_query(self.client, query, self.address, self.timeouts))
        except NotFound as error:
            # A dataset in another location is "not found" too, and so is a project or a job.
            if "Not found: Dataset" not in str(error):
                raise
            dataset = existing_dataset(self.client, self.address, self.timeouts)
            if dataset is None:
                return []  # the first load creates it
            require_location(dataset, self.address)
            raise


def run_query(
    client: bigquery.Client, statement: str, address: BigQueryAddress, timeouts: Timeouts
) -> Iterator[bigquery.Row]:
    """Run a statement in the dataset's location and return its rows."""
    with waiting("a response of BigQuery", until=time.time() + timeouts.job_seconds):
        return client.query_and_wait(
            statement,
            location=address.location,
            retry=timeouts.limits["retry"],
            job_retry=timeouts.job_retry,
            api_timeout=timeouts.answer_seconds,
            wait_timeout=timeouts.job_seconds,
        )


def _moment(literal: str) -> datetime:
    """The timestamp in an option, written `TIMESTAMP "2026-03-01T00:00:00.000Z"`."""
    found = _LITERAL.fullmatch(literal)
    if found is None:
        raise ValueError(f"BigQuery writes an expiration time as {literal!r}")
    return datetime.fromisoformat(found[1]).astimezone(UTC)
