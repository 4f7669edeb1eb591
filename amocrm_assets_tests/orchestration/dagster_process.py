"""`dagster dev` on loopback as people start it: webserver, daemon and code location as processes of their own.

Tests speak to it as the UI does, by GraphQL.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from amocrm_assets_tests.serving import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SHIPPED_HOME = Path(__file__).parents[2] / "dagster_home" / "dagster.yaml"
LOCATION = """\
from pathlib import Path

from amocrm_assets.settings.source_files import read_sources
from amocrm_assets.orchestration.source import deployment_definitions

sources = read_sources(Path(__file__).parent / "sources")
defs = deployment_definitions(sources.found, sources.broken)
"""
LOCATION_NAME = "amocrm_assets"
WORKSPACE = f"load_from: [{{python_file: {{relative_path: location.py, location_name: {LOCATION_NAME}}}}}]\n"
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}
# A machine that is busy with other tests takes long to start four processes.
START_SECONDS = 240.0

LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on Error { message }
  }
}
"""
LOCATIONS = """
query Locations {
  workspaceOrError {
    ... on Workspace { locationEntries { locationOrLoadError { ... on PythonError { message } } } }
  }
}
"""
RUNS = """
query Runs {
  runsOrError { ... on Runs { results { runId status startTime endTime tags { key value } } } }
}
"""

ATTEMPTS = """
query Attempts($runId: ID!) {
  runOrError(runId: $runId) { ... on Run { stepStats { attempts { startTime endTime } } } }
}
"""


@dataclass(frozen=True)
class Run:
    """A run as the UI lists it."""

    run_id: str
    status: str
    started_at: float | None
    ended_at: float | None
    tags: dict[str, str]


class Dagster:
    """A running Dagster."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self._log = log

    def log(self) -> str:
        """The end of what its processes have printed."""
        return self._log.read_text(encoding="utf-8")[-6000:]

    def warnings(self) -> list[str]:
        """Python's warnings in all that its processes have printed."""
        return [line for line in self._log.read_text(encoding="utf-8").splitlines() if "Warning: " in line]

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a GraphQL answer; an error in it fails the test."""
        response = requests.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=60)
        body = response.json()
        assert "errors" not in body, body["errors"]
        data: dict[str, Any] = body["data"]
        return data

    def is_up(self) -> bool:
        """Whether it accepts connections and shows its runs."""
        try:
            self.runs()
        except requests.ConnectionError:
            return False
        return True

    def load_errors(self) -> list[str]:
        """Why code locations are not loaded."""
        entries = self.ask(LOCATIONS)["workspaceOrError"]["locationEntries"]
        loaded = [entry["locationOrLoadError"] for entry in entries]
        return ["not loaded yet" if one is None else one["message"] for one in loaded if one != {}]

    def materialise(
        self,
        assets: Sequence[Sequence[str]],
        *,
        day: str | None = None,
        config: str = "",
        job: str = "__ASSET_JOB",
    ) -> str:
        """Press "Materialize", for a day where there are days, or start a job; returns the run's id."""
        selector = {
            "repositoryLocationName": LOCATION_NAME,
            "repositoryName": "__repository__",
            "pipelineName": job,
            "assetSelection": [{"path": list(path)} for path in assets],
        }
        params = {
            "selector": selector,
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": day}] if day else []},
            "runConfigData": config,
            "mode": "default",
        }
        launched = self.ask(LAUNCH, params=params)["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        run_id: str = launched["run"]["runId"]
        return run_id

    def runs(self) -> list[Run]:
        """All runs."""
        return [
            Run(
                run["runId"],
                run["status"],
                run["startTime"],
                run["endTime"],
                {tag["key"]: tag["value"] for tag in run["tags"]},
            )
            for run in self.ask(RUNS)["runsOrError"]["results"]
        ]

    def step_times(self, run_id: str) -> tuple[float, float]:
        """When the only step of a run began to work and ended: waiting for a pool is no attempt."""
        (step,) = self.ask(ATTEMPTS, runId=run_id)["runOrError"]["stepStats"]
        (attempt,) = step["attempts"]
        return attempt["startTime"], attempt["endTime"]

    def settled(self, run_ids: Sequence[str], *, quiet_seconds: float = 12.0, seconds: float = 300.0) -> None:
        """Return when the states of runs have not changed for longer than two rounds of the daemon."""
        started = unchanged_since = time.monotonic()
        last: set[tuple[str, str]] = set()
        while time.monotonic() - unchanged_since < quiet_seconds:
            assert time.monotonic() - started < seconds, last
            now = {(run.run_id, run.status) for run in self.runs() if run.run_id in run_ids}
            if now != last:
                last, unchanged_since = now, time.monotonic()
            time.sleep(1)

    def ended(self, run_ids: Sequence[str], *, seconds: float = 300.0) -> list[Run]:
        """The runs, once all of them have ended, in the order of their start."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            runs = [run for run in self.runs() if run.run_id in run_ids]
            if all(run.status in ENDED for run in runs) and len(runs) == len(run_ids):
                return sorted(runs, key=lambda run: run.started_at or 0.0)
            time.sleep(0.5)
        raise AssertionError(f"after {seconds} s: {[run.status for run in runs]}")


@contextmanager
def running_dagster(home: Path, environment: Mapping[str, str]) -> Iterator[Dagster]:
    """Dagster over the sources in `home/sources`, with the settings that this project ships."""
    shutil.copy(SHIPPED_HOME, home)
    (home / "location.py").write_text(LOCATION, encoding="utf-8")
    (home / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    port = free_port()
    # As `make dev` does: `dagster dev` warns that it is superseded.
    dg = [sys.executable, "-m", "dagster_dg_cli.cli"]
    command = [*dg, "dev", "--workspace", "workspace.yaml", "--host", "127.0.0.1", "--port", str(port)]
    with (home / "dagster.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=home,
            env={**os.environ, **environment, "DAGSTER_HOME": str(home)},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with interrupted_at_end(process):
        yield _once_up(Dagster(f"http://127.0.0.1:{port}", home / "dagster.log"), process)


@contextmanager
def interrupted_at_end(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Press Ctrl-C at the end. A process that ignores it, as one in the background does, is killed."""
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _once_up(dagster: Dagster, process: subprocess.Popen[bytes]) -> Dagster:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if dagster.is_up():
            return dagster
        time.sleep(0.5)
    raise AssertionError(f"Dagster did not start:\n{dagster.log()}")
