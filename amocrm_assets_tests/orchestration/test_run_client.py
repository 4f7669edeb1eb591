"""One client of the account for a whole run: opened once, closed at the end, and replaced after a failure."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.cancellation import Cancelled
from amocrm_assets.crm.authorisation import open_client
from amocrm_assets.errors import AmoCrmAssetsError
from amocrm_assets.orchestration.amocrm_resource import AmoCrmResource
from amocrm_assets.orchestration.run_client import RunClient
from amocrm_assets.sandbox import Fault
from amocrm_assets.settings import Deployment
from amocrm_assets_tests.orchestration.conftest import FIRST, LAST

if TYPE_CHECKING:
    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets_tests.orchestration.conftest import Pipeline

pytestmark = pytest.mark.slow

ALL = {
    f"import_{name}": True
    for name in ("contacts", "companies", "tasks", "calls", "events", "lead_details")
}  # fmt: skip
ACCOUNT = "/api/v4/account"


def opened(pipeline: Pipeline) -> AmoCrmClient:
    return open_client(pipeline.source, Deployment.from_environment())


def test_all_entities_of_a_range_verify_the_account_once(pipeline: Pipeline) -> None:
    pipeline.configure(**ALL)
    assert pipeline.run(FIRST, LAST).success
    paths = [request.path for request in pipeline.sandbox.requests]
    assert paths.count(ACCOUNT) == 1
    assert {"/api/v4/leads", "/api/v4/contacts", "/api/v4/tasks", "/api/v4/events"} <= set(paths)


def test_what_follows_two_failed_entities_is_read_by_a_new_client_that_verifies_the_account(
    pipeline: Pipeline,
) -> None:
    pipeline.configure(**ALL)
    faults = [Fault("403-json", path=f"/api/v4/{name}") for name in ("events", "tasks")]
    pipeline.sandbox.configure(faults=faults)
    result = pipeline.run(FIRST, LAST)
    failed = {event.step_key for event in result.all_events if event.is_step_failure}
    assert failed == {"acme__raw_events", "acme__raw_tasks"}
    assert [request.path for request in pipeline.sandbox.requests].count(ACCOUNT) > 1


def test_nothing_of_the_client_is_left_after_the_run(pipeline: Pipeline) -> None:
    # Other tests of the process may have left threads of clients that they did not close.
    before = set(threading.enumerate())
    assert pipeline.run().success
    for thread in set(threading.enumerate()) - before:
        if thread.name == "deadlines":
            thread.join(60)  # it was told to end, which takes longer on a busy machine
            assert not thread.is_alive()


def test_requests_of_a_users_own_asset_share_a_client(pipeline: Pipeline) -> None:
    resource = AmoCrmResource.from_settings(pipeline.source)
    with resource.client() as first:
        assert first.get(ACCOUNT).status == 200
    with resource.client() as second:
        assert second.get(ACCOUNT).status == 200
    assert first is second


def test_an_error_closes_the_client_and_the_next_use_has_another(pipeline: Pipeline) -> None:
    kept = RunClient()
    with pytest.raises(AmoCrmAssetsError), kept.use(lambda: opened(pipeline)) as first:
        first.get("/api/v4/unknown")
    with kept.use(lambda: opened(pipeline)) as second:
        assert second.get(ACCOUNT).status == 200
    with pytest.raises(Cancelled):
        first.get(ACCOUNT)
    kept.close()
    with pytest.raises(Cancelled):
        second.get(ACCOUNT)


def test_a_client_ends_with_its_resource(pipeline: Pipeline) -> None:
    resource = AmoCrmResource.from_settings(pipeline.source)
    with resource.client() as client:
        assert client.get(ACCOUNT).status == 200
    del resource
    assert client.scope.cancelled
