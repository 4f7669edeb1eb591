"""What is BigQuery's own: what is sent, and what happens when the connection breaks."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
import textwrap
import time
from datetime import date, timedelta
from pathlib import Path

import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ShardMismatch, WarehouseRefused, WarehouseUnavailable
from amocrm_assets.shard import bigquery_fields
from amocrm_assets.storage import open_storage
from amocrm_assets.waiting import Waits
from amocrm_assets.warehouse import LoadResult
from amocrm_assets_tests.emulator import Emulator
from amocrm_assets_tests.warehouse.places import BucketStorage, Place, bigquery_place_at, lead, wired_place
from amocrm_assets_tests.warehouse.recording_bigquery import Fault, RecordingBigQuery

DAY = date(2026, 1, 1)
SHARD = "amoCrmLeads_acme_20260101"
UPLOAD = "^/upload/.*/jobs$"


def put(place: Place, *, run_id: str = "run-1") -> LoadResult | Exception:
    """Put one shard of two rows."""
    return place.put(place.load(DAY, [lead(1), lead(2)]), run_id=run_id)[DAY]


def test_a_load_says_everything_that_bigquery_must_know(server: RecordingBigQuery, wired: Place) -> None:
    outcome = put(wired)

    assert isinstance(outcome, LoadResult), outcome
    (sent,) = server.sent("POST", UPLOAD)
    assert sent.body["configuration"]["load"] == {
        "destinationTable": {"projectId": "p", "datasetId": "d", "tableId": SHARD},
        "schema": {"fields": bigquery_fields(LEADS.table.columns)},
        "sourceFormat": "PARQUET",
        "parquetOptions": {"enableListInference": True},
        "writeDisposition": "WRITE_TRUNCATE",
        "createDisposition": "CREATE_IF_NEEDED",
        "maxBadRecords": 0,
    }
    assert sent.body["jobReference"] == {"jobId": outcome.job_id, "projectId": "p", "location": "EU"}
    assert (outcome.table, outcome.row_count, outcome.size_bytes) == (f"p.d.{SHARD}", 2, 200)


def test_labels_and_description_come_by_update_and_only_when_they_differ(
    server: RecordingBigQuery, wired: Place
) -> None:
    put(wired)
    put(wired, run_id="run-2")

    (update,) = server.sent("PATCH", f"/tables/{SHARD}$")
    assert update.body["labels"] == {"source": "amocrm", "subdomain": "acme"}
    assert "acme updated on 2026-01-01" in update.body["description"]
    assert len(server.jobs) == 2


def test_labels_of_other_people_stay(server: RecordingBigQuery, wired: Place) -> None:
    reference = {"projectId": "p", "datasetId": "d", "tableId": SHARD}
    server.tables[SHARD] = {"tableReference": reference, "labels": {"team": "sales"}}

    put(wired)

    (update,) = server.sent("PATCH", SHARD)
    assert update.body["labels"] == {"team": "sales", "source": "amocrm", "subdomain": "acme"}


def test_a_step_that_is_run_again_finds_the_first_load(server: RecordingBigQuery, wired: Place) -> None:
    first, second = put(wired), put(wired)

    assert isinstance(first, LoadResult)
    assert isinstance(second, LoadResult)
    assert first.job_id == second.job_id
    assert len(server.jobs) == 1


def test_another_run_other_rows_and_another_day_are_other_jobs(server: RecordingBigQuery, wired: Place) -> None:
    put(wired)
    put(wired, run_id="run-2")
    wired.put(wired.load(DAY, [lead(3)]))
    wired.put(wired.load(DAY + timedelta(days=1), [lead(3)]))

    assert len(server.jobs) == 4
    assert all(re.fullmatch(r"amocrm_assets_load_[0-9a-f]{32}_1", job_id) for job_id in server.jobs)


def test_an_answer_that_is_lost_after_the_load_makes_no_second_load(
    server: RecordingBigQuery, wired: Place, naps: list[float]
) -> None:
    server.faults = [Fault("POST", UPLOAD, kind="lose answer")]

    outcome = put(wired)

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
    assert isinstance(put(wired), LoadResult)
    assert len(server.jobs) == 1


def test_an_upload_that_is_cut_off_is_sent_again(server: RecordingBigQuery, wired: Place) -> None:
    server.faults = [Fault("POST", UPLOAD, kind="cut off", times=2)]

    outcome = put(wired)

    assert isinstance(outcome, LoadResult), outcome
    assert len(server.jobs) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/datasets/d$"), ("POST", UPLOAD), ("GET", "/jobs/"), ("GET", SHARD), ("PATCH", SHARD)],
)
def test_any_call_may_fail_for_a_moment(server: RecordingBigQuery, wired: Place, method: str, path: str) -> None:
    server.polls = 1
    server.faults = [Fault(method, path)]

    outcome = put(wired)

    assert isinstance(outcome, LoadResult), outcome
    assert server.faults[0].times == 0
    assert len(server.jobs) == 1


def test_a_server_that_stays_away_is_unavailable_within_the_deadline(
    server: RecordingBigQuery, wired: Place, naps: list[float]
) -> None:
    server.faults = [Fault("POST", UPLOAD, times=100)]

    outcome = put(wired)

    assert isinstance(outcome, WarehouseUnavailable)
    assert "Something is wrong for now" in str(outcome)
    assert len(naps) == 4
    assert not server.jobs


def test_a_job_is_waited_for(server: RecordingBigQuery, wired: Place, naps: list[float]) -> None:
    server.polls = 3

    assert isinstance(put(wired), LoadResult)
    assert naps == [0.5, 1.0]


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
            assert isinstance(put(wired), LoadResult)
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

    outcome = put(hasty)
    assert isinstance(outcome, WarehouseUnavailable)
    assert "still RUNNING" in str(outcome)

    server.jobs[str(outcome.facts["job_id"])]["left"] = 0
    assert isinstance(put(hasty), LoadResult)
    assert len(server.jobs) == 1


def test_a_job_that_failed_for_a_passing_reason_is_repeated_under_another_id(
    server: RecordingBigQuery, wired: Place, naps: list[float]
) -> None:
    server.job_errors = [{"reason": "backendError", "message": "Try again"}] * 2

    outcome = put(wired)

    assert isinstance(outcome, LoadResult), outcome
    assert [job_id[-2:] for job_id in server.jobs] == ["_1", "_2", "_3"]
    assert naps == [2.0, 4.0]


def test_a_job_that_fails_again_and_again_is_unavailable_and_the_next_try_takes_new_ids(
    server: RecordingBigQuery, wired: Place
) -> None:
    server.job_errors = [{"reason": "backendError", "message": "Try again"}] * 3

    assert isinstance(put(wired), WarehouseUnavailable)
    assert isinstance(put(wired), LoadResult)
    assert [job_id[-2:] for job_id in server.jobs] == ["_1", "_2", "_3", "_4"]


def test_a_job_that_refuses_the_rows_shows_reason_and_first_bad_row(
    server: RecordingBigQuery, wired: Place
) -> None:
    server.job_errors = [{"reason": "invalid", "message": "Error while reading data"}]

    outcome = put(wired)

    assert isinstance(outcome, WarehouseRefused)
    assert "Error while reading data; Row 7: sale is no INTEGER (invalid)" in str(outcome)
    assert outcome.facts["table"] == f"p.d.{SHARD}"
    assert len(server.jobs) == 1


def test_a_used_up_quota_stops_the_loads_that_have_not_begun(server: RecordingBigQuery, wired: Place) -> None:
    server.job_errors = [{"reason": "quotaExceeded", "message": "Quota exceeded: load jobs per day"}] * 100

    outcomes = wired.put(*[wired.load(DAY + timedelta(days=number), []) for number in range(40)])

    assert len(outcomes) == 40
    assert all(isinstance(outcome, WarehouseRefused) for outcome in outcomes.values())
    assert "Wait until Google refills the quota" in str(outcomes[DAY])
    assert len(server.jobs) < 40


def test_one_shard_that_fails_does_not_hinder_the_others(server: RecordingBigQuery, wired: Place) -> None:
    server.job_errors = [{"reason": "invalid", "message": "Bad"}]

    outcomes = wired.put(*[wired.load(DAY + timedelta(days=number), [lead(1)]) for number in range(10)])

    kinds = [type(outcome) for outcome in outcomes.values()]
    assert kinds.count(LoadResult) == 9
    assert kinds.count(WarehouseRefused) == 1


def test_who_stops_listening_does_not_wait_for_loads_that_have_not_begun(
    server: RecordingBigQuery, wired: Place
) -> None:
    loads = [wired.load(DAY + timedelta(days=number), []) for number in range(60)]
    outcomes = iter(wired.warehouse.load(loads, wired.storage, run_id="run-1"))
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]

    assert len(server.jobs) < 60


def test_a_count_that_differs_afterwards_is_a_mismatch(server: RecordingBigQuery, wired: Place) -> None:
    server.extra_rows = 1

    outcome = put(wired)

    assert isinstance(outcome, ShardMismatch)
    assert "it holds 3 rows, and 2 were loaded" in str(outcome)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"type": "STRING"}, "column 1 is id STRING NULLABLE, not id INTEGER NULLABLE"),
        ({"mode": "REQUIRED"}, "column 1 is id INTEGER REQUIRED, not id INTEGER NULLABLE"),
        ({"name": "number"}, "column 1 is number INTEGER NULLABLE"),
    ],
)
def test_a_schema_that_differs_afterwards_is_a_mismatch(
    server: RecordingBigQuery, wired: Place, change: dict[str, str], says: str
) -> None:
    server.schema_change = change

    outcome = put(wired)

    assert isinstance(outcome, ShardMismatch)
    assert says in str(outcome)


def test_rows_in_a_bucket_are_loaded_by_their_address(
    server: RecordingBigQuery, naps: list[float], tmp_path: Path
) -> None:
    server.uri_rows = 2

    outcome = put(wired_place(server, BucketStorage(tmp_path, "leads"), naps))

    assert isinstance(outcome, LoadResult), outcome
    assert not server.sent("POST", UPLOAD)
    (sent,) = server.sent("POST", "/jobs$")
    load = sent.body["configuration"]["load"]
    assert load["sourceUris"] == ["gs://leads/rows/acme/leads/2026-01-01.parquet"]
    assert load["parquetOptions"] == {"enableListInference": True}
    assert load["schema"] == {"fields": bigquery_fields(LEADS.table.columns)}


@pytest.mark.slow
def test_rows_in_a_bucket_come_back_as_they_were_put(bigquery_emulator: Emulator, bigquery_url: str) -> None:
    with bigquery_place_at(bigquery_url, BucketStorage(bigquery_emulator.buckets, "leads")) as place:
        outcome = put(place)

        assert isinstance(outcome, LoadResult), outcome
        assert place.leads(DAY) == [lead(1), lead(2)]


@pytest.mark.slow
def test_rows_that_are_too_many_for_one_part_are_uploaded_in_several(bigquery_place: Place) -> None:
    chance = random.Random(1)  # texts that do not compress
    leads = [lead(number, name=chance.randbytes(400).hex()) for number in range(15_000)]

    outcome = bigquery_place.put(load := bigquery_place.load(DAY, leads))[DAY]

    with bigquery_place.storage.as_local_path(load.rows) as file:
        assert file.stat().st_size > 5 * 2**20
    assert isinstance(outcome, LoadResult), outcome
    assert bigquery_place.query(f"SELECT COUNT(DISTINCT name) FROM {bigquery_place.quoted(SHARD)}") == [(15_000,)]
