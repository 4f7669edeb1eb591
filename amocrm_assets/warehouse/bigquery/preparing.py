"""Verifies that shards can be loaded into the dataset, before any request to amoCRM.

The dataset is created if it is missing. Permissions are requested from Google where that is possible (on a table),
and otherwise tested (creating a table, starting a job).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from amocrm_assets.errors import WarehouseRefused
from amocrm_assets.warehouse.bigquery.errors import google_errors
from amocrm_assets.warehouse.bigquery.tables import keep_for_ever

if TYPE_CHECKING:
    from amocrm_assets.warehouse.address import BigQueryAddress
    from amocrm_assets.warehouse.bigquery.timeouts import Timeouts

_NEEDED = (
    "bigquery.tables.get",
    "bigquery.tables.getData",
    "bigquery.tables.update",
    "bigquery.tables.updateData",
)
_TIDYING = "bigquery.tables.delete"


def open_dataset(client: bigquery.Client, address: BigQueryAddress, timeouts: Timeouts) -> bigquery.Dataset:
    """The dataset, created if it is missing. Raises `WarehouseRefused` for one in another location."""
    name = f"{address.project}.{address.dataset}"
    with google_errors(f"Opening the dataset {name}", dataset=name):
        dataset = existing_dataset(client, address, timeouts) or _made(client, name, address, timeouts)
    require_location(dataset, address)
    return dataset


def require_location(dataset: bigquery.Dataset, address: BigQueryAddress) -> None:
    """Raises `WarehouseRefused` for a dataset in another location than the settings."""
    if address.location and dataset.location.upper() != address.location.upper():
        name = f"{address.project}.{address.dataset}"
        raise WarehouseRefused(
            f"Opening the dataset {name}",
            cause=f"it is in {dataset.location}, and AMOCRM_WAREHOUSE says {address.location}.",
            fix=f"Set location={dataset.location} in AMOCRM_WAREHOUSE, or name another dataset there:"
            " datasets cannot be moved.",
            dataset=name,
        )


def existing_dataset(
    client: bigquery.Client, address: BigQueryAddress, timeouts: Timeouts
) -> bigquery.Dataset | None:
    """The dataset, or None if there is none."""
    try:
        return client.get_dataset(f"{address.project}.{address.dataset}", **timeouts.limits)
    except NotFound:  # also if the project is missing: creating the dataset distinguishes the two
        return None


def _made(client: bigquery.Client, name: str, address: BigQueryAddress, timeouts: Timeouts) -> bigquery.Dataset:
    if address.location is None and address.endpoint is None:
        raise WarehouseRefused(
            f"Creating the dataset {name}",
            cause="AMOCRM_WAREHOUSE has no location, and a dataset cannot be moved later.",
            fix="Add the location to AMOCRM_WAREHOUSE, for example ?location=EU.",
            dataset=name,
        )
    dataset = bigquery.Dataset(name)
    dataset.location = address.location
    dataset.description = "Records of amoCRM, written by amocrm-assets."
    return client.create_dataset(dataset, exists_ok=True, **timeouts.limits)


def check_rights(client: bigquery.Client, dataset: bigquery.Dataset, timeouts: Timeouts) -> None:
    """Raises `WarehouseRefused`, naming the permission that is missing."""
    name = f"{dataset.project}.{dataset.dataset_id}"
    with google_errors(f"Starting a job in the project {dataset.project}", dataset=name):
        dry = bigquery.QueryJobConfig(dry_run=True)
        client.query("SELECT 1", job_config=dry, location=dataset.location, **timeouts.limits)
    granted = _probe(client, dataset, timeouts)
    if missing := [permission for permission in _NEEDED if permission not in granted]:
        raise WarehouseRefused(
            f"Checking the permissions in the dataset {name}",
            cause=f"missing: {', '.join(missing)}.",
            fix="Grant them to the account that runs this: the role BigQuery Data Editor on the dataset has all"
            " (docs/bigquery.md).",
            dataset=name,
            permission=missing[0],
        )


def _probe(client: bigquery.Client, dataset: bigquery.Dataset, timeouts: Timeouts) -> set[str]:
    """Permissions on a temporary table. Also tests whether a table's expiration can be removed."""
    name = f"{dataset.project}.{dataset.dataset_id}"
    probe = bigquery.Table(f"{name}.amoCrmAssetsProbe_{uuid4().hex}", [bigquery.SchemaField("id", "INTEGER")])
    # Without the permission to delete, the probe table stays until it expires.
    probe.expires = datetime.now(UTC) + timedelta(hours=1)
    with google_errors(f"Creating a table in the dataset {name}", dataset=name):
        made = client.create_table(probe, **timeouts.limits)
        response = client.test_iam_permissions(probe, [*_NEEDED, _TIDYING], **timeouts.limits)
    granted = set(response.get("permissions", []))
    try:
        # Without the permission to update, the probe table would stay; the caller reports missing permissions.
        if dataset.default_table_expiration_ms and granted.issuperset(_NEEDED):
            keep_for_ever(client, made, timeouts)
            _expire(client, probe, timeouts)
    finally:
        if _TIDYING in granted:
            with google_errors(f"Deleting a table in the dataset {name}", dataset=name):
                client.delete_table(probe, not_found_ok=True, **timeouts.limits)
    return granted


def _expire(client: bigquery.Client, probe: bigquery.Table, timeouts: Timeouts) -> None:
    fresh = bigquery.Table(probe.reference)  # without etag: no other process uses this table
    fresh.expires = probe.expires
    with google_errors(f"Updating {probe.reference}", table=str(probe.reference)):
        client.update_table(fresh, ["expires"], **timeouts.limits)


def expiration_warnings(dataset: bigquery.Dataset) -> list[str]:
    """The warning for a dataset whose new tables expire."""
    if not dataset.default_table_expiration_ms:
        return []
    days = timedelta(milliseconds=dataset.default_table_expiration_ms) / timedelta(days=1)
    name = f"{dataset.project}:{dataset.dataset_id}"
    message = (
        f"new tables of the dataset {name} expire after {days:g} days. amocrm-assets removes the expiration from"
        " each shard that it loads; other tables there still expire. To remove it:"
        f" `bq update --default_table_expiration 0 {name}`."
    )
    return [message]
