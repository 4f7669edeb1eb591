"""Load jobs of BigQuery that fail, are lost, last too long or are waited for."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import WarehouseUnavailable
from amocrm_assets.storage import open_storage
from amocrm_assets.waiting import Waits
from amocrm_assets.warehouse import LoadResult
from amocrm_assets_tests.warehouse.loaded_days import DAY, SHARD, UPLOAD, load_day
from amocrm_assets_tests.warehouse.places import Place, lead, wired_place
from amocrm_assets_tests.warehouse.recording_bigquery import Fault, RecordingBigQuery

if TYPE_CHECKING:
    from pathlib import Path


def test_an_answer_that_is_lost_after_the_load_makes_no_second_load(
    server: RecordingBigQuery, wired: Place, naps: list[float]
) -> None:
    server.faults = [Fault("POST", UPLOAD, kind="lose answer")]

    outcome = load_day(wired)

    assert isinstance(outcome, LoadResult), outcome
    assert len(server.jobs) == 1
    assert len(server.sent("POST", UPLOAD)) == 2
    assert naps


@pytest.mark.slow
def test_a_process_killed_between_load_and_verification_is_followed_by_one_that_finds_the_load(
    server: RecordingBigQuery, wired: Place
) -> None:
    load = wired.load(DAY, [lead(1), lead(2)])
    server.faults = [Fault("GET", f"/tables/{SHARD}$", kind="hang", passing=1)]
    folder = wired.storage.uri("rows").removesuffix("/rows")
    program = f"""
        from amocrm_assets.entities import LEADS
        from datetime import date
        from amocrm_assets.storage import open_storage
        from amocrm_assets.warehouse import ShardLoad, open_warehouse
        warehouse = open_warehouse("bigquery://p/d?location=EU&endpoint={server.url}")
        load = ShardLoad(LEADS.table, "acme", date(2026, 1, 1), {load.rows!r}, 2)
        print(*warehouse.load([load], open_storage({folder!r}), run_id="run-1"))
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)]) as process:
        deadline = time.monotonic() + 60
        while len(server.sent("GET", f"{SHARD}$")) < 2 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
        server.released.set()

    assert process.returncode == -signal.SIGKILL
    assert server.tables[SHARD]["numRows"] == "2"
    assert isinstance(load_day(wired), LoadResult)
    assert len(server.jobs) == 1


def test_an_upload_that_is_cut_off_is_sent_again(server: RecordingBigQuery, wired: Place) -> None:
    server.faults = [Fault("POST", UPLOAD, kind="cut off", times=2)]

    outcome = load_day(wired)

    assert isinstance(outcome, LoadResult), outcome
    assert len(server.jobs) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/datasets/d$"), ("POST", UPLOAD), ("GET", "/jobs/"), ("GET", SHARD), ("PATCH", SHARD)],
)
def test_any_call_may_fail_for_a_moment(server: RecordingBigQuery, wired: Place, method: str, path: str) -> None:
    server.polls = 1
    server.faults = [Fault(method, path)]

    outcome = load_day(wired)

    assert isinstance(outcome, LoadResult), outcome
    assert server.faults[0].times == 0
    assert len(server.jobs) == 1


def test_a_server_that_stays_away_is_unavailable_within_the_deadline(
    server: RecordingBigQuery, wired: Place, naps: list[float]
) -> None:
    server.faults = [Fault("POST", UPLOAD, times=100)]

    outcome = load_day(wired)

    assert isinstance(outcome, WarehouseUnavailable)
    assert "Something is wrong for now" in str(outcome)
    assert len(naps) == 4
    assert all(2**number <= nap <= 2**number + 1 for number, nap in enumerate(naps)), naps
    assert not server.jobs


def test_a_job_is_waited_for(server: RecordingBigQuery, wired: Place, naps: list[float]) -> None:
    server.polls = 8

    assert isinstance(load_day(wired), LoadResult)
    assert naps == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]


@pytest.mark.parametrize(
    ("module", "expected"),
    [("loading", "Waiting for BigQuery's load jobs"), ("listing", "Waiting for a response of BigQuery")],
)
def test_whoever_waits_for_bigquery_says_so(
    server: RecordingBigQuery, wired: Place, monkeypatch: pytest.MonkeyPatch, module: str, expected: str
) -> None:
    waits, sentences = Waits(first_seconds=0.1), list[str]()
    monkeypatch.setattr(f"amocrm_assets.warehouse.bigquery.{module}.waiting", waits.waiting)
    server.polls = 1
    server.faults = [Fault("GET", "/jobs/", kind="slow"), Fault("POST", "/queries$", kind="slow")]

    def release(sentence: str) -> None:
        sentences.append(sentence)
        server.released.set()

    with waits.listen(release):
        if module == "loading":
            assert isinstance(load_day(wired), LoadResult)
        else:
            server.has_dataset = False
            gone = Fault("POST", "/queries$", status=404, reason="notFound", message="Not found: Dataset p:d")
            server.faults.append(gone)
            assert wired.warehouse.shard_days(LEADS.table, "acme") == {}

    assert sentences[0].startswith(expected)


def test_a_job_that_does_not_end_is_found_again_by_the_retried_step(
    server: RecordingBigQuery, naps: list[float], tmp_path: Path
) -> None:
    server.polls = 10_000
    storage = open_storage(str(tmp_path))
    hasty = wired_place(server, storage, naps, job_seconds=0)

    outcome = load_day(hasty)
    assert isinstance(outcome, WarehouseUnavailable)
    assert "still RUNNING" in str(outcome)

    server.jobs[str(outcome.facts["job_id"])]["left"] = 0
    assert isinstance(load_day(hasty), LoadResult)
    assert len(server.jobs) == 1


def test_a_job_that_failed_for_a_passing_reason_is_repeated_under_another_id(
    server: RecordingBigQuery, wired: Place, naps: list[float]
) -> None:
    server.job_errors = [{"reason": "backendError", "message": "Try again"}] * 2

    outcome = load_day(wired)

    assert isinstance(outcome, LoadResult), outcome
    assert [job_id[-2:] for job_id in server.jobs] == ["_1", "_2", "_3"]
    assert naps == [2.0, 4.0]


def test_a_job_that_fails_again_and_again_is_unavailable_and_the_next_try_takes_new_ids(
    server: RecordingBigQuery, wired: Place
) -> None:
    server.job_errors = [{"reason": "backendError", "message": "Try again"}] * 3

    assert isinstance(load_day(wired), WarehouseUnavailable)
    assert isinstance(load_day(wired), LoadResult)
    assert [job_id[-2:] for job_id in server.jobs] == ["_1", "_2", "_3", "_4"]
