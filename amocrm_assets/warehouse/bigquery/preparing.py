"""Whether shards can be put into the dataset, found out before amoCRM is asked.

The dataset is made where it is missing. Rights are asked of Google where it answers (on a table), and tried
where it does not (making a table, starting a job).
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
    """The dataset, made where it is missing. Raises `WarehouseRefused` for one in another location."""
    name = f"{address.project}.{address.dataset}"
    with google_errors(f"Opening the dataset {name}", dataset=name):
        dataset = existing_dataset(client, address, timeouts) or _made(client, name, address, timeouts)
    require_location(dataset, address)
    return dataset


def require_location(dataset: bigquery.Dataset, address: BigQueryAddress) -> None:
    """Raises `WarehouseRefused` for a dataset that is not where the settings say."""
    if address.location and dataset.location.upper() != address.location.upper():
        name = f"{address.project}.{address.dataset}"
        raise WarehouseRefused(
            f"Opening the dataset {name}",
            cause=f"it is in {dataset.location}, and AMOCRM_WAREHOUSE says {address.location}.",
            fix=f"Write location={dataset.location} into AMOCRM_WAREHOUSE, or name another dataset there: none can"
            " be moved.",
            dataset=name,
        )


def existing_dataset(
    client: bigquery.Client, address: BigQueryAddress, timeouts: Timeouts
) -> bigquery.Dataset | None:
    """The dataset, or None where there is none."""
    try:
        return client.get_dataset(f"{address.project}.{address.dataset}", **timeouts.limits)
    except NotFound:  # of the project, too: making the dataset tells the two apart
        return None


def _made(client: bigquery.Client, name: str, address: BigQueryAddress, timeouts: Timeouts) -> bigquery.Dataset:
    if address.location is None and address.endpoint is None:
        raise WarehouseRefused(
            f"Making the dataset {name}",
            cause="AMOCRM_WAREHOUSE does not say where its data is to be stored, and a dataset cannot be moved.",
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
            f"Checking the rights in the dataset {name}",
            cause=f"missing: {', '.join(missing)}.",
            fix="Grant them to the account that runs this: the role BigQuery Data Editor on the dataset has all"
            " (docs/bigquery.md).",
            dataset=name,
            permission=missing[0],
        )


def _probe(client: bigquery.Client, dataset: bigquery.Dataset, timeouts: Timeouts) -> set[str]:
    """Rights on a table that is made for this and removed. Whether a table may lose its expiration is tried."""
    name = f"{dataset.project}.{dataset.dataset_id}"
    probe = bigquery.Table(f"{name}.amoCrmAssetsProbe_{uuid4().hex}", [bigquery.SchemaField("id", "INTEGER")])
    # Who may not delete leaves a probe behind, and it goes by itself.
    probe.expires = datetime.now(UTC) + timedelta(hours=1)
    with google_errors(f"Making a table in the dataset {name}", dataset=name):
        made = client.create_table(probe, **timeouts.limits)
        answer = client.test_iam_permissions(probe, [*_NEEDED, _TIDYING], **timeouts.limits)
    granted = set(answer.get("permissions", []))
    try:
        # Without the right to update the probe would stay for ever; what is missing is said by the caller.
        if dataset.default_table_expiration_ms and granted.issuperset(_NEEDED):
            keep_for_ever(client, made, timeouts)
            _expire(client, probe, timeouts)
    finally:
        if _TIDYING in granted:
            with google_errors(f"Deleting a table in the dataset {name}", dataset=name):
                client.delete_table(probe, not_found_ok=True, **timeouts.limits)
    return granted


def _expire(client: bigquery.Client, probe: bigquery.Table, timeouts: Timeouts) -> None:
    fresh = bigquery.Table(probe.reference)  # without etag: nobody else knows of this table
    fresh.expires = probe.expires
    with google_errors(f"Updating {probe.reference}", table=str(probe.reference)):
        client.update_table(fresh, ["expires"], **timeouts.limits)


def expiration_warnings(dataset: bigquery.Dataset) -> list[str]:
    """What to say of a dataset whose new tables expire."""
    if not dataset.default_table_expiration_ms:
        return []
    days = timedelta(milliseconds=dataset.default_table_expiration_ms) / timedelta(days=1)
    name = f"{dataset.project}:{dataset.dataset_id}"
    said = (
        f"new tables of the dataset {name} expire after {days:g} days. amocrm-assets removes the expiration from"
        " each shard that it loads; other tables there still expire. To end it:"
        f" `bq update --default_table_expiration 0 {name}`."
    )
    return [said]
