"""Killed at any moment, run side by side, left by amoCRM: the next run ends as if nothing had happened."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.captures import capture_names, open_capture
from amocrm_assets.crm.client import AmoCrmClient
from amocrm_assets.sandbox import Sandbox, SandboxOptions, running_sandbox
from amocrm_assets_tests.accounts import DAY, FixedToken, leads_of, source
from amocrm_assets_tests.guarantees.commands import TOKEN_VARIABLE, Place, served
from amocrm_assets_tests.guarantees.whole_way import WholeWay, left_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

LAST = DAY + timedelta(days=2)
DAYS = [DAY + timedelta(days=number) for number in range(3)]
ACCOUNT: dict[str, Any] = {
    "populations": (leads_of(DAY, 2_000, days=3), leads_of(DAY, 90, days=3, deleted=True)),
    "requests_per_second": None,
    "page_limit_max": 100,
    "page_limit_default": 100,
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(SandboxOptions(**ACCOUNT)) as running:
        yield running


def source_of(url: str) -> SourceSettings:
    return source(subdomain="acme", base_url=url, access_token_env=TOKEN_VARIABLE)


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
        for name in [name for day in DAYS for name in capture_names(way.storage, "acme", day)]:
            with open_capture(way.storage, name) as capture:
                assert list(capture.leads)
        kept = {"warehouse.duckdb", *(f"data/{name}" for name in way.storage.names(""))}
        assert set(left_in(way.folder)) == kept
        assert {name.partition("/")[0] for name in way.storage.names("")} == {"captures", "rows"}


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

    assert [process.exitcode for process in both] == [0, 0], place.said
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
