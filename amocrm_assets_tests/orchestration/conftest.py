"""A pipeline in one process: a sandbox, a source that reads it, an instance of Dagster, a folder for all."""

from __future__ import annotations

import sys
import uuid
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import duckdb
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.orchestration.assets import asset_key
from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.orchestration.source import source_definitions
from amocrm_assets.sandbox import SandboxOptions
from amocrm_assets.settings import Deployment
from amocrm_assets.storage import open_storage
from amocrm_assets.warehouse import open_warehouse
from amocrm_assets_tests.orchestration.sources import TOKEN_VARIABLE, source_of
from amocrm_assets_tests.standin import ReferenceLists, StandIn, StandInAccount, lead, running_standin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse import Warehouse

# The sandbox's clock is stopped on this day, so that its days are the same in every run of the tests.
NOW = datetime(2025, 3, 11, 12, tzinfo=UTC)
FIRST, LAST = "2025-03-07", "2025-03-10"
# The day of leads in the stand-in, and its noon.
DAY = "2026-03-01"
SECOND = 1_772_355_600  # 2026-03-01T12:00 in Moscow
QUICK = SandboxOptions(subdomain="acme", leads_per_day=8, requests_per_second=None, frozen_at=NOW.timestamp())


class Pipeline:
    """One source and everything around it."""

    def __init__(self, sandbox: Sandbox, instance: dg.DagsterInstance) -> None:
        self.sandbox = sandbox
        self.instance = instance
        self.source = source_of(sandbox, start_date="2025-01-01")

    def configure(self, **changes: Any) -> None:
        """Change the source's settings."""
        self.source = source_of(self.sandbox, **{"start_date": "2025-01-01", **changes})

    @property
    def definitions(self) -> dg.Definitions:
        """What Dagster knows of the source; retries do not wait."""
        return source_definitions(
            self.source, file=Path("defs.yaml"), retries=Retries(count=2, first_wait_seconds=0)
        )

    def run(
        self,
        first: str = LAST,
        last: str | None = None,
        *,
        only: list[str] | None = None,
        read_again: bool = False,
    ) -> dg.ExecuteInProcessResult:
        """Materialise a day or a range, as the job does; `only` names assets."""
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last or first}
        config = {"ops": {f"{self.source.key}__raw_leads": {"config": {"read_again": read_again}}}}
        return self.definitions.resolve_job_def(f"{self.source.key}_leads").execute_in_process(
            instance=self.instance,
            tags=tags if last else None,
            partition_key=None if last else first,
            asset_selection=[self.key(name) for name in only] if only else None,
            run_config=config if read_again else None,
            raise_on_error=False,
        )

    def check(self, asset: str, check: str) -> dg.AssetCheckEvaluation:
        """Run one check alone, as the button in the UI does."""
        selection = dg.AssetSelection.checks(dg.AssetCheckKey(self.key(asset), check))
        job = dg.define_asset_job("alone", selection=selection)
        definitions = dg.Definitions.merge(self.definitions, dg.Definitions(jobs=[job]))
        result = definitions.resolve_job_def("alone").execute_in_process(
            instance=self.instance, raise_on_error=False
        )
        (evaluation,) = result.get_asset_check_evaluations()
        return evaluation

    def drop_shard(self, day: str) -> None:
        """Delete the table of a day, as a person or an expiration does."""
        path = Deployment.from_environment().warehouse.removeprefix("duckdb:///")
        with duckdb.connect(path) as connection:
            connection.execute(
                f'DROP TABLE "{LEADS.table.shard_name(self.source.subdomain, date.fromisoformat(day))}"'
            )

    def key(self, name: str) -> dg.AssetKey:
        """Key of one of the three assets."""
        return asset_key(self.source, name)

    def materialised(self, name: str) -> dict[str, dict[str, Any]]:
        """Metadata of the newest materialisation of each day of an asset."""
        records = self.instance.fetch_materializations(self.key(name), limit=5000, ascending=True).records
        events = [record.asset_materialization for record in records]
        return {
            str(event.partition): {key: value.value for key, value in event.metadata.items()}
            for event in events
            if event
        }

    @property
    def storage(self) -> Storage:
        """Captures and rows."""
        return open_storage(Deployment.from_environment().storage)

    @property
    def warehouse(self) -> Warehouse:
        """Shards."""
        return open_warehouse(Deployment.from_environment().warehouse)


