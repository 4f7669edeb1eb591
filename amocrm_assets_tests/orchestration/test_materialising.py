from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.captures import capture_names
from amocrm_assets.entities import ENTITIES, LEADS
from amocrm_assets.orchestration import steps
from amocrm_assets.orchestration.metadata import BREAK
from amocrm_assets.orchestration.metadata_keys import EXPLAINED, PREFIX, meanings
from amocrm_assets.orchestration.run_listener import listening
from amocrm_assets.rows import rows_name
from amocrm_assets.sandbox import Fault
from amocrm_assets_tests.orchestration.conftest import FIRST, LAST, failure_of

if TYPE_CHECKING:
    from amocrm_assets.entities import Entity
    from amocrm_assets_tests.orchestration.conftest import Pipeline

# Characters in a row that the page's column has room for; it breaks lines at hyphens.
MAX_UNBROKEN = 37
# Characters of a key in the table of what keys mean, which leaves half of the column to the meaning.
MAX_KEY = 24
ASSETS = ["raw_leads", "leads", "amoCrmLeads"]
DAYS = ["2025-03-07", "2025-03-08", "2025-03-09", "2025-03-10"]


def request_count(pipeline: Pipeline) -> int:
    return len(pipeline.sandbox.requests.of("/api/v4/leads"))


def test_a_day_goes_through_all_three_assets_into_its_shard(pipeline: Pipeline) -> None:
    assert pipeline.run(LAST).success
    counts = {name: pipeline.materialised(name)[LAST]["dagster/partition_row_count"] for name in ASSETS}
    assert counts["leads"] == counts["amoCrmLeads"] > 0
    assert pipeline.warehouse.shard_days(LEADS.table, "acme") == {date.fromisoformat(LAST): counts["leads"]}


def test_a_single_401_is_tried_again_with_the_same_token(pipeline: Pipeline) -> None:
    pipeline.sandbox.configure(faults=(Fault("401", path="/api/v4/leads", times=1),))
    assert pipeline.run(LAST).success
    assert [each.status for each in pipeline.sandbox.requests.of("/api/v4/leads")].count(401) == 1


def test_a_range_is_one_run_with_metadata_for_each_day(pipeline: Pipeline) -> None:
    assert pipeline.run(FIRST, LAST).success
    for name in ASSETS:
        assert sorted(pipeline.materialised(name)) == DAYS
    shards = pipeline.materialised("amoCrmLeads")
    assert [shards[day]["dagster/table_name"].rpartition(".")[2] for day in DAYS] == [
        f"amoCrmLeads_acme_{day.replace('-', '')}" for day in DAYS
    ]


@pytest.mark.parametrize(("seconds", "lines"), [(3600.0, 0), (0.0, 12)])
def test_a_range_logs_how_far_it_has_come_only_where_it_takes_long(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, seconds: float, lines: int
) -> None:
    monkeypatch.setattr(steps, "LOG_SECONDS", seconds)
    result = pipeline.run(FIRST, LAST)
    messages = [entry.user_message for entry in pipeline.instance.all_logs(result.run_id)]
    assert sum("of 4 days done" in line for line in messages) == lines


def test_each_day_of_each_asset_is_marked_once(pipeline: Pipeline) -> None:
    result = pipeline.run(FIRST, LAST)
    marked = [(event.asset_key, event.partition) for event in result.get_asset_materialization_events()]
    assert len(marked) == len(set(marked)) == 12


def test_the_metadata_of_a_day_tells_what_it_cost(pipeline: Pipeline) -> None:
    pipeline.run(LAST)
    raw = pipeline.materialised("raw_leads")[LAST]
    assert {
        "requests", "pages", "duplicates", "edited_out_of_window", "retries", "requests_per_second", "size_bytes",
        "seconds", "rate_limit_wait_seconds", "filters_honoured", "capture", "account", "authorisation_ends",
    } <= raw.keys()  # fmt: skip
    assert raw["requests"] == len(pipeline.sandbox.requests)
    rows = pipeline.materialised("leads")[LAST]
    assert {"captures", "oddities", "unknown_properties", "seconds_merging", "size_bytes"} <= rows.keys()


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_the_meanings_of_keys_name_no_records_of_another_entity(entity: Entity) -> None:
    assets = [entity.raw_asset, *(name for table in entity.tables for name in (table.asset, table.warehouse_name))]
    texts = " ".join(meaning for asset in assets for meaning in meanings(asset).values())
    others = {each.table.records for each in ENTITIES} - {"events"}
    assert not {records for records in others if re.search(rf"\b{records}\b", texts)}


