"""The shared resources without a run: what they open, and from which settings."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets import warehouse
from amocrm_assets.errors import SettingsError
from amocrm_assets.orchestration.bigquery_resource import BigQueryEndpointResource
from amocrm_assets.orchestration.names import BIGQUERY, DEPLOYMENT, ROWS_IO_MANAGER
from amocrm_assets.orchestration.resources import AmoCrmDeployment, bigquery_of, shared_resources
from amocrm_assets.settings import Deployment
from amocrm_assets_tests.accounts import source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.settings import SourceSettings

DUCKDB, IN_BIGQUERY = "duckdb:///w.duckdb", "bigquery://my-project/crm?location=EU"
TAGS = {"name": "projects/p/locations/eu/taxonomies/1/policyTags/2"}


@pytest.mark.parametrize(("address", "more"), [(DUCKDB, set()), (IN_BIGQUERY, {BIGQUERY})])
def test_the_resource_for_bigquery_is_there_if_the_warehouse_is_bigquery(address: str, more: set[str]) -> None:
    resources = shared_resources(address)
    assert resources.keys() == {DEPLOYMENT, ROWS_IO_MANAGER} | more
    assert resources is shared_resources(address)
    for resource in (resources[name] for name in more):
        assert isinstance(resource, BigQueryEndpointResource)
        assert (resource.project, resource.location, resource.endpoint) == ("my-project", "EU", None)


def test_a_step_waits_an_hour_for_a_run_that_pools_do_not_know_of() -> None:
    assert AmoCrmDeployment().lock_wait_seconds == 3600


@pytest.mark.parametrize("name", ["warehouse_variable", "storage_variable", "tokens_variable"])
def test_a_launch_with_another_place_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(SettingsError, match=f"it changes {name}, and all runs"):
        AmoCrmDeployment(**{name: {"env": "ELSEWHERE"}}).settings()


@pytest.mark.parametrize("address", [DUCKDB, IN_BIGQUERY])
@pytest.mark.parametrize(("of", "tags"), [(None, None), (source(policy_tags=TAGS), TAGS)], ids=["none", "tags"])
def test_a_warehouse_is_opened_with_the_clients_of_the_resource_and_the_tags_of_the_source(
    address: str, of: SourceSettings | None, tags: dict[str, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMOCRM_WAREHOUSE", address)
    opened: list[Any] = []
    monkeypatch.setattr(warehouse, "open_warehouse", lambda *given, **options: opened.append((*given, options)))
    AmoCrmDeployment().warehouse(of)
    resource = bigquery_of(Deployment.from_environment().warehouse)
    open_client = resource.get_client if resource else None
    assert opened == [(Deployment.from_environment().warehouse, {"open_client": open_client, "policy_tags": tags})]


def test_a_client_of_the_run_is_closed_at_its_end() -> None:
    closed: list[str] = []
    deployment, client = AmoCrmDeployment(), SimpleNamespace(close=lambda: closed.append("closed"))
    given: Any = SimpleNamespace(log=None, run_id=None, instance=None, run=None)
    with deployment.yield_for_execution(given):
        deployment.close_after_run(client)  # type: ignore[arg-type]
        assert closed == []
    assert closed == ["closed"]


@pytest.mark.parametrize("credentials", [None, "e30="])
def test_a_client_of_bigquery_has_the_credentials_of_the_resource_or_those_of_the_machine(
    credentials: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dagster_gcp import BigQueryResource

    from amocrm_assets.orchestration import bigquery_resource as module

    closed: list[str] = []

    @contextmanager
    def by_dagster(self: BigQueryResource) -> Iterator[Any]:
        yield SimpleNamespace(kind="credentials", close=lambda: closed.append(str(self.project)))

    @contextmanager
    def of_the_machine(project: str, location: str, *, endpoint: str) -> Iterator[Any]:
        yield SimpleNamespace(kind=("machine", project, location, endpoint))

    monkeypatch.setattr(BigQueryResource, "get_client", by_dagster)
    monkeypatch.setattr(module, "open_client", of_the_machine)
    resource = BigQueryEndpointResource(
        project="p", location="EU", endpoint="http://e", gcp_credentials=credentials
    )
    with resource.get_client() as client:
        opened: Any = client
    found = opened.kind
    assert found == ("credentials" if credentials else ("machine", "p", "EU", "http://e"))
    assert closed == ["p"] * bool(credentials)
