"""The stages of leads in Dagster: once a run behind events, rows and names, where events are imported."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from amocrm_assets.orchestration.metadata_keys import meanings
from amocrm_assets_tests.orchestration.conftest import FIRST, LAST, Pipeline, failure_of, materialised, query

pytestmark = pytest.mark.slow

TABLE = "amoCrmLeadStages"
NAMED = ["amoCrmPipelines", "amoCrmStatuses", "amoCrmUsers"]


def metadata_of(result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> dict[str, Any]:
    events = result.get_asset_materialization_events()
    (shown,) = [each.materialization.metadata for each in events if each.asset_key == key]
    return {name: value.value for name, value in shown.items()}


def test_a_range_brings_the_stages_of_each_lead_once_with_names(pipeline: Pipeline) -> None:
    pipeline.configure(import_reference=True, import_events=True)
    result = pipeline.run("2025-01-01", LAST)

    assert result.success, failure_of(result)
    done = materialised(result)
    assert done.count((TABLE, None)) == 1
    assert {"leads", "events", *NAMED} <= {name for name, _ in done[: done.index((TABLE, None))]}
    metadata = metadata_of(result, pipeline.key(TABLE))
    assert metadata.keys() <= meanings(TABLE).keys()
    assert (metadata["days_with_events"], metadata["unknown_moments"]) == (69, 0)
    # All that happened was read, so the events of each lead lead to its state, and its last stage is that.
    live = {
        lead_id: lead["status_id"]
        for lead_id in pipeline.sandbox.account.stamps()
        if (lead := pipeline.sandbox.account.lead(lead_id)) and lead["updated_at"] < 1_741_640_400
    }
    current = dict(query('SELECT lead_id, status_id FROM "amoCrmLeadStages_acme" WHERE is_current'))
    assert len(live) > 100
    assert live.items() <= current.items()
    # Some leads were made, deleted and purged before anything was read: their only stage is unknown.
    ((named, *same),) = query(
        """
        SELECT count(*), count(status_name), count(pipeline_name)
        FROM "amoCrmLeadStages_acme" WHERE status_id IS NOT NULL
        """
    )
    assert same == [named, named]
    assert named == metadata["dagster/row_count"] - 3
    ((whole, first, moved),) = query(
        """
        SELECT count(*), count(*) FILTER (previous_status_id IS NULL), count(*) FILTER (origin = 'event')
        FROM "amoCrmLeadStages_acme" WHERE NOT is_deleted
        """
    )
    assert whole > first > 100
    assert moved > 100


def test_an_account_whose_first_days_are_not_there_says_what_it_infers(pipeline: Pipeline) -> None:
    pipeline.configure(import_events=True)
    result = pipeline.run(FIRST, LAST)
    assert result.success, failure_of(result)
    origins = dict(query('SELECT origin, count(*) FROM "amoCrmLeadStages_acme" GROUP BY 1'))
    assert set(origins) == {"event", "first_value_before", "present_state"}
    shown = metadata_of(result, pipeline.key(TABLE))["origins"]
    assert shown == ", ".join(f"{name}: {origins[name]}" for name in sorted(origins))


def test_the_table_hangs_on_events_and_on_what_else_is_on(pipeline: Pipeline) -> None:
    def sources() -> set[dg.AssetKey]:
        specs = {spec.key: spec for spec in pipeline.definitions.resolve_all_asset_specs()}
        return {dep.asset_key for dep in specs[pipeline.key(TABLE)].deps}

    pipeline.configure(import_events=True)
    assert sources() == {pipeline.key("events"), pipeline.key("leads")}
    pipeline.configure(import_events=True, import_reference=True, import_leads=False)
    assert sources() == {pipeline.key(name) for name in ("events", *NAMED)}


@pytest.mark.parametrize("events", [True, False])
def test_a_source_has_the_table_where_it_has_events(pipeline: Pipeline, events: bool) -> None:  # noqa: FBT001
    pipeline.configure(import_events=events)
    keys = {spec.key for spec in pipeline.definitions.resolve_all_asset_specs()}
    assert (pipeline.key(TABLE) in keys) == events


def test_it_can_be_made_alone_without_asking_amocrm(pipeline: Pipeline) -> None:
    pipeline.configure(import_events=True)
    assert pipeline.run(LAST).success
    request_count = len(pipeline.sandbox.requests)
    before = query('SELECT * FROM "amoCrmLeadStages_acme" ORDER BY lead_id, stage_number')
    result = pipeline.run(only=[TABLE])
    assert result.success, failure_of(result)
    assert metadata_of(result, pipeline.key(TABLE))["days_read"] == 0
    assert len(pipeline.sandbox.requests) == request_count
    assert query('SELECT * FROM "amoCrmLeadStages_acme" ORDER BY lead_id, stage_number') == before


def test_before_any_events_it_says_what_to_do(pipeline: Pipeline) -> None:
    pipeline.configure(import_events=True)
    assert "Materialise `events` for a day first" in str(failure_of(pipeline.run(only=[TABLE])).description)


def test_an_account_agrees_with_its_events_and_the_check_is_there_where_both_are(pipeline: Pipeline) -> None:
    pipeline.configure(import_events=True)
    result = pipeline.run("2025-03-01", LAST)
    assert result.success, failure_of(result)
    (found,) = [each for each in result.get_asset_check_evaluations() if each.check_name == "events_agree"]
    assert found.passed, found.description
    assert found.asset_key == pipeline.key("raw_leads")
    assert found.metadata["days"].value == 10
    assert "waiting" in found.metadata  # the sandbox's today, on which the days were read, is not there
    assert pipeline.check("raw_leads", "events_agree").passed
    pipeline.configure(import_events=True, import_leads=False)
    keys = {check.name for each in pipeline.definitions.asset_checks or () for check in each.check_specs}
    assert "events_agree" not in keys
