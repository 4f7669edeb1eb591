"""What is BigQuery's own: what is sent, and what happens when the connection breaks."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ShardMismatch, WarehouseRefused
from amocrm_assets.shard import bigquery_fields
from amocrm_assets.warehouse import LoadResult
from amocrm_assets_tests.warehouse.loaded_days import DAY, SHARD, UPLOAD, load_day
from amocrm_assets_tests.warehouse.places import BucketStorage, Place, bigquery_place_at, lead, wired_place

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets_tests.emulator import Emulator
    from amocrm_assets_tests.warehouse.recording_bigquery import RecordingBigQuery


def test_a_load_says_everything_that_bigquery_must_know(server: RecordingBigQuery, wired: Place) -> None:
    outcome = load_day(wired)

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
    load_day(wired)
    load_day(wired, run_id="run-2")

    (update,) = server.sent("PATCH", f"/tables/{SHARD}$")
    assert update.body["labels"] == {"source": "amocrm", "subdomain": "acme"}
    assert "acme updated on 2026-01-01" in update.body["description"]
    assert len(server.jobs) == 2


def test_labels_of_other_people_stay(server: RecordingBigQuery, wired: Place) -> None:
    reference = {"projectId": "p", "datasetId": "d", "tableId": SHARD}
    server.tables[SHARD] = {"tableReference": reference, "labels": {"team": "sales"}}

    load_day(wired)

    (update,) = server.sent("PATCH", SHARD)
    assert update.body["labels"] == {"team": "sales", "source": "amocrm", "subdomain": "acme"}


def test_a_step_that_is_run_again_finds_the_first_load(server: RecordingBigQuery, wired: Place) -> None:
    first, second = load_day(wired), load_day(wired)

    assert isinstance(first, LoadResult)
    assert isinstance(second, LoadResult)
    assert first.job_id == second.job_id
    assert len(server.jobs) == 1


def test_another_run_other_rows_and_another_day_are_other_jobs(server: RecordingBigQuery, wired: Place) -> None:
    load_day(wired)
    load_day(wired, run_id="run-2")
    wired.load_shards(wired.load(DAY, [lead(3)]))
    wired.load_shards(wired.load(DAY + timedelta(days=1), [lead(3)]))

    assert len(server.jobs) == 4
    assert all(re.fullmatch(r"amocrm_assets_load_[0-9a-f]{32}_1", job_id) for job_id in server.jobs)


def test_a_job_that_refuses_the_rows_shows_reason_and_first_bad_row(
    server: RecordingBigQuery, wired: Place
) -> None:
    server.job_errors = [{"reason": "invalid", "message": "Error while reading data"}]

    outcome = load_day(wired)

    assert isinstance(outcome, WarehouseRefused)
    assert "Error while reading data; Row 7: sale is no INTEGER (invalid)" in str(outcome)
    assert outcome.facts["table"] == f"p.d.{SHARD}"
    assert len(server.jobs) == 1


def test_a_used_up_quota_stops_the_loads_that_have_not_begun(server: RecordingBigQuery, wired: Place) -> None:
    server.job_errors = [{"reason": "quotaExceeded", "message": "Quota exceeded: load jobs per day"}] * 100

    outcomes = wired.load_shards(*[wired.load(DAY + timedelta(days=number), []) for number in range(40)])

    assert len(outcomes) == 40
    assert all(isinstance(outcome, WarehouseRefused) for outcome in outcomes.values())
    assert "Wait until Google refills the quota" in str(outcomes[DAY])
    assert len(server.jobs) < 40


def test_one_shard_that_fails_does_not_hinder_the_others(server: RecordingBigQuery, wired: Place) -> None:
    server.job_errors = [{"reason": "invalid", "message": "Bad"}]

    outcomes = wired.load_shards(*[wired.load(DAY + timedelta(days=number), [lead(1)]) for number in range(10)])

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

    outcome = load_day(wired)

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

    outcome = load_day(wired)

    assert isinstance(outcome, ShardMismatch)
    assert says in str(outcome)


def test_a_shard_that_is_not_there_or_lacks_a_column_says_what_to_materialise(
    server: RecordingBigQuery, wired: Place
) -> None:
    with pytest.raises(WarehouseRefused, match="Materialise `amoCrmLeads` for 2026-01-01 first"):
        wired.warehouse.read(LEADS.table, "acme", [DAY])

    load_day(wired)
    server.tables[SHARD]["schema"]["fields"].pop()
    with pytest.raises(WarehouseRefused, match="it has no column custom_fields"):
        wired.warehouse.read(LEADS.table, "acme", [DAY])


def test_rows_in_a_bucket_are_loaded_by_their_address(
    server: RecordingBigQuery, naps: list[float], tmp_path: Path
) -> None:
    server.uri_rows = 2

    outcome = load_day(wired_place(server, BucketStorage(tmp_path, "leads"), naps))

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
        outcome = load_day(place)

        assert isinstance(outcome, LoadResult), outcome
        assert place.leads(DAY) == [lead(1), lead(2)]


@pytest.mark.slow
def test_rows_that_are_too_many_for_one_part_are_uploaded_in_several(bigquery_place: Place) -> None:
    chance = random.Random(1)  # texts that do not compress
    leads = [lead(number, name=chance.randbytes(400).hex()) for number in range(15_000)]

    outcome = bigquery_place.load_shards(load := bigquery_place.load(DAY, leads))[DAY]

    with bigquery_place.storage.as_local_path(load.rows) as file:
        assert file.stat().st_size > 5 * 2**20
    assert isinstance(outcome, LoadResult), outcome
    assert bigquery_place.query(f"SELECT COUNT(DISTINCT name) FROM {bigquery_place.quoted(SHARD)}") == [(15_000,)]
