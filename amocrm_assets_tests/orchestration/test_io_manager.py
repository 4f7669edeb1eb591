from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd
import pytest

import amocrm_assets
from amocrm_assets.entities import ENTITIES, LEADS
from amocrm_assets.errors import ActionRequired, SettingsError, WarehouseRefused
from amocrm_assets.rows import widen_custom_fields
from amocrm_assets.shard import arrow_schema
from amocrm_assets_tests.orchestration.conftest import FIRST, LAST

if TYPE_CHECKING:
    from amocrm_assets.entities import Entity
    from amocrm_assets_tests.orchestration.conftest import Pipeline

pytestmark = pytest.mark.slow

SINGLE_RUN = dg.BackfillPolicy.single_run()
ALL = dg.AllPartitionMapping()


def taken(
    pipeline: Pipeline, asset: str, *, days: tuple[str, str] | str | None = None, **options: Any
) -> pd.DataFrame:
    """The frame that somebody's own asset gets of one of ours."""
    frames: list[pd.DataFrame] = []
    partitions = dg.DailyPartitionsDefinition("2025-01-01", timezone="Europe/Moscow") if days else None

    @dg.multi_asset(
        name="mine",
        outs={"mine": dg.AssetOut(dagster_type=dg.Nothing)},
        partitions_def=partitions,
        ins={"frame": dg.AssetIn(pipeline.key(asset), **options)},
        backfill_policy=SINGLE_RUN if partitions else None,
    )
    def mine(frame: pd.DataFrame) -> None:
        frames.append(frame)

    own = dg.Definitions(assets=[mine], jobs=[dg.define_asset_job("mine_job", selection=["mine"])])
    job = dg.Definitions.merge(pipeline.definitions, own).resolve_job_def("mine_job")
    tags = {}
    if isinstance(days, tuple):
        tags = dict(
            zip(("dagster/asset_partition_range_start", "dagster/asset_partition_range_end"), days, strict=True)
        )
    job.execute_in_process(
        instance=pipeline.instance, partition_key=days if isinstance(days, str) else None, tags=tags
    )
    (frame,) = frames
    return frame


@pytest.fixture
def filled(pipeline: Pipeline) -> Pipeline:
    assert pipeline.run(FIRST, LAST).success
    return pipeline


@pytest.mark.parametrize("asset", ["leads", "amoCrmLeads"])
def test_one_day_is_a_frame_with_the_columns_and_types_of_the_shard(filled: Pipeline, asset: str) -> None:
    frame = taken(filled, asset, days=LAST)
    assert list(frame.columns) == [column.name for column in LEADS.table.columns]
    assert dict(frame.dtypes) == {field.name: pd.ArrowDtype(field.type) for field in arrow_schema(LEADS.table)}
    assert frame.index.unique().tolist() == [pd.Timestamp(LAST)]
    assert isinstance(frame["custom_fields"].iloc[0], list)
    assert set(frame["custom_fields"].iloc[0][0]) == {"id", "name", "is_system", "values"}


@pytest.mark.parametrize("asset", ["leads", "amoCrmLeads"])
def test_many_days_are_one_frame_whose_index_tells_them_apart(filled: Pipeline, asset: str) -> None:
    frame = taken(filled, asset, days=(FIRST, LAST))
    counts = {
        day: metadata["dagster/partition_row_count"]
        for day, metadata in filled.materialised("amoCrmLeads").items()
    }
    assert frame.groupby("day").size().rename(lambda day: f"{day:%Y-%m-%d}").to_dict() == counts


@pytest.mark.parametrize("asset", ["leads", "amoCrmLeads"])
def test_an_input_gets_the_columns_that_its_metadata_names(filled: Pipeline, asset: str) -> None:
    whole = taken(filled, asset, days=(FIRST, LAST))
    some = taken(filled, asset, days=(FIRST, LAST), metadata={"columns": ["sale", "id"]})
    assert list(some.columns) == ["sale", "id"]
    assert some.equals(whole[["sale", "id"]])
    with pytest.raises(SettingsError, match="price is not a column"):
        taken(filled, asset, days=LAST, metadata={"columns": ["price"]})
    with pytest.raises(SettingsError, match="not a list"):
        taken(filled, asset, days=LAST, metadata={"columns": "id"})


