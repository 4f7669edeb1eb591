"""All entities of an account compared with leads alone: a day and a year in one run, and reference requests.

Leads alone are imported without reference tables and details, and in the same process, so that a busy machine
slows both. Run it: `python -m benchmarks all_day all_year`.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from amocrm_assets.entities.reference import LISTS
from benchmarks.measuring import Figure, apart, at_most
from benchmarks.plain_dagster import COMPARED_WITH_PLAIN, run_plain
from benchmarks.reading import DAY, YEAR, over
from benchmarks.serving import MeasuredSandbox, measured_sandbox
from benchmarks.sources import everything, source_of
from benchmarks.whole_way import deploy, run_on_disk_once, run_once

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 4


def measure_day(*, quick: bool) -> Iterator[Figure]:  # noqa: ARG001 - as the others
    """A small day through all assets, with Dagster's event log on a disk, as in a deployment."""
    name = "one day of 500 leads, all entities, after start-up"
    with measured_sandbox((over(1, 500),)) as sandbox:
        runs, _ = apart(_days, sandbox)
    # The first run imports the modules.
    alone, quickest, plain = (min(each[1:], key=lambda run: run["ours"]) for each in runs)
    yield at_most(name, "wall time in addition to amoCRM's responses", quickest["ours"], wanted=3, unit="s")
    yield Figure(name, "the same compared with leads alone", quickest["ours"] / alone["ours"], "×")
    yield Figure(name, f"the same{COMPARED_WITH_PLAIN}", quickest["ours"] / plain["ours"], "×")
    yield Figure(name, "plain Dagster, wall time", plain["ours"], "s")
    yield Figure(name, "waiting for amoCRM's responses and its limit", quickest["amocrm"], "s")
    yield Figure(name, "CPU time", quickest["all, processor"], "s")
    yield Figure(name, "events in Dagster's log", quickest["events"])
    yield Figure(name, "wall time in Dagster's event log", quickest["event log"], "s")
    yield Figure(name, "requests", quickest["requests"])
    yield at_most(name, "requests for reference tables", quickest["reference"], wanted=12)


def measure_year(*, quick: bool) -> Iterator[Figure]:
    """A backfill of quiet days in one run."""
    days = 30 if quick else YEAR
    name = f"{days} days of 20 leads, all entities, one run"
    with measured_sandbox((over(days, 20 * days),)) as sandbox:
        (alone, measured), cost = apart(_backfills, sandbox, days)
        plain, _ = apart(_plain_backfill, sandbox, days)
    yield at_most(name, "wall time compared with leads alone", measured["all"] / alone["all"], wanted=3, unit="×")
    yield at_most(
        name,
        "CPU time compared with leads alone",
        measured["all, processor"] / alone["all, processor"],
        wanted=3,
        unit="×",
    )
    yield Figure(name, f"CPU time{COMPARED_WITH_PLAIN}", measured["all, processor"] / plain["processor"], "×")
    yield Figure(name, "wall time", measured["all"], "s")
    yield Figure(name, "CPU time", measured["all, processor"], "s")
    yield Figure(name, "waiting for amoCRM's responses and its limit", measured["amocrm"], "s")
    yield Figure(name, "leads alone, wall time", alone["all"], "s")
    yield Figure(name, "leads alone, CPU time", alone["all, processor"], "s")
    yield Figure(name, "requests", measured["requests"])
    yield Figure(name, "peak memory", cost.peak_megabytes, "MB")


def _days(sandbox: MeasuredSandbox) -> tuple[list[dict[str, float]], ...]:
    """Runs of leads alone, of everything, and of plain Dagster, alternating; each reads its day again."""
    without = everything() | {"import_reference": False}
    alone, measured, plain = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        deploy(Path(folder), sandbox, on_disk=True, others=everything())
        for _ in range(ROUNDS):
            alone.append(_measured(sandbox, lambda: run_on_disk_once(sandbox)))
            rest = _measured(sandbox, lambda: run_on_disk_once(sandbox, **without))
            whole = _measured(sandbox, lambda: run_on_disk_once(sandbox, **everything()))
            measured.append(whole | {"reference": whole["of these lists"] - rest["of these lists"]})
            plain.append(_plain(sandbox, 1))
    return alone, measured, plain


def _backfills(sandbox: MeasuredSandbox, days: int) -> tuple[dict[str, float], dict[str, float]]:
    measured = []
    # A first run of a single day imports the modules.
    for count, others in ((1, everything()), (days, {}), (days, everything())):
        with tempfile.TemporaryDirectory() as folder:
            deploy(Path(folder), sandbox, others=others)
            measured.append(_measured(sandbox, lambda: run_once(sandbox, count, **others)))  # noqa: B023 - at once
    return measured[1], measured[2]


def _plain_backfill(sandbox: MeasuredSandbox, days: int) -> dict[str, float]:
    os.environ.pop("DAGSTER_HOME", None)
    _plain(sandbox, 1)
    return _plain(sandbox, days)


def _plain(sandbox: MeasuredSandbox, days: int) -> dict[str, float]:
    """Seconds of plain Dagster with as many assets, checks and days: no request, no file, no row."""
    source = source_of(sandbox.url, token=sandbox.token, **everything())
    began, began_processor = time.perf_counter(), time.process_time()
    run_plain(source, [DAY + timedelta(days=number) for number in range(days)])
    return {"ours": time.perf_counter() - began, "processor": time.process_time() - began_processor}


def _measured(sandbox: MeasuredSandbox, run: Any) -> dict[str, float]:
    """The figures of a run, with its requests, and its seconds of waiting for amoCRM and of everything else."""
    before, lists_before, waits = sandbox.statistics()["requests"], _of_lists(sandbox), _Waits()
    with waits.noted():
        measured: dict[str, float] = run()
    waited = waits.seconds()
    return measured | {
        "requests": sandbox.statistics()["requests"] - before,
        "of these lists": _of_lists(sandbox) - lists_before,
        "amocrm": waited,
        "ours": measured["all"] - waited,
    }


def _of_lists(sandbox: MeasuredSandbox) -> int:
    """Requests for the lists of reference tables, some of which every entity requests too."""
    return sum(int(sandbox.statistics(each.path)["requests"]) for each in LISTS)


class _Waits:
    """The intervals in which any thread waited for amoCRM: for a permit of the limit, or for a response."""

    def __init__(self) -> None:
        self._spans: list[tuple[float, float]] = []
        self._lock = threading.Lock()

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Record the waits of the body."""
        from amocrm_assets.crm.http.rate_limiter import RateLimiter
        from amocrm_assets.crm.http.sender import RequestSender

        with (
            patch.object(RateLimiter, "acquire", self._timed(RateLimiter.acquire)),
            patch.object(RequestSender, "send", self._timed(RequestSender.send)),
        ):
            yield

    def _timed(self, call: Any) -> Any:
        def timed(*given: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return call(*given, **named)
            finally:
                with self._lock:
                    self._spans.append((began, time.perf_counter()))

        return timed

    def seconds(self) -> float:
        """Seconds in which at least one thread waited."""
        total, end = 0.0, 0.0
        for began, ended in sorted(self._spans):
            total += max(0.0, ended - max(began, end))
            end = max(end, ended)
        return total
