"""dagster-gcp's BigQuery resource, with an address for emulators.

It opens clients and nothing else, so that the warehouse and people's own assets reach BigQuery the same way.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from dagster_gcp import BigQueryResource
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from pydantic import Field

from amocrm_assets.google_errors import loading_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator


class BigQueryEndpointResource(BigQueryResource):
    """BigQuery by Application Default Credentials or, with an `endpoint`, an emulator without credentials."""

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
        with closing(self._client()) as client:
            yield client

    def _client(self) -> bigquery.Client:
        if self.endpoint is None:
            with loading_credentials():
                return bigquery.Client(project=self.project, location=self.location)
        return bigquery.Client(
            project=self.project,
            location=self.location,
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options=ClientOptions(api_endpoint=self.endpoint),
        )
