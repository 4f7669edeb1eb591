"""Runs under keys of one's own store the same days, rows and shards as runs under the usual keys."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import dagster as dg
import pandas as pd
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import WarehouseRefused
from amocrm_assets.orchestration.day_coverage import read_coverage
from amocrm_assets.settings import Deployment
from amocrm_assets_tests.orchestration.conftest import LAST, checks_of

if TYPE_CHECKING:
    from amocrm_assets_tests.orchestration.conftest import Pipeline


pytestmark = pytest.mark.slow


def test_days_under_keys_of_ones_own_land_where_they_always_did(pipeline: Pipeline) -> None:
    pipeline.configure(translation={"key_prefix": "crm", "key": "{{ asset.name }}_of_ours"})
    result = pipeline.run(LAST)
    assert result.success
    assert all(check.passed for check in checks_of(result).values())
    day = date.fromisoformat(LAST)
    assert day in pipeline.warehouse.shard_days(LEADS.table, "acme")
    assert [f"rows/acme/leads/{LAST}.parquet"] == list(pipeline.storage.names("rows"))
    # Dagster's history is asked under those keys, too.
    at = datetime(2025, 3, 11, 12, tzinfo=UTC)
    progress = read_coverage([pipeline.source], Deployment.from_environment(), at=at).by_subdomain["acme"]
    assert progress.last_day == day
    assert pipeline.check("amoCrmLeads", "equals_rows").passed


def test_rows_and_shards_are_told_apart_by_more_than_their_keys(pipeline: Pipeline) -> None:
    pipeline.configure(translation={"key": "{{ asset.name }}/acme"})
    assert pipeline.run(LAST).success
    frames: dict[str, pd.DataFrame] = {}

    @dg.asset(
        ins={"rows": dg.AssetIn(["leads", "acme"]), "shards": dg.AssetIn(["amoCrmLeads", "acme"])},
        partitions_def=dg.DailyPartitionsDefinition("2025-01-01", timezone="Europe/Moscow"),
    )
    def mine(rows: pd.DataFrame, shards: pd.DataFrame) -> None:
        frames.update(rows=rows, shards=shards)

    own = dg.Definitions(assets=[mine], jobs=[dg.define_asset_job("mine_job", selection=["mine"])])
    job = dg.Definitions.merge(pipeline.definitions, own).resolve_job_def("mine_job")
    assert job.execute_in_process(instance=pipeline.instance, partition_key=LAST).success
    assert len(frames["rows"]) == len(frames["shards"]) > 0
    # With the shard gone, the rows still answer, and the shards do not.
    pipeline.drop_shard(LAST)
    with pytest.raises(WarehouseRefused):
        job.execute_in_process(instance=pipeline.instance, partition_key=LAST)