class StandInPipeline(Pipeline):
    """A pipeline that reads an account which shares nothing with the sandbox."""

    standin: StandIn
    lists: ReferenceLists

    def again(self, day: str = DAY, **options: Any) -> dg.ExecuteInProcessResult:
        """A later night: the same run once more, with what amoCRM says by then."""
        return self.run(day, **options)


def failure_of(result: dg.ExecuteInProcessResult) -> Any:
    """What the failed step of a run says."""
    (event,) = [event for event in result.all_events if event.event_type_value == "STEP_FAILURE"]
    return event.step_failure_data.user_failure_data


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    """Verdicts of a run by the check's name."""
    return {check.check_name: check for check in result.get_asset_check_evaluations()}


def materialised(result: dg.ExecuteInProcessResult) -> list[tuple[str, str | None]]:
    """Assets and days of a run, in its order."""
    events = [event for event in result.all_events if event.event_type_value == "ASSET_MATERIALIZATION"]
    found = [event.event_specific_data.materialization for event in events]  # type: ignore[union-attr]
    return [(each.asset_key.path[-1], each.partition) for each in found]


def query(sql: str) -> list[tuple[Any, ...]]:
    """What the warehouse's file answers."""
    path = Deployment.from_environment().warehouse.removeprefix("duckdb:///")
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def verdicts(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    """Verdicts of a run by asset and check."""
    return {(each.asset_key.path[-1], each.check_name): each for each in result.get_asset_check_evaluations()}


def failed(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """The verdict of each asset with a check that did not pass."""
    return {asset: each for (asset, _), each in verdicts(result).items() if not each.passed}


@pytest.fixture
def sandbox(served: Sandbox) -> Sandbox:
    """A small, quick amoCRM."""
    served.reset(QUICK)
    return served


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment in a folder of its own."""
    monkeypatch.setenv("AMOCRM_STORAGE", str(tmp_path / "data"))
    monkeypatch.setenv("AMOCRM_TOKENS", str(tmp_path / "tokens"))
    monkeypatch.setenv("AMOCRM_WAREHOUSE", f"duckdb:///{tmp_path}/warehouse.duckdb")
    return tmp_path


@pytest.fixture
def pipeline(sandbox: Sandbox, deployment: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:  # noqa: ARG001
    """A pipeline that has not run yet."""
    monkeypatch.setenv(TOKEN_VARIABLE, sandbox.token)
    with ExitStack() as stack:
        yield Pipeline(sandbox, stack.enter_context(dg.DagsterInstance.ephemeral()))


@pytest.fixture
def account(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInPipeline]:
    """A pipeline of a day of five leads and all reference tables that has not run yet."""
    leads = [lead(number, SECOND + number) for number in range(1, 6)]
    standin = StandIn(StandInAccount(leads, subdomain="acme"), reference=ReferenceLists())
    monkeypatch.setenv(TOKEN_VARIABLE, standin.token)
    with running_standin(standin):
        own = StandInPipeline(pipeline.sandbox, pipeline.instance)
        own.standin, own.lists = standin, standin.reference or ReferenceLists()
        own.configure(base_url=standin.url, start_date="2026-01-01", import_reference=True)
        yield own


@pytest.fixture
def stored_pipeline(pipeline: Pipeline, tmp_path: Path) -> Iterator[Pipeline]:
    """A pipeline whose instance keeps things in files: schedules look into them."""
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as pipeline.instance:
        yield pipeline


@pytest.fixture
def their_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the importable package `theirs` of somebody's own project may be put, in a folder of its own."""
    # Pytest gives the folder of a test that passed to another one of the same name, and Dagster remembers by path.
    root = tmp_path / uuid.uuid4().hex
    root.mkdir()
    monkeypatch.syspath_prepend(str(root))
    yield root / "theirs"
    for name in [name for name in sys.modules if name.split(".")[0] == "theirs"]:  # the next test has another one
        del sys.modules[name]


@pytest.fixture
def defs(their_package: Path) -> Path:
    """The folder of the definitions of somebody's own project."""
    folder = their_package / "defs"
    folder.mkdir(parents=True)
    for package in (their_package, folder):
        (package / "__init__.py").touch()
    project = '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "theirs"\n'
    (their_package.parent / "pyproject.toml").write_text(project, encoding="utf-8")
    return folder
