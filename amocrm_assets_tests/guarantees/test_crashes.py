"""Killed at any moment, run side by side, left by amoCRM: the next run ends as if nothing had happened."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from amocrm_assets.captures import capture_names, open_capture
from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.entities import LEADS
from amocrm_assets.sandbox import Sandbox, SandboxOptions, running_sandbox
from amocrm_assets_tests.accounts import DAY, FixedToken, leads_of, source
from amocrm_assets_tests.end_to_end import asking
from amocrm_assets_tests.end_to_end.launching import assets_of
from amocrm_assets_tests.guarantees.commands import TOKEN_VARIABLE, Place, served
from amocrm_assets_tests.guarantees.killing import kill_all, run_workers
from amocrm_assets_tests.guarantees.whole_way import WholeWay, left_in
from amocrm_assets_tests.orchestration.dagster_process import running_dagster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage
    from amocrm_assets_tests.orchestration.dagster_process import Dagster

pytestmark = pytest.mark.slow

LAST = DAY + timedelta(days=2)
DAYS = [DAY + timedelta(days=number) for number in range(3)]
ACCOUNTS = ("acme", "zenith")
# About what a run of these days takes, beyond the start of its process, when answers are slow.
WORK_SECONDS = 6.0
ACCOUNT: dict[str, Any] = {
    "subdomain": "acme",
    "populations": (leads_of(DAY, 2_000, days=3), leads_of(DAY, 90, days=3, deleted=True)),
    "requests_per_second": None,
    "page_limit_max": 100,
    "page_limit_default": 100,
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(SandboxOptions(**ACCOUNT)) as running:
        yield running


def source_of(url: str, *, subdomain: str = "acme") -> SourceSettings:
    return source(subdomain=subdomain, base_url=url, access_token_env=TOKEN_VARIABLE)


@pytest.fixture
def place(sandbox: Sandbox, tmp_path: Path) -> Place:
    return Place(tmp_path, source_of(sandbox.url), sandbox.token)


class Undisturbed:
    """Rows of every day's shard, and seconds."""

    def __init__(self, shards: dict[date, list[dict[str, Any]]], seconds: float) -> None:
        self.shards = shards
        self.seconds = seconds

    def check(self, place: Place) -> None:
        """The shards are these, every capture is whole, and nothing that was begun is left."""
        way = place.way
        assert {day: way.shard(day) for day in DAYS} == self.shards
        for name in [
            name for day in DAYS for name in capture_names(LEADS, way.storage, way.source.subdomain, day)
        ]:
            with open_capture(LEADS, way.storage, name) as capture:
                assert list(capture.records)
        stored = {name for name in way.storage.names("") if not name.startswith("locks/")}
        kept = {"warehouse.duckdb", *(f"data/{name}" for name in stored)}
        assert set(left_in(way.folder)) == kept
        # A note on the limiter is there where the last requests were sent less than a second before the end.
        assert {name.partition("/")[0] for name in way.storage.names("")} - {"locks"} == {"captures", "rows"}