def test_every_key_of_the_metadata_is_explained_on_the_page(pipeline: Pipeline) -> None:
    pipeline.sandbox.configure(faults=(Fault("502", rate=0.3),))
    assert pipeline.run(FIRST, LAST).success
    for spec in pipeline.definitions.resolve_all_asset_specs():
        asset = spec.key.path[-1]
        keys = {key for day in pipeline.materialised(asset).values() for key in day} | spec.metadata.keys()
        # Dagster shows these in places of their own.
        own_places = ("dagster/column", "dagster/code", "dagster/io_manager_key", "dagster/internal", EXPLAINED)
        reported = {key for key in keys if not key.startswith((*own_places, PREFIX))}
        assert reported <= meanings(asset).keys()
        shown = spec.metadata[EXPLAINED].value
        assert all(f"`{key}`" in shown.replace(BREAK, "") for key in meanings(asset))
        # A longer word would push the values of a narrow window out of sight.
        assert max(len(part) for key in re.findall("`(.*?)`", shown) for part in key.split(BREAK)) <= MAX_KEY


def test_files_are_named_by_storage_and_name_since_the_page_has_no_room_for_paths(pipeline: Pipeline) -> None:
    pipeline.run(LAST)
    for asset, key in (("raw_leads", "capture"), ("leads", "rows")):
        metadata = pipeline.materialised(asset)[LAST]
        assert (Path(metadata["storage"]) / metadata[key]).is_file()
        assert len(metadata[key].rpartition("-")[2]) < MAX_UNBROKEN


def test_a_single_day_is_always_read_again_and_loses_nothing(pipeline: Pipeline) -> None:
    pipeline.run(LAST)
    before = pipeline.warehouse.read(LEADS.table, "acme", [date.fromisoformat(LAST)])
    requests = request_count(pipeline)
    for lead in before["id"][:3]:
        pipeline.sandbox.account.edit(int(lead))
    assert pipeline.run(LAST).success
    assert request_count(pipeline) > requests
    after = pipeline.warehouse.read(LEADS.table, "acme", [date.fromisoformat(LAST)])
    assert set(before["id"]) <= set(after["id"])
    assert len(capture_names(LEADS, pipeline.storage, "acme", date.fromisoformat(LAST))) == 2


def test_a_range_reads_days_again_whose_capture_has_other_midnights(pipeline: Pipeline) -> None:
    assert pipeline.run(FIRST, LAST).success
    before = request_count(pipeline)
    pipeline.source = pipeline.source.model_copy(update={"timezone": "Asia/Tokyo"})

    assert pipeline.run(FIRST, LAST).success

    assert request_count(pipeline) > before


def test_a_range_reads_only_the_days_that_have_no_capture(pipeline: Pipeline) -> None:
    pipeline.run("2025-03-08")
    pipeline.run("2025-03-07", "2025-03-09")
    raw = pipeline.materialised("raw_leads")
    assert raw["2025-03-07"]["read"] == raw["2025-03-09"]["read"] == "in this run"
    assert raw["2025-03-08"]["read"].startswith("before, at ")
    requests = request_count(pipeline)
    assert pipeline.run("2025-03-07", "2025-03-09").success
    assert request_count(pipeline) == requests


def test_a_day_read_before_keeps_its_row_count(pipeline: Pipeline) -> None:
    pipeline.run(LAST)
    first = pipeline.materialised("raw_leads")[LAST]["dagster/partition_row_count"]
    pipeline.run(FIRST, LAST)
    assert pipeline.materialised("raw_leads")[LAST]["dagster/partition_row_count"] == first


def test_a_range_reads_all_its_days_again_when_asked_to(pipeline: Pipeline) -> None:
    pipeline.run(FIRST, LAST)
    requests = request_count(pipeline)
    assert pipeline.run(FIRST, LAST, read_again=True).success
    assert request_count(pipeline) > requests
    assert {metadata["read"] for metadata in pipeline.materialised("raw_leads").values()} == {"in this run"}


def test_a_source_that_is_switched_off_refuses_and_says_how_to_switch_it_on(pipeline: Pipeline) -> None:
    pipeline.configure(import_leads=False)
    result = pipeline.run(LAST)
    assert not result.success
    failure = failure_of(result)
    assert "`import_leads: false`" in failure.description
    assert "Set it to true in the source's defs.yaml" in failure.metadata["fix"].value
    assert not pipeline.sandbox.requests