@pytest.mark.parametrize("asset", ["leads", "amoCrmLeads"])
def test_an_input_gets_the_custom_fields_that_its_metadata_names_as_columns(filled: Pipeline, asset: str) -> None:
    wide = widen_custom_fields(taken(filled, asset, days=(FIRST, LAST)), ["Город"])
    wanted = {"columns": ["id"], "widen_custom_fields": ["Город"]}
    assert taken(filled, asset, days=(FIRST, LAST), metadata=wanted).equals(wide[["id", "Город"]])
    taken_name = {"columns": ["id", "name"], "widen_custom_fields": ["name"]}
    with pytest.raises(SettingsError, match="already has a column called name"):
        taken(filled, asset, days=LAST, metadata=taken_name)
    none = taken(filled, asset, partition_mapping=ALL, metadata={**wanted, "allow_missing_partitions": True})
    assert list(none.columns) == ["id", "Город"]


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda each: each.name)
def test_rows_of_every_entity_are_a_frame_and_its_custom_fields_become_columns(
    pipeline: Pipeline, entity: Entity
) -> None:
    pipeline.configure(**{each.choices.imported: True for each in ENTITIES if each.choices.imported})
    chain = [entity.raw_asset, entity.table.asset, entity.table.warehouse_name]
    assert pipeline.run(LAST, only=chain).success
    for asset in chain[1:]:
        frame = taken(pipeline, asset, days=LAST)
        assert dict(frame.dtypes) == {each.name: pd.ArrowDtype(each.type) for each in arrow_schema(entity.table)}
        assert len(frame) > 0
        if entity.choices.custom_fields:
            (name, *_) = {field["name"] for fields in frame["custom_fields"] for field in fields}
            wanted = {"columns": ["id"], "widen_custom_fields": [name]}
            wide = taken(pipeline, asset, days=LAST, metadata=wanted)
            assert list(wide.columns) == ["id", name]
            assert wide[name].notna().any()


def test_days_that_are_missing_are_an_error_unless_they_are_allowed(filled: Pipeline) -> None:
    with pytest.raises(ActionRequired, match="Materialise `leads`"):
        taken(filled, "leads", partition_mapping=ALL)
    with pytest.raises(WarehouseRefused, match="there is no such table"):
        taken(filled, "amoCrmLeads", partition_mapping=ALL)
    frame = taken(filled, "leads", partition_mapping=ALL, metadata={"allow_missing_partitions": True})
    assert len(frame.index.unique()) == 4
    shards = taken(filled, "amoCrmLeads", partition_mapping=ALL, metadata={"allow_missing_partitions": True})
    assert shards["id"].tolist() == frame["id"].tolist()


def test_chosen_custom_fields_become_columns(filled: Pipeline) -> None:
    wide = widen_custom_fields(taken(filled, "leads", days=(FIRST, LAST)), ["Город"])
    assert wide["Город"].notna().any()
    assert "day" in wide.index.names


def test_the_documented_assets_do_what_the_document_says(pipeline: Pipeline) -> None:
    document = Path(amocrm_assets.__file__).parents[1] / "docs" / "downstream.md"
    code, door = re.findall(r"```python\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)
    theirs: dict[str, Any] = {}
    exec(code.replace("2026-01-01", "2025-01-01"), theirs)  # noqa: S102 - our own document, other days
    pipeline.sandbox.configure(subdomain="sandbox")
    pipeline.configure(subdomain="sandbox")
    pipeline.run(FIRST, LAST)
    names = ["leads_by_pipeline", "leads_by_city"]
    own = dg.Definitions(
        assets=[theirs[name] for name in names],
        jobs=[dg.define_asset_job(f"{name}_job", selection=[name]) for name in names],
    )
    merged = dg.Definitions.merge(pipeline.definitions, own)
    assert all(name in door for name in names)

    def made(name: str, **options: Any) -> pd.DataFrame:
        job = merged.resolve_job_def(f"{name}_job")
        frame: pd.DataFrame = job.execute_in_process(instance=pipeline.instance, **options).output_for_node(name)
        return frame

    rows = pipeline.warehouse.read(LEADS.table, "sandbox", [date.fromisoformat(LAST)])
    by_pipeline = made("leads_by_pipeline", partition_key=LAST)
    assert by_pipeline["leads"].sum() == (~rows["is_deleted"].fillna(value=False)).sum()
    assert set(by_pipeline["day"]) == {pd.Timestamp(LAST)}
    everything = pipeline.warehouse.read(LEADS.table, "sandbox", [date(2025, 3, day) for day in range(7, 11)])
    assert made("leads_by_city")["leads"].sum() == everything["id"].nunique()