@pytest.fixture(scope="module")
def undisturbed(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """What a run makes that nobody disturbs, and how long it takes."""
    place = Place(tmp_path_factory.mktemp("undisturbed"), source_of(sandbox.url), sandbox.token)
    place.run(DAY, DAY)  # the first process loads what the others find loaded
    began = time.monotonic()
    place.run(DAY, LAST)
    return Undisturbed({day: place.way.shard(day) for day in DAYS}, time.monotonic() - began)


@pytest.mark.rounds(3, 150)
def test_a_run_killed_at_any_moment(place: Place, undisturbed: Undisturbed, seed: int) -> None:
    process = place.start(DAY, LAST)
    process.join(random.Random(seed).uniform(0, undisturbed.seconds))
    process.kill()
    process.join()

    place.run(DAY, LAST)

    undisturbed.check(place)


def test_two_runs_of_the_same_days_at_once(place: Place, undisturbed: Undisturbed) -> None:
    both = [place.start(DAY, LAST), place.start(DAY, LAST)]
    for process in both:
        process.join(120)

    assert [process.exitcode for process in both] == [0, 0], place.output
    undisturbed.check(place)


@pytest.mark.rounds(1, 50)
def test_amocrm_that_dies_in_mid_reading_and_comes_back(tmp_path: Path, storage: Storage, seed: int) -> None:
    slow = ACCOUNT | {"latency_seconds": 0.05}
    dying, url, token = served(slow, port=0)
    way = WholeWay(tmp_path, storage, source_of(url))
    with AmoCrmClient(url, FixedToken(token), requests_per_second=40) as client, ThreadPoolExecutor(1) as pool:
        going = pool.submit(way.go, client, DAYS)
        time.sleep(random.Random(seed).uniform(0, 0.8))
        dying.kill()
        dying.join()
        revived, _, _ = served(slow, port=int(url.rpartition(":")[2]))
        going.result(60)
        revived.kill()
        revived.join()

    assert sum(len(way.shard(day)) for day in DAYS) == 2_090


def backfill_all(dagster: Dagster) -> list[str]:
    return [asking.launch_backfill(dagster, assets_of(account), DAYS) for account in ACCOUNTS]


def in_progress(dagster: Dagster) -> set[str]:
    """Runs that are shown as if a process were at work on them."""
    return {run.run_id for run in dagster.runs() if run.status in {"STARTING", "STARTED"}}


def wait_for_a_moment(sandbox: Sandbox, chance: random.Random) -> None:
    """Mostly within the work on days, which begins when amoCRM is asked; sometimes before."""
    request_count, deadline = len(sandbox.requests), time.monotonic() + 20
    if chance.random() < 0.8:
        while len(sandbox.requests) == request_count and time.monotonic() < deadline:
            time.sleep(0.05)
    time.sleep(chance.uniform(0, WORK_SECONDS))


def kill_a_run(dagster: Dagster, home: Path, chance: random.Random) -> None:
    """Kill the process of one run, and wait until Dagster shows it."""
    workers = run_workers(home)
    with suppress(psutil.NoSuchProcess):  # it may just have ended
        for worker in chance.sample(workers, k=min(1, len(workers))):
            worker.kill()
    asking.once(
        lambda: len(in_progress(dagster)) <= len(run_workers(home)) or None,
        what="Dagster to see that a run was killed",
        seconds=20,
    )


def check_shown(dagster: Dagster) -> None:
    """All days are shown as materialised, and no run holds an account, or waits for it."""
    for asset in [asset for account in ACCOUNTS for asset in assets_of(account)]:
        shown = asking.partitions_of(dagster, asset)
        assert (shown.materialised, shown.failed) == (len(DAYS), 0)
    assert asking.pools(dagster) == {f"amocrm_{account}": 0 for account in ACCOUNTS}


@pytest.mark.timeout(900)
@pytest.mark.rounds(1, 40)
def test_backfills_of_which_one_run_and_then_all_of_dagster_is_killed(
    tmp_path: Path, undisturbed: Undisturbed, seed: int
) -> None:
    chance = random.Random(seed)
    options = SandboxOptions(**ACCOUNT, latency_seconds=0.5)
    with running_sandbox(options) as sandbox, running_sandbox(replace(options, subdomain="zenith")) as other:
        places = [
            Place(tmp_path, source_of(each.url, subdomain=account), each.token)
            for account, each in zip(ACCOUNTS, (sandbox, other), strict=True)
        ]
        with running_dagster(tmp_path, places[0].environment) as dagster:
            backfill_all(dagster)
            asking.once(lambda: run_workers(tmp_path) or None, what="the process of a run")
            wait_for_a_moment(sandbox, chance)
            kill_a_run(dagster, tmp_path, chance)
            wait_for_a_moment(sandbox, chance)
            lost = in_progress(dagster)
            kill_all(tmp_path)

        with running_dagster(tmp_path, places[0].environment) as dagster:
            for run_id in lost & in_progress(dagster):
                asking.force_termination(dagster, run_id)
            again = [run for each in backfill_all(dagster) for run in asking.runs_of_backfill(dagster, each)]
            assert [run.status for run in again] == ["SUCCESS"] * len(ACCOUNTS), dagster.log()
            # Runs that Dagster has started again by itself.
            dagster.ended([run.run_id for run in dagster.runs()])
            check_shown(dagster)
    for place in places:
        undisturbed.check(place)
