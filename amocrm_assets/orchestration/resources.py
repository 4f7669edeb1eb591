"""Resources that the assets of all sources share: the storage, the warehouse, and clients of amoCRM.

Everything is opened when a step needs it, from the settings of the source and of the deployment. Secrets are not
in Dagster's configuration, which is shown in the UI: they are read from the environment when they are used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Self

import dagster as dg
from pydantic import Field, PrivateAttr

from amocrm_assets.entities import ENTITIES
from amocrm_assets.errors import SettingsError
from amocrm_assets.orchestration.names import BIGQUERY, DEPLOYMENT, ROWS_IO_MANAGER
from amocrm_assets.orchestration.waits_log import resource_waits_logged
from amocrm_assets.settings import Deployment

if TYPE_CHECKING:
    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.entities import Entity
    from amocrm_assets.orchestration.bigquery_resource import BigQueryEndpointResource
    from amocrm_assets.orchestration.run_client import RunClient
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse import Warehouse


# Dagster's form for the name of a variable.
_PLACES = {f"{place}_variable": {"env": f"AMOCRM_{place.upper()}"} for place in ("warehouse", "storage", "tokens")}


class AmoCrmDeployment(dg.ConfigurableResource[Any]):
    """The locations of shards, captures, rows and tokens: one for all sources.

    They are read from environment variables when a step begins, so that every process of a deployment uses the
    same ones. Each variable has a default, see *settings* in the documentation.
    """

    # One for all sources, since Dagster's loading time grows with the square of the number of resources. The first
    # three are only displayed: they are set explicitly, since the UI shows defaults as JSON, and have the shortest
    # type, since the UI shows it beside them and a longer one would hide them.
    warehouse_variable: Any = Field(
        default=_PLACES["warehouse_variable"], description="Variable with the address of the warehouse."
    )
    storage_variable: Any = Field(
        default=_PLACES["storage_variable"], description="Variable with the place of captures and rows."
    )
    tokens_variable: Any = Field(
        default=_PLACES["tokens_variable"], description="Variable with the place of OAuth tokens."
    )
    lock_wait_seconds: float = Field(
        default=3600.0,
        description=(
            "How long a step waits for a run that Dagster's pools do not know of: one started by a command, or by"
            " another deployment."
        ),
    )
    _after_run: ExitStack = PrivateAttr(default_factory=ExitStack)

    def __init__(self, **given: Any) -> None:
        super().__init__(**{**_PLACES, **given})

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Self]:
        """The resource for the steps and checks of a run, which logs long waits."""
        with resource_waits_logged(context), self._after_run:
            yield self

    def settings(self) -> Deployment:
        """The deployment's settings from the environment of this process.

        Raises `SettingsError` if the launch of this run names other variables.
        """
        if changed := [name for name, variable in _PLACES.items() if getattr(self, name) != variable]:
            raise SettingsError(
                f"Reading the run's configuration of the resource {DEPLOYMENT}",
                cause=f"it changes {', '.join(changed)}, and all runs of a deployment use the same places.",
                fix=f"Leave {', '.join(changed)} out of it, and set AMOCRM_WAREHOUSE, AMOCRM_STORAGE and"
                " AMOCRM_TOKENS in the environment of the deployment.",
            )
        return Deployment.from_environment()

    def storage(self) -> Storage:
        """Captures and rows."""
        from amocrm_assets.storage import open_storage

        return open_storage(self.settings().storage)

    def warehouse(self, source: SourceSettings | None = None) -> Warehouse:
        """Shards. For loading, `source` is required."""
        from amocrm_assets.warehouse import open_warehouse

        bigquery = bigquery_of(self.settings().warehouse)
        open_client = None if bigquery is None else bigquery.get_client
        tags = source.policy_tags if source else None
        return open_warehouse(self.settings().warehouse, open_client=open_client, policy_tags=tags)

    def client(self, source: SourceSettings) -> AmoCrmClient:
        """A client of the source's account; close it after use."""
        from amocrm_assets.crm.authorisation import open_client

        return open_client(source, self.settings())

    def close_after_run(self, client: RunClient) -> None:
        """Close a client of the run at the run's end. `AmoCrmResource` has no teardown.

        With a teardown, a user's asset with the resource as its parameter could not be called directly.
        """
        self._after_run.callback(client.close)

    def expires_at(self, source: SourceSettings) -> int | None:
        """When the authorisation must be renewed manually, Unix seconds; None if unknown."""
        from amocrm_assets.crm.authorisation import open_authorisation

        return open_authorisation(source, self.settings()).expires_at()


@cache
def shared_resources(warehouse: str, entities: tuple[Entity, ...] = ENTITIES) -> dict[str, Any]:
    """The resources of every source: the same objects, so that definitions of several sources can be merged."""
    from amocrm_assets.orchestration.io_manager import rows_io_manager

    tables = [table for entity in entities for table in entity.tables]
    resources: dict[str, Any] = {DEPLOYMENT: AmoCrmDeployment(), ROWS_IO_MANAGER: rows_io_manager(tables)}
    if bigquery := bigquery_of(warehouse):
        resources[BIGQUERY] = bigquery
    return resources


@cache
def bigquery_of(warehouse: str) -> BigQueryEndpointResource | None:
    """The resource for BigQuery; None for the address of another warehouse."""
    from amocrm_assets.warehouse.address import BigQueryAddress, read_address

    address = read_address(warehouse) if warehouse.startswith("bigquery:") else None
    if not isinstance(address, BigQueryAddress):
        return None
    # dagster-gcp takes a second to import, which deployments with a local warehouse need not wait for.
    from amocrm_assets.orchestration.bigquery_resource import bigquery_resource

    return bigquery_resource(address)
