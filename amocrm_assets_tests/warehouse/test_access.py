"""Policy tags and row access policies: what a load sets, what it keeps, and what stops it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import WarehouseRefused
from amocrm_assets.orchestration.resources import AmoCrmDeployment
from amocrm_assets.shard import bigquery_fields
from amocrm_assets.storage import open_storage
from amocrm_assets.warehouse import LoadResult
from amocrm_assets_tests.rows.days import source
from amocrm_assets_tests.warehouse.loaded_days import SHARD, load_day
from amocrm_assets_tests.warehouse.places import Place, wired_place
from amocrm_assets_tests.warehouse.recording_bigquery import Fault, RecordingBigQuery

TAG = "projects/p/locations/eu/taxonomies/1/policyTags/2"
OTHER = "projects/p/locations/eu/taxonomies/1/policyTags/3"
TAGS = {"name": TAG, "custom_fields.values.value": OTHER}


@pytest.fixture
def tagging(server: RecordingBigQuery, naps: list[float], tmp_path: Path) -> Place:
    """A warehouse whose columns shall have tags."""
    return wired_place(server, open_storage(str(tmp_path)), naps, policy_tags=TAGS)


def loads(server: RecordingBigQuery) -> list[dict[str, Any]]:
    """The configurations of the load jobs."""
    return [job["configuration"]["load"] for job in server.jobs.values()]


def tags(fields: list[dict[str, Any]], within: str = "") -> dict[str, str]:
    """The tags of a schema, by the column's path."""
    found = {}
    for each in fields:
        path = f"{within}{each['name']}"
        if "policyTags" in each:
            (found[path],) = each["policyTags"]["names"]
        found |= tags(each.get("fields", []), f"{path}.")
    return found


def make(server: RecordingBigQuery, *, policies: list[str] | None = None, **tagged: str) -> None:
    """A shard that is there, with tags and row access policies that somebody gave it."""
    fields = [
        {**each, "policyTags": {"names": [tagged[each["name"]]]}} if each["name"] in tagged else each
        for each in bigquery_fields(LEADS.table.columns)
    ]
    reference = {"projectId": "p", "datasetId": "d", "tableId": SHARD}
    server.tables[SHARD] = {"tableReference": reference, "schema": {"fields": fields}, "numRows": "1"}
    server.row_policies = {SHARD: policies} if policies else {}


def change_columns(server: RecordingBigQuery) -> None:
    """Let the shard that is there be one of an older version, with a column less."""
    server.tables[SHARD]["schema"]["fields"].pop(1 + LEADS.table.column_names.index("sale"))


def test_a_new_table_is_made_with_its_tags(server: RecordingBigQuery, tagging: Place) -> None:
    assert isinstance(load_day(tagging), LoadResult)
    (sent,) = loads(server)
    assert tags(sent["schema"]["fields"]) == TAGS
    assert sent["writeDisposition"] == "WRITE_TRUNCATE"
    assert tags(server.tables[SHARD]["schema"]["fields"]) == TAGS


def test_a_table_of_before_gets_its_tags_before_its_rows(server: RecordingBigQuery, tagging: Place) -> None:
    make(server)
    assert isinstance(load_day(tagging), LoadResult)
    order = [call.method for call in server.calls if call.method == "PATCH" or "/upload/" in call.path]
    assert order[:2] == ["PATCH", "POST"]
    assert tags(server.tables[SHARD]["schema"]["fields"]) == TAGS
    assert [sent["writeDisposition"] for sent in loads(server)] == ["WRITE_TRUNCATE_DATA"]


def test_tags_that_somebody_gave_survive_a_load_of_a_source_that_names_none(
    server: RecordingBigQuery, wired: Place
) -> None:
    make(server, name=TAG)
    assert isinstance(load_day(wired), LoadResult)
    (sent,) = loads(server)
    assert sent["writeDisposition"] == "WRITE_TRUNCATE_DATA"
    assert tags(server.tables[SHARD]["schema"]["fields"]) == {"name": TAG}


def test_tags_survive_a_change_of_other_columns(server: RecordingBigQuery, wired: Place) -> None:
    make(server, name=TAG)
    change_columns(server)
    assert isinstance(load_day(wired), LoadResult)
    (sent,) = loads(server)
    assert (sent["writeDisposition"], tags(sent["schema"]["fields"])) == ("WRITE_TRUNCATE", {"name": TAG})


