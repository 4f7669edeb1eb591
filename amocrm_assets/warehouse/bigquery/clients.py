"""Opens BigQuery clients: with Application Default Credentials, or without credentials for an emulator.

Another function that opens clients can be passed to the warehouse, as Dagster's resource does
(`orchestration.bigquery_resource`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from typing import TYPE_CHECKING

from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from amocrm_assets.google_errors import loading_credentials

if TYPE_CHECKING:
    from amocrm_assets.warehouse.address import BigQueryAddress

OpenClient = Callable[[], AbstractContextManager[bigquery.Client]]


def open_client(
    project: str | None, location: str | None = None, *, endpoint: str | None = None
) -> AbstractContextManager[bigquery.Client]:
    """A client whose connections are closed at the end. `endpoint` is an emulator's address."""
    if endpoint is None:
        with loading_credentials():
            return closing(bigquery.Client(project=project, location=location))
    return closing(
        bigquery.Client(
            project=project,
            location=location,
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options=ClientOptions(api_endpoint=endpoint),
        )
    )


def open_client_of(address: BigQueryAddress) -> AbstractContextManager[bigquery.Client]:
    """A client for the dataset in `AMOCRM_WAREHOUSE`."""
    return open_client(address.project, address.location, endpoint=address.endpoint)
