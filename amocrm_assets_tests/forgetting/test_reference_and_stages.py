"""The reference tables, the names that shards take from them, and the table of stages lose a person, too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from amocrm_assets.captures import CaptureWriter
from amocrm_assets.entities import LEADS, STAGES
from amocrm_assets.entities.reference import reference_table
from amocrm_assets.forgetting import Forgetting
from amocrm_assets.privacy.forgotten import Asked
from amocrm_assets.rows.reference import reference_rows
from amocrm_assets.rows.reference.seen import seen_name
from amocrm_assets.rows.shard_names import shard_rows
from amocrm_assets.storage import open_storage
from amocrm_assets.warehouse import ShardLoad, TableLoad
from amocrm_assets_tests.forgetting.people import (
    DAYS,
    NAME,
    PERSON,
    USER,
    Place,
    records,
)
from amocrm_assets_tests.rows.days import capture_header, source
from amocrm_assets_tests.rows.latest_table.tables import seconds
from amocrm_assets_tests.rows.reference.readings import capture as capture_lists
from amocrm_assets_tests.rows.reference.readings import night
from amocrm_assets_tests.rows.stages import tables as stages
from amocrm_assets_tests.warehouse.places import duckdb_place_at

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.slow


def test_the_reference_tables_keep_what_the_settings_say(local: Place) -> None:
    local.source = local.source.model_copy(update={"latest_table": True})
    lists = {
        "users": [{"id": USER, "name": NAME}],
        "leads_custom_fields": [{"id": 5, "name": "Город", "type": "text"}],
    }
    capture_lists(local.storage, night(2), lists, account_id=31_000_001)
    local.load()
    local.forget(PERSON)
    rows = reference_rows(reference_table("amoCrmCustomFields"), local.storage, "acme", ["id", "latest_column"])
    assert rows is not None
    assert rows.to_pylist() == [{"id": 5, "latest_column": "cf_5"}]


def test_shards_that_hold_names_of_stages_keep_the_column_and_lose_the_person(local: Place) -> None:
    local.source = source(import_lead_details=True, leads_status_name=True)
    stages = [{"id": 142, "name": f"Ждём: {NAME}", "type": 0}]
    capture_lists(
        local.storage,
        night(2),
        {"pipelines": [{"id": 11, "name": "П", "_embedded": {"statuses": stages}}]},
        account_id=31_000_001,
    )
    local.load()
    with shard_rows(LEADS.table, local.storage, local.source) as named:
        loads = [ShardLoad(named.table, "acme", day, *named.of(day)) for day in DAYS]
        assert all(
            not isinstance(each, Exception) for _, each in local.warehouse.load(loads, local.storage, run_id="n")
        )
    table = LEADS.table.for_shards(local.source)
    assert NAME in repr(local.warehouse.read(table, "acme", DAYS)["status_name"].tolist())

    report = local.forget(PERSON)

    assert {LEADS.table.shard_name("acme", day) for day in DAYS} <= {
        each.table.rpartition(".")[2] for each in report.tables
    }
    assert local.warehouse.read(table, "acme", DAYS)["status_name"].isna().all()
    assert local.marked() == {}
    assert local.forgetting().left(report) == []


def test_a_name_that_a_lead_bore_for_its_loss_reason_is_forgotten_with_it(local: Place) -> None:
    embedded = {"loss_reason": [{"id": 77, "name": f"Не дозвонились: {NAME}"}]}
    writer = CaptureWriter(LEADS, local.storage, capture_header(day=DAYS[0]))
    reading = records(DAYS[0])["leads"][3] | {"loss_reason_id": 77, "_embedded": embedded}
    writer.add([json.dumps(reading | {"updated_at": reading["updated_at"] + 5}).encode()])
    writer.publish()
    local.load()
    table = reference_table("amoCrmLossReasons")
    names = reference_rows(table, local.storage, "acme", ["id", "name"])
    assert names is not None
    assert NAME in repr(names.to_pylist())

    report = local.forget(Asked(values=(NAME,)))

    assert local.forgetting().left(report) == []
    after = reference_rows(table, local.storage, "acme", ["id", "name"])
    assert after is not None
    assert NAME not in repr(after.to_pylist())
    with local.storage.as_local_path(seen_name("acme")) as path:
        assert NAME not in repr(pq.read_table(path).to_pylist())


def test_the_stages_of_a_lead_that_is_forgotten_are_gone_from_what_is_kept_and_from_the_table(
    tmp_path: Path,
) -> None:
    storage = open_storage(str(tmp_path / "data"))
    held = duckdb_place_at(tmp_path / "warehouse.duckdb", storage=tmp_path)
    by = stages.settings(base_url="https://acme.amocrm.ru")
    ids = (4_100_101, 4_100_102)
    at = seconds(0)
    stages.write_events(storage, {0: [stages.moved(each, each, at, 21, 22) for each in ids]}, by)
    stages.write_leads(storage, {0: [stages.state(each, at, 22, made_at=at - 60) for each in ids]}, by)
    made = stages.written(storage, by)
    load = TableLoad(made.table, "acme", made.name, made.row_count)
    assert [outcome.row_count for _, outcome in held.warehouse.load([load], storage, run_id="r")] == [4]  # type: ignore[union-attr]
    forgetting = Forgetting(by, storage, held.warehouse, lock_wait_seconds=1)
    asked = Asked({"lead": [ids[0]]})
    plan = forgetting.plan(asked)
    assert made.name in {each.name for each in plan.rows}
    folder = STAGES.rows_folder("acme")

    report = forgetting.carry_out(asked)

    assert held.query('SELECT DISTINCT lead_id FROM "amoCrmLeadStages_acme"') == [(ids[1],)]
    (table,) = [each for each in report.tables if "LeadStages" in each.table]
    assert table.rows_after == 2
    assert forgetting.left(report) == []
    assert len(storage.names(folder)) == 3
    for name in storage.names(folder):
        with storage.as_local_path(name) as path:
            assert str(ids[0]) not in str(pq.read_table(path).to_pydict())
    # A file that was left as it was is found.
    stages.write_events(storage, {1: [stages.moved(9, ids[0], seconds(1), 22, 23)]}, by)
    stages.written(storage, by)
    assert {name.rpartition("/")[0] for name in forgetting.left(report)} >= {folder}
