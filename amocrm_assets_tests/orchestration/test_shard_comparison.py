"""The check `equals_rows`: shards, rows and Dagster's history agree, or the days that do not are named."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from amocrm_assets.entities import LEADS, Table
from amocrm_assets.errors import StorageRefused
from amocrm_assets.rows import rows_name
from amocrm_assets.rows.stored import row_count
from amocrm_assets_tests.orchestration.conftest import FIRST, LAST, Pipeline, checks_of
from amocrm_assets_tests.orchestration.test_checks import shown

if TYPE_CHECKING:
    from amocrm_assets.storage import Storage

pytestmark = pytest.mark.slow

SECOND = "2025-03-08"


def test_a_shard_that_is_gone_fails_the_check_alone_and_in_the_run_of_another_day(pipeline: Pipeline) -> None:
    pipeline.run(FIRST, LAST)
    pipeline.drop_shard(SECOND)

    for verdict in (pipeline.check("amoCrmLeads", "equals_rows"), checks_of(pipeline.run(LAST))["equals_rows"]):
        assert not verdict.passed
        assert verdict.severity == dg.AssetCheckSeverity.ERROR
        assert shown(verdict)["which_days"] == shown(verdict)["gone"] == SECOND
        assert f"gone from the warehouse, or were never loaded: {SECOND}. Materialise `amoCrmLeads`" in str(
            verdict.description
        )

    pipeline.sandbox.requests.clear()
    assert checks_of(pipeline.run(SECOND, only=["amoCrmLeads"]))["equals_rows"].passed
    assert not pipeline.sandbox.requests
    assert pipeline.check("amoCrmLeads", "equals_rows").passed


def test_rows_that_are_gone_while_their_shard_is_there_fail_the_check(pipeline: Pipeline) -> None:
    pipeline.run(FIRST, LAST)
    pipeline.storage.delete(rows_name(LEADS.table, "acme", date.fromisoformat(SECOND)))

    verdict = pipeline.check("amoCrmLeads", "equals_rows")

    assert not verdict.passed
    assert shown(verdict)["without_rows"] == SECOND
    assert "Check that AMOCRM_STORAGE names the storage that they were loaded from" in str(verdict.description)
    assert pipeline.run(SECOND, only=["leads", "amoCrmLeads"]).success
    assert pipeline.check("amoCrmLeads", "equals_rows").passed


def test_rows_and_shard_that_are_both_gone_are_still_known_to_dagster(pipeline: Pipeline) -> None:
    pipeline.run(FIRST, LAST)
    pipeline.drop_shard(SECOND)
    pipeline.storage.delete(rows_name(LEADS.table, "acme", date.fromisoformat(SECOND)))

    assert shown(pipeline.check("amoCrmLeads", "equals_rows"))["gone"] == SECOND


def test_rows_that_were_never_loaded_fail_the_check_of_their_run_or_alone_only(pipeline: Pipeline) -> None:
    """Another run may be about to load them."""
    pipeline.run(SECOND, only=["raw_leads", "leads"])

    assert checks_of(pipeline.run(LAST))["equals_rows"].passed
    assert shown(pipeline.check("amoCrmLeads", "equals_rows"))["gone"] == SECOND


def test_shards_from_before_the_first_day_of_the_settings_are_left_alone(pipeline: Pipeline) -> None:
    pipeline.run(FIRST, LAST)
    pipeline.drop_shard(FIRST)
    for day in (FIRST, SECOND):
        pipeline.storage.delete(rows_name(LEADS.table, "acme", date.fromisoformat(day)))
    pipeline.configure(start_date="2025-03-09")

    assert pipeline.check("amoCrmLeads", "equals_rows").passed


def test_rows_that_cannot_be_read_are_the_verdict_on_their_day_alone(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_one(table: Table, storage: Storage, subdomain: str, day: date) -> int:
        if day.isoformat() == SECOND:
            raise StorageRefused("Reading the rows", cause="its hash differs.", fix="Materialise `leads`.")
        return row_count(table, storage, subdomain, day)

    pipeline.run(FIRST, LAST)
    monkeypatch.setattr("amocrm_assets.orchestration.shard_comparison.row_count", refuse_one)

    verdict = pipeline.check("amoCrmLeads", "equals_rows")

    assert shown(verdict) == {
        "days": 4,
        "bad_days": 1,
        "which_days": SECOND,
        "examples": f"{SECOND}: its hash differs.",
        "cause": f"Rows cannot be read: {SECOND}.",
        "fix": "Materialise `leads` and `amoCrmLeads` for these days.",
    }
    assert "Rows cannot be read" in str(verdict.description)
