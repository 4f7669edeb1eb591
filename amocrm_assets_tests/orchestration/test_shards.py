"""The asset `amoCrmLeads`: which rows become the shard when runs overlap, and what a loaded shard tells."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import WarehouseRefused, WarehouseUnavailable
from amocrm_assets.orchestration.loading_step import decisive
from amocrm_assets.rows.stored import row_count
from amocrm_assets_tests.orchestration.conftest import LAST, Pipeline
from amocrm_assets_tests.warehouse.recording_bigquery import Fault, RecordingBigQuery, recording_bigquery

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = date.fromisoformat(LAST)
SHARD = f"amoCrmLeads_acme_{DAY:%Y%m%d}"
UPLOAD = "^/upload/.*/jobs$"


@pytest.fixture
def server(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordingBigQuery]:
    """The pipeline's warehouse; rows of the day are there."""
    assert pipeline.run(LAST, only=["raw_leads", "leads"]).success
    with recording_bigquery() as state:
        monkeypatch.setenv("AMOCRM_WAREHOUSE", f"bigquery://p/d?location=EU&endpoint={state.url}")
        yield state


def load(pipeline: Pipeline, instance: dg.DagsterInstance | None = None) -> dg.ExecuteInProcessResult:
    """Materialise the shard without its check, by default in an instance of its own, as another process would."""
    with nullcontext(instance) if instance else dg.DagsterInstance.ephemeral() as used:
        return dg.materialize(
            [pipeline.definitions.resolve_assets_def(pipeline.key("amoCrmLeads"))],
            instance=used,
            partition_key=LAST,
            raise_on_error=False,
        )


@pytest.mark.slow
def test_an_older_slower_run_does_not_put_its_poorer_rows_over_a_newer_shard(
    pipeline: Pipeline, server: RecordingBigQuery
) -> None:
    poorer = row_count(LEADS.table, pipeline.storage, "acme", DAY)
    server.faults = [Fault("POST", UPLOAD, kind="slow")]
    older, newer = (threading.Thread(target=load, args=[pipeline]) for _ in range(2))
    older.start()
    assert server.waiting.wait(60)
    pipeline.sandbox.account.load([9_000_001], [int(datetime(2025, 3, 10, 12, tzinfo=UTC).timestamp())])
    assert pipeline.run(LAST, only=["raw_leads", "leads"]).success
    richer = row_count(LEADS.table, pipeline.storage, "acme", DAY)
    assert richer > poorer

    newer.start()
    newer.join(3)  # it would be through by then, were it not kept waiting
    server.released.set()
    older.join(60)
    newer.join(60)

    assert int(server.tables[SHARD]["numRows"]) == richer


def shown(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    (event,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


def test_a_description_that_is_refused_is_a_warning_of_a_day_that_is_done(
    pipeline: Pipeline, server: RecordingBigQuery
) -> None:
    server.faults = [Fault("PATCH", SHARD, status=412, reason="conditionNotMet", message="Precondition", times=9)]

    result = load(pipeline)

    assert result.success
    assert "its description and labels are not set" in str(shown(result)["warnings"])
    assert shown(result)["dagster/partition_row_count"] == row_count(LEADS.table, pipeline.storage, "acme", DAY)


def test_a_day_without_trouble_shows_no_warnings(pipeline: Pipeline, server: RecordingBigQuery) -> None:
    assert "warnings" not in shown(load(pipeline))
    assert SHARD in server.tables


def test_of_several_errors_the_one_that_needs_a_person_decides() -> None:
    passing = WarehouseUnavailable("Loading", cause="no answer.", fix="Wait.")
    refused = WarehouseRefused("Loading", cause="no right.", fix="Grant it.")

    assert decisive([passing, refused]) is refused
    assert decisive([passing]) is passing
