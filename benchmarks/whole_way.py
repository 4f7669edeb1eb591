"""The cost of a Dagster run of all three assets, from amoCRM to the shard, without amoCRM's limit.

The sandbox has no limit here and responds at once, which leaves this project, Dagster and the disk.
Run it: `python -m benchmarks day year growing`.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from benchmarks.loading import cpu_seconds_of
from benchmarks.measuring import Figure, apart, at_most
from benchmarks.reading import DAY, YEAR, over
from benchmarks.serving import MeasuredSandbox, measured_sandbox
from benchmarks.sources import SUBDOMAIN, attributes_of, source_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STEPS = ("raw_leads", "leads", "amoCrmLeads")
MONTH = 30


def measure_day(*, quick: bool) -> Iterator[Figure]:  # noqa: ARG001 - as the others
    """A small day, with Dagster's event log on a disk as in a deployment: most of the time are its commits."""
    name = "one day of 500 leads, after start-up"
    with measured_sandbox((over(1, 500),)) as sandbox:
        measured, _ = apart(_run_on_disk, sandbox, 4)
    measured = measured[1:]  # the first run imports the modules
    quickest = min(measured, key=lambda each: each["all"])
    yield at_most(name, "wall time through three assets", quickest["all"], wanted=1, unit="s")
    yield Figure(name, "CPU time", min(each["all, processor"] for each in measured), "s")
    yield Figure(name, "events in Dagster's log", quickest["events"])
    yield Figure(name, "wall time in Dagster's event log", quickest["event log"], "s")
    yield from _parts(name, quickest)


def measure_busy_day(*, quick: bool) -> Iterator[Figure]:
    """The CPU time of a day by component, without waiting for amoCRM."""
    leads = 3_000 if quick else 30_000
    name = f"one day of {leads:,} leads"
    with measured_sandbox((over(1, leads),)) as sandbox:
        began = cpu_seconds_of("pass")
        started = cpu_seconds_of("import amocrm_assets.orchestration.running, amocrm_assets.capturing") - began
        measured, _ = apart(_run_on_disk, sandbox, 2)
    yield Figure(name, "start-up: imports", started, "s of CPU time")
    for step in STEPS:
        yield Figure(name, step, measured[-1][f"{step}, processor"], "s of CPU time")
    yield Figure(name, "the rest of Dagster's run", measured[-1]["rest, processor"], "s of CPU time")
    yield Figure(name, "in total, after start-up", measured[-1]["all, processor"], "s of CPU time")


def measure_year(*, quick: bool) -> Iterator[Figure]:
    """A backfill of quiet days in one run."""
    days = 30 if quick else YEAR
    name = f"{days} days of 20 leads, one run"
    with measured_sandbox((over(days, 20 * days),)) as sandbox:
        measured, cost = apart(_run, sandbox, days, 1)
    yield at_most(name, "wall time", measured[0]["all"], wanted=25, unit="s")
    yield Figure(name, "CPU time", measured[0]["all, processor"], "s")
    yield from _parts(name, measured[0])
    yield Figure(name, "peak memory", cost.peak_megabytes, "MB")


def measure_growing(*, quick: bool) -> Iterator[Figure]:
    """Backfills of increasing numbers of leads: CPU time per lead, and peak memory."""
    sizes = [3_000, 10_000] if quick else [10_000, 100_000, 1_000_000]
    costs: dict[int, float] = {}
    for leads in sizes:
        name = f"{leads:,} leads in a backfill of {MONTH} days"
        with measured_sandbox((over(MONTH, leads),)) as sandbox:
            measured, cost = apart(_run, sandbox, MONTH, 1)
        costs[leads] = measured[0]["all, processor"] / leads * 1e6
        yield Figure(name, "wall time", measured[0]["all"], "s")
        yield Figure(name, "cost per lead", costs[leads], "µs of CPU time")
        yield from _parts(name, measured[0])
        yield at_most(name, "peak memory", cost.peak_megabytes, wanted=600, unit="MB")
    name = f"{sizes[-1]:,} leads compared with {sizes[-2]:,}"
    yield at_most(name, "cost per lead, ratio (1 is linear)", costs[sizes[-1]] / costs[sizes[-2]], wanted=1.2)


def _parts(name: str, measured: dict[str, float]) -> Iterator[Figure]:
    for step in STEPS:
        yield Figure(name, f"share of {step}", 100 * measured[step] / measured["all"], "%")


