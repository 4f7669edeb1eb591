"""What a load does around its job: views that it replaces, labels, what it repeats itself, and what it reports."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.errors import WarehouseRefused
from amocrm_assets.warehouse import LoadResult
from amocrm_assets_tests.warehouse.loaded_days import DAY, FLAT, UPLOAD, load_day, load_flat
from amocrm_assets_tests.warehouse.places import BucketStorage, Place, lead, wired_place
from amocrm_assets_tests.warehouse.recording_bigquery import Fault, RecordingBigQuery

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("held", "is_gone", "deletions"),
    [("VIEW", False, 1), ("VIEW", True, 1), ("TABLE", False, 0), (None, False, 0)],
)
def test_a_view_of_an_older_version_is_deleted_before_the_flat_table_is_loaded(
    server: RecordingBigQuery,
    wired: Place,
    held: str | None,
    is_gone: bool,  # noqa: FBT001
    deletions: int,
) -> None:
    if held:
        reference = {"projectId": "p", "datasetId": "d", "tableId": FLAT}
        server.tables[FLAT] = {"tableReference": reference, "type": held}
    if is_gone:
        server.faults = [Fault("DELETE", FLAT, status=404, reason="notFound", message=f"Not found: Table {FLAT}")]

    outcome = load_flat(wired)

    assert isinstance(outcome, LoadResult), outcome
    sent = [call.method for call in server.calls if call.method == "DELETE" or "/upload/" in call.path]
    assert sent == ["DELETE"] * deletions + ["POST"]


def test_a_label_is_as_long_as_bigquery_allows(server: RecordingBigQuery, wired: Place) -> None:
    name = "Shop-" + "x" * 70
    wired.load_shards(wired.load(DAY, [lead(1)], subdomain=name))

    (update,) = server.sent("PATCH", "/tables/")
    assert update.body["labels"]["subdomain"] == "shop-" + "x" * 58


@pytest.mark.parametrize("is_bucket", [False, True])
def test_a_load_that_fails_for_a_moment_is_repeated_by_us_alone(
    server: RecordingBigQuery,
    naps: list[float],
    tmp_path: Path,
    is_bucket: bool,  # noqa: FBT001
) -> None:
    """Google's client would sleep where no signal ends it."""
    server.uri_rows = 2
    server.faults = [Fault("POST", "/jobs$")]
    wired = wired_place(server, BucketStorage(tmp_path, "leads"), naps)
    if not is_bucket:
        wired.storage.uri = lambda name: str(tmp_path / "leads" / name)  # type: ignore[method-assign]

    assert isinstance(load_day(wired), LoadResult)
    assert len(naps) == 1
    assert bool(server.sent("POST", UPLOAD)) is not is_bucket


def test_a_job_with_many_bad_rows_shows_the_first(
    server: RecordingBigQuery, wired: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"reason": "invalid", "message": f"Row {number} is bad"} for number in (7, 8, 9)]
    failed = {"state": "DONE", "errorResult": {"reason": "invalid", "message": "Bad"}, "errors": rows}
    monkeypatch.setattr("amocrm_assets_tests.warehouse.recording_bigquery.failed", lambda _: failed)
    server.job_errors = [{}]

    outcome = load_day(wired)

    assert isinstance(outcome, WarehouseRefused)
    assert outcome.cause == "BigQuery says: Bad; Row 7 is bad (invalid)."


def test_the_time_that_a_load_took_is_a_part_of_the_call(wired: Place) -> None:
    began = time.monotonic()
    outcome = load_day(wired)

    assert isinstance(outcome, LoadResult)
    assert 0 < outcome.seconds < time.monotonic() - began
