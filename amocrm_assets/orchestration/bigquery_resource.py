"""The resource `bigquery`: dagster-gcp's own, with an address for emulators.

The warehouse opens its clients with it, and users' own assets use the same project. It exists if
`AMOCRM_WAREHOUSE` is BigQuery.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from dagster_gcp import BigQueryResource
from pydantic import Field

from amocrm_assets.warehouse.bigquery.clients import open_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.cloud import bigquery

    from amocrm_assets.warehouse.address import BigQueryAddress


class BigQueryEndpointResource(BigQueryResource):
    """BigQuery with Application Default Credentials or, with an `endpoint`, an emulator without credentials."""

    endpoint: str | None = Field(
        default=None, description="Address of an emulator, for example `http://127.0.0.1:9050`. Default: Google's."
    )

    @contextmanager
    def get_client(self) -> Iterator[bigquery.Client]:
        """A client whose connections are closed at the end."""
        if self.gcp_credentials:
            with super().get_client() as client, closing(client):
                yield client
            return
        with open_client(self.project, self.location, endpoint=self.endpoint) as client:
            yield client


def bigquery_resource(address: BigQueryAddress) -> BigQueryEndpointResource:
    """The resource for the project that `AMOCRM_WAREHOUSE` names."""
    return BigQueryEndpointResource(project=address.project, location=address.location, endpoint=address.endpoint)
