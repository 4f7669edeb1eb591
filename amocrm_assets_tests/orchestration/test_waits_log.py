"""Long waits are lines in Dagster's log, whichever part of a run waits."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import dagster as dg
import duckdb
import pytest

from amocrm_assets import waiting
from amocrm_assets.orchestration.waits_log import resource_waits_logged
from amocrm_assets.settings import Deployment
from amocrm_assets_tests.orchestration.conftest import FIRST, LAST
from amocrm_assets_tests.orchestration.test_amocrm_resource import resource_of
from amocrm_assets_tests.orchestration.test_io_manager import taken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets_tests.orchestration.conftest import Pipeline


@pytest.fixture(autouse=True)
def _told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting.of_this_process, "first_seconds", 0.1)


def logged(pipeline: Pipeline, what: str) -> list[str]:
    """What the runs of the pipeline have logged of waiting for something."""
    lines = []
    for run in pipeline.instance.get_runs():
        entries = pipeline.instance.all_logs(run.run_id)
        lines += [entry.user_message for entry in entries if entry.dagster_event is None]
    return [line for line in lines if line.startswith(f"Waiting for {what}")]


@contextmanager
def until_announced(what: str) -> Iterator[threading.Event]:
    """An event that is set when somebody says that he waits for something."""
    announced = threading.Event()
    with waiting.listen(lambda sentence: announced.set() if what in sentence else None):
        yield announced


@contextmanager
def locked_account(pipeline: Pipeline) -> Iterator[None]:
    """Somebody asks the account until a run says that it waits for that."""
    with until_announced("the lock locks/acme") as announced:
        taken_now = threading.Event()

        def hold() -> None:
            with pipeline.storage.lock("locks/acme", wait_seconds=0):
                taken_now.set()
                announced.wait(30)

        thread = threading.Thread(target=hold)
        thread.start()
        assert taken_now.wait(10)
        yield
        thread.join()


@contextmanager
def locked_warehouse() -> Iterator[None]:
    """Somebody has the DuckDB file open until a run says that it waits for that."""
    path = Deployment.from_environment().warehouse.removeprefix("duckdb:///")
    with until_announced("the DuckDB file") as announced:
        connection = duckdb.connect(path)

        def let_go() -> None:
            announced.wait(30)
            connection.close()

        thread = threading.Thread(target=let_go)
        thread.start()
        yield
        thread.join()


def test_a_step_logs_once_what_it_waits_for(pipeline: Pipeline) -> None:
    with locked_account(pipeline):
        assert pipeline.run(only=["raw_leads"]).success
    assert len(logged(pipeline, "the lock locks/acme")) == 1


def test_a_persons_own_asset_logs_what_its_resource_waits_for(pipeline: Pipeline) -> None:
    @dg.asset
    def name(amocrm_shop: dg.ResourceParam[object]) -> None:
        amocrm_shop.get("/api/v4/account")  # type: ignore[attr-defined]

    definitions = dg.Definitions([name], resources={"amocrm_shop": resource_of(pipeline)})
    with locked_account(pipeline):
        job = definitions.resolve_implicit_global_asset_job_def()
        assert job.execute_in_process(instance=pipeline.instance).success
    assert len(logged(pipeline, "the lock locks/acme")) == 1


@pytest.mark.parametrize("run", [None, SimpleNamespace(run_id="1")])
@pytest.mark.parametrize("has_log", [False, True])
def test_a_resource_logs_its_waits_only_in_a_run_with_a_log(run: Any, *, has_log: bool) -> None:
    lines: list[str] = []
    log = SimpleNamespace(warning=lines.append) if has_log else None
    context: Any = SimpleNamespace(run=run, log=log)
    with (
        resource_waits_logged(context),
        until_announced("something") as announced,
        waiting.waiting("something"),
    ):
        assert announced.wait(10)
    assert bool(lines) is (run is not None and has_log)
    with resource_waits_logged(None):
        pass


@pytest.mark.slow
def test_a_check_alone_and_an_asset_that_takes_rows_log_what_they_wait_for(pipeline: Pipeline) -> None:
    assert pipeline.run(FIRST, LAST).success
    with locked_warehouse():
        assert pipeline.check("amoCrmLeads", "equals_rows").passed
    with locked_warehouse():
        assert len(taken(pipeline, "amoCrmLeads", days=LAST))
    assert len(logged(pipeline, "the DuckDB file")) == 2