def test_what_may_pass_is_tried_again_and_fails_with_its_cause_in_the_end(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amocrm_assets.crm.http.retries.MAX_ATTEMPTS", 1)
    pipeline.sandbox.configure(faults=(Fault("503"),))
    result = pipeline.run(LAST)
    assert not result.success
    kinds = [event.event_type_value for event in result.all_events]
    assert kinds.count("STEP_UP_FOR_RETRY") == 2
    assert failure_of(result).metadata["error"].value == "AmoCrmUnavailable"
    assert pipeline.materialised("raw_leads") == {}


def test_a_day_that_is_far_from_over_is_not_tried_again(pipeline: Pipeline) -> None:
    result = pipeline.run("2025-03-11")
    assert not result.success
    assert "STEP_UP_FOR_RETRY" not in [event.event_type_value for event in result.all_events]
    metadata = failure_of(result).metadata
    assert metadata["error"].value == "DayNotOver"
    assert "only after the last retry" in metadata["retry"].value
    assert pipeline.materialised("raw_leads") == {}


def test_a_range_that_fails_in_the_middle_keeps_its_finished_days_and_names_the_rest(pipeline: Pipeline) -> None:
    class EndTheSubscription:
        def on_days_done(self, asset: str, done: int, wanted: int) -> None:  # noqa: ARG002  # the listener's signature
            if done == 3:
                pipeline.sandbox.configure(faults=(Fault("402"),))

        def on_retry(self, why: str, wait_seconds: float) -> None:
            raise AssertionError(why, wait_seconds)

    # One day is there before, so the days around it are read one after the other.
    pipeline.run("2025-03-07", only=["raw_leads"])
    with listening(EndTheSubscription()):
        failure = failure_of(pipeline.run("2025-03-05", LAST))
    assert failure.metadata["error"].value == "AccountUnpaid"
    assert failure.metadata["unfinished"].value == 3
    assert failure.description.endswith("Not finished: 2025-03-08 to 2025-03-10.")
    raw = pipeline.materialised("raw_leads")
    assert sorted(raw) == ["2025-03-05", "2025-03-06", "2025-03-07"]
    assert raw["2025-03-05"]["dagster/partition_row_count"] > 0

    pipeline.sandbox.configure(faults=())
    assert pipeline.run("2025-03-05", LAST).success
    again = pipeline.materialised("raw_leads")
    assert [day for day, metadata in again.items() if metadata["read"] == "in this run"] == DAYS[1:]
    assert len(pipeline.warehouse.shard_days(LEADS.table, "acme")) == 6


def test_what_needs_a_person_fails_at_once_with_its_fix(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMOCRM_TEST_TOKEN", "")
    result = pipeline.run(LAST)
    assert not result.success
    failure = failure_of(result)
    assert failure.metadata["error"].value == "NotAuthorised"
    assert "Set AMOCRM_TEST_TOKEN" in failure.metadata["fix"].value
    assert [event.event_type_value for event in result.all_events if "RESTART" in event.event_type_value] == []


def test_a_warehouse_that_cannot_take_shards_is_found_out_before_amocrm_is_asked(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMOCRM_WAREHOUSE", "duckdb:////proc/nowhere/warehouse.duckdb")
    assert failure_of(pipeline.run(LAST)).metadata["error"].value == "WarehouseRefused"
    assert not pipeline.sandbox.requests
    assert pipeline.run(LAST, only=["raw_leads"]).success


def test_shards_without_rows_and_rows_without_captures_say_what_comes_first(pipeline: Pipeline) -> None:
    assert "Materialise `leads`" in failure_of(pipeline.run(LAST, only=["amoCrmLeads"])).description
    assert "Materialise `raw_leads`" in failure_of(pipeline.run(LAST, only=["leads"])).description


def test_a_shard_that_fails_hinders_no_other_and_is_named(pipeline: Pipeline) -> None:
    pipeline.run(FIRST, LAST, only=["raw_leads", "leads"])
    pipeline.storage.delete(rows_name(LEADS.table, "acme", date(2025, 3, 8)))
    result = pipeline.run(FIRST, LAST, only=["amoCrmLeads"])
    assert not result.success
    assert failure_of(result).metadata["unfinished_days"].value == "2025-03-08"
    assert sorted(pipeline.materialised("amoCrmLeads")) == ["2025-03-07", "2025-03-09", "2025-03-10"]
    assert [day.day for day in pipeline.warehouse.shard_days(LEADS.table, "acme")] == [7, 9, 10]