def test_row_access_policies_survive_a_load(server: RecordingBigQuery, wired: Place) -> None:
    make(server, policies=["sales_only"])
    assert isinstance(load_day(wired), LoadResult)
    assert [sent["writeDisposition"] for sent in loads(server)] == ["WRITE_TRUNCATE_DATA"]
    assert server.row_policies == {SHARD: ["sales_only"]}


def refused(outcome: LoadResult | Exception, server: RecordingBigQuery) -> str:
    """Why a load was stopped before it began."""
    assert isinstance(outcome, WarehouseRefused), outcome
    assert loads(server) == []
    assert "Nothing was loaded" in str(outcome)
    return outcome.cause


def test_a_load_that_would_remove_row_access_policies_names_them_and_stops(
    server: RecordingBigQuery, wired: Place
) -> None:
    make(server, policies=["sales_only", "managers"])
    change_columns(server)
    assert "would remove the row access policies sales_only, managers" in refused(load_day(wired), server)


def test_a_load_that_would_remove_a_tagged_column_stops(server: RecordingBigQuery, wired: Place) -> None:
    make(server)
    server.tables[SHARD]["schema"]["fields"].append(
        {"name": "passport", "type": "STRING", "mode": "NULLABLE", "policyTags": {"names": [TAG]}}
    )
    assert f"columns with policy tags: passport ({TAG})" in refused(load_day(wired), server)


def test_another_tag_than_the_settings_name_stops_the_load(server: RecordingBigQuery, tagging: Place) -> None:
    make(server, name=OTHER)
    assert f"name has {OTHER}" in refused(load_day(tagging), server)


def test_a_table_without_any_is_replaced_as_ever(server: RecordingBigQuery, wired: Place) -> None:
    make(server)
    assert isinstance(load_day(wired), LoadResult)
    assert [sent["writeDisposition"] for sent in loads(server)] == ["WRITE_TRUNCATE"]


@pytest.mark.parametrize("changed", [False, True])
def test_policies_that_may_not_be_seen_are_kept_or_warned_of(
    server: RecordingBigQuery,
    wired: Place,
    changed: bool,  # noqa: FBT001
) -> None:
    make(server, policies=["sales_only"])
    if changed:
        change_columns(server)
    server.faults = [Fault("GET", "rowAccessPolicies$", status=403, reason="accessDenied", times=99)]
    outcome = load_day(wired)
    assert isinstance(outcome, LoadResult)
    assert any("rowAccessPolicies.list" in each for each in outcome.warnings) is changed
    assert bool(server.row_policies) is not changed


def test_a_table_that_comes_out_without_its_tags_fails(server: RecordingBigQuery, tagging: Place) -> None:
    server.loses_tags = True
    outcome = load_day(tagging)
    assert isinstance(outcome, WarehouseRefused)
    assert "name have no policy tags" in outcome.cause


def test_the_settings_of_the_document_are_taken() -> None:
    text = (Path(__file__).parents[2] / "docs" / "bigquery.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert source(**yaml.safe_load(block)).policy_tags.keys() == TAGS.keys()


def test_assets_load_with_the_tags_of_their_source(
    server: RecordingBigQuery, wired: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMOCRM_WAREHOUSE", f"bigquery://p/d?location=EU&endpoint={server.url}")
    warehouse = AmoCrmDeployment().warehouse(source(policy_tags={"name": TAG}))
    outcome = load_day(Place(warehouse, wired.storage, wired.query, wired.quoted))
    assert isinstance(outcome, LoadResult), outcome
    assert tags(server.tables[SHARD]["schema"]["fields"]) == {"name": TAG}


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_warehouse_without_row_access_policies_has_none(
    server: RecordingBigQuery, wired: Place, status: int
) -> None:
    make(server)
    server.faults = [Fault("GET", "rowAccessPolicies$", status=status, reason="notFound", times=99)]

    outcome = load_day(wired)

    assert isinstance(outcome, LoadResult), outcome
    assert outcome.warnings == ()
    assert [sent["writeDisposition"] for sent in loads(server)] == ["WRITE_TRUNCATE"]