def _run(sandbox: MeasuredSandbox, days: int, rounds: int) -> list[dict[str, float]]:
    """Seconds of each step and in total, of several runs in one process. Each run reads its days again."""
    with tempfile.TemporaryDirectory() as folder:
        deploy(Path(folder), sandbox)
        return [run_once(sandbox, days) for _ in range(rounds)]


def _run_on_disk(sandbox: MeasuredSandbox, rounds: int) -> list[dict[str, float]]:
    """One day, several times, with Dagster's storage in a folder, and the time of its event log."""
    with tempfile.TemporaryDirectory() as folder:
        deploy(Path(folder), sandbox, on_disk=True)
        return [run_on_disk_once(sandbox) for _ in range(rounds)]


def run_on_disk_once(sandbox: MeasuredSandbox, **others: object) -> dict[str, float]:
    """One day, with the number and seconds of the events that Dagster stores. `others` are as in `run_once`."""
    import dagster as dg

    seconds: list[float] = []
    store = dg.DagsterInstance.handle_new_event

    def timed(*given: Any, **named: Any) -> None:
        began = time.perf_counter()
        store(*given, **named)
        seconds.append(time.perf_counter() - began)

    with patch.object(dg.DagsterInstance, "handle_new_event", timed):
        return {**run_once(sandbox, 1, **others), "events": len(seconds), "event log": sum(seconds)}


def deploy(
    folder: Path,
    sandbox: MeasuredSandbox,
    *,
    on_disk: bool = False,
    others: Mapping[str, object] = MappingProxyType({}),
) -> None:
    """Set the environment variables to places in `folder`; with `on_disk` also that of Dagster's storage."""
    from amocrm_assets.settings import documents

    file = folder / "defs" / SUBDOMAIN / "defs.yaml"
    file.parent.mkdir(parents=True)
    settings = {"type": documents.COMPONENT, "attributes": attributes_of(sandbox.url, **others)}
    file.write_text(json.dumps(settings), encoding="utf-8")
    os.environ["AMOCRM_SOURCES"] = str(folder / "defs")
    os.environ["AMOCRM_STORAGE"] = str(folder / "data")
    os.environ["AMOCRM_WAREHOUSE"] = f"duckdb:///{folder}/warehouse.duckdb"
    os.environ.pop("DAGSTER_HOME", None)
    if on_disk:
        home = folder / "home"
        home.mkdir()
        (home / "dagster.yaml").write_text("telemetry: {enabled: false}", encoding="utf-8")
        os.environ["DAGSTER_HOME"] = str(home)


def run_once(sandbox: MeasuredSandbox, days: int, **others: object) -> dict[str, float]:
    """Wall and CPU seconds of each step of leads, of the other steps, and in total.

    `others` are attributes of the source.
    """
    from amocrm_assets.orchestration.running import run_days

    source = source_of(sandbox.url, token=sandbox.token, **others)
    wanted = [DAY + timedelta(days=number) for number in range(days)]
    ends = _Ends()
    outcome = run_days(source, wanted, listener=ends)
    if outcome.failure:
        raise RuntimeError(outcome.failure)
    ends.on_days_done("rest", days, days)
    measured: dict[str, float] = {}
    for unit, clock in (("", 0), (", processor", 1)):
        marks = [ends.began[clock], *(ends.at[step][clock] for step in (*STEPS, "rest"))]
        for step, start, end in zip((*STEPS, "rest"), marks, marks[1:], strict=False):
            measured[f"{step}{unit}"] = end - start
        measured[f"all{unit}"] = marks[-1] - marks[0]
    return measured


class _Ends:
    """Records when each asset finished its last day. A step that is retried would falsify the figures."""

    def __init__(self) -> None:
        self.began = _clocks()
        self.at: dict[str, tuple[float, float]] = {}

    def on_days_done(self, asset: str, done: int, wanted: int) -> None:  # noqa: ARG002 - of the interface
        self.at[asset] = _clocks()

    def on_retry(self, why: str, wait_seconds: float) -> None:  # noqa: ARG002 - of the interface
        raise RuntimeError(why)


def _clocks() -> tuple[float, float]:
    """Wall seconds, and CPU seconds of this process."""
    return time.perf_counter(), time.process_time()
