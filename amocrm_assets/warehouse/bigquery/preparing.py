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

if TYPE_CHECKING:
    from amocrm_assets.warehouse.address import BigQueryAddress
    from amocrm_assets.warehouse.bigquery.timeouts import Patience

_NEEDED = (
    "bigquery.tables.get",
    "bigquery.tables.getData",
    "bigquery.tables.update",
    "bigquery.tables.updateData",
)
_TIDYING = "bigquery.tables.delete"


def open_dataset(client: bigquery.Client, address: BigQueryAddress, timeouts: Patience) -> bigquery.Dataset:
    """The dataset, made where it is missing. Raises `WarehouseRefused` for one in another location."""
    name = f"{address.project}.{address.dataset}"
    with google_errors(f"Opening the dataset {name}", dataset=name):
        dataset = _existing(client, name, timeouts) or _made(client, name, address, timeouts)
    if address.location and dataset.location.upper() != address.location.upper():
        raise WarehouseRefused(
            f"Opening the dataset {name}",
            cause=f"it lies in {dataset.location}, and AMOCRM_WAREHOUSE says {address.location}.",
            fix=f"Write location={dataset.location} there, or name another dataset: none can be moved.",
            dataset=name,
        )
    return dataset


def _existing(client: bigquery.Client, name: str, timeouts: Patience) -> bigquery.Dataset | None:
    try:
        return client.get_dataset(name, **timeouts.limits)
    except NotFound:  # of the project, too: making the dataset tells the two apart
        return None


def _made(client: bigquery.Client, name: str, address: BigQueryAddress, timeouts: Patience) -> bigquery.Dataset:
    if address.location is None and address.endpoint is None:
        raise WarehouseRefused(
            f"Making the dataset {name}",
            cause="AMOCRM_WAREHOUSE does not say where its data shall lie, and a dataset cannot be moved.",
            fix="Add the location, for example ?location=EU.",
            dataset=name,
        )
    dataset = bigquery.Dataset(name)
    dataset.location = address.location
    dataset.description = "Leads from amoCRM, written by amocrm-assets."
    return client.create_dataset(dataset, exists_ok=True, **timeouts.limits)


def check_rights(client: bigquery.Client, dataset: bigquery.Dataset, timeouts: Patience) -> None:
    """Raises `WarehouseRefused`, naming the permission that is missing."""
    name = f"{dataset.project}.{dataset.dataset_id}"
    with google_errors(f"Starting a job in the project {dataset.project}", dataset=name):
        dry = bigquery.QueryJobConfig(dry_run=True)
        client.query("SELECT 1", job_config=dry, location=dataset.location, **timeouts.limits)
    probe = bigquery.Table(f"{name}.amoCrmAssetsProbe_{uuid4().hex}", [bigquery.SchemaField("id", "INTEGER")])
    # Who may not delete leaves a probe behind, and it goes by itself.
    probe.expires = datetime.now(UTC) + timedelta(hours=1)
    with google_errors(f"Making a table in the dataset {name}", dataset=name):
        client.create_table(probe, **timeouts.limits)
        answer = client.test_iam_permissions(probe, [*_NEEDED, _TIDYING], **timeouts.limits)
        granted = set(answer.get("permissions", []))
        if _TIDYING in granted:
            client.delete_table(probe, not_found_ok=True, **timeouts.limits)
    if missing := [permission for permission in _NEEDED if permission not in granted]:
        raise WarehouseRefused(
            f"Checking the rights in the dataset {name}",
            cause=f"missing: {', '.join(missing)}.",
            fix="Grant them to the account that runs this: the role BigQuery Data Editor on the dataset has all.",
            dataset=name,
            permission=missing[0],
        )
