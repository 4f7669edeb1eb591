"""The rows of a listing become shards and tables: those of the accounts that were asked for, and no others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.entities.loads import HeldTable
from amocrm_assets.errors import WarehouseRefused
from amocrm_assets_tests.warehouse.loaded_days import DAY, load_day
from amocrm_assets_tests.warehouse.places import Place
from amocrm_assets_tests.warehouse.recording_bigquery import Fault, RecordingBigQuery

NEXT = date(2026, 1, 2)


def query(server: RecordingBigQuery) -> str:
    """The one query that was sent."""
    (sent,) = server.sent("POST", "/queries$")
    return str(sent.body["query"])


def test_the_shards_of_one_account_are_asked_for_by_its_prefix(server: RecordingBigQuery, wired: Place) -> None:
    server.found = [
        {"table_id": "amoCrmLeads_acme_20260101", "row_count": 3},
        {"table_id": "amoCrmLeads_acme_20260102", "row_count": 0},
        {"table_id": "amoCrmLeads_acme_2026_20260103", "row_count": 1},
        {"table_id": "amoCrmLeads_acme_notaday1", "row_count": 1},
    ]

    assert wired.warehouse.shard_days(LEADS.table, "acme") == {DAY: 3, NEXT: 0}
    assert "STARTS_WITH(table_id, 'amoCrmLeads_acme_')" in query(server)


def test_the_shards_of_several_accounts_are_told_apart(server: RecordingBigQuery, wired: Place) -> None:
    server.found = [
        {"table_id": "amoCrmLeads_acme_20260101", "row_count": 3},
        {"table_id": "amoCrmLeads_acme-eu_20260102", "row_count": 4},
        {"table_id": "amoCrmLeads_other_20260102", "row_count": 5},
    ]

    assert wired.warehouse.shard_days_of(LEADS.table, ["acme", "acme-eu", "nobody"]) == {
        "acme": {DAY: 3},
        "acme-eu": {NEXT: 4},
        "nobody": {},
    }
    assert "STARTS_WITH(table_id, 'amoCrmLeads_')" in query(server)


def test_the_shards_of_no_account_are_not_asked_for(server: RecordingBigQuery, wired: Place) -> None:
    assert wired.warehouse.shard_days_of(LEADS.table, []) == {}
    assert server.calls == []


def test_a_missing_project_has_no_dataset_and_is_not_taken_for_one_without_shards(
    server: RecordingBigQuery, wired: Place
) -> None:
    server.has_dataset = False
    server.faults = [Fault("POST", "/queries$", status=404, reason="notFound", message="Not found: Project p")]

    with pytest.raises(WarehouseRefused, match="Correct the project's id"):
        wired.warehouse.shard_days(LEADS.table, "acme")


def test_a_table_was_loaded_when_bigquery_says(server: RecordingBigQuery, wired: Place) -> None:
    server.found = [{"table_id": "amoCrmUsers_acme", "row_count": 7, "last_modified_time": 1_767_225_600_250}]

    assert wired.warehouse.held_tables("acme") == [
        HeldTable("amoCrmUsers_acme", 7, datetime(2026, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC))
    ]


def test_an_expiration_is_a_time_in_utc_and_anything_else_an_error(
    server: RecordingBigQuery, wired: Place
) -> None:
    moment = 'TIMESTAMP "2026-03-01T03:00:00.000+03:00"'
    server.found = [
        {"table_name": "amoCrmLeads_acme_20260101", "option_value": moment},
        {"table_name": "amoCrmLeads_acme_2026_20260101", "option_value": moment},
    ]
    expirations = wired.warehouse.expirations(LEADS.table, "acme")
    assert expirations == {DAY: datetime(2026, 3, 1, tzinfo=UTC)}
    assert expirations[DAY].tzinfo is UTC

    server.found[0]["option_value"] = "tomorrow"
    with pytest.raises(ValueError, match="BigQuery writes an expiration time as 'tomorrow'"):
        wired.warehouse.expirations(LEADS.table, "acme")


@pytest.mark.parametrize("module", ["loading", "listing"])
def test_a_wait_for_bigquery_ends_with_the_time_of_a_job(
    wired: Place, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    ends: list[float] = []

    @contextmanager
    def waiting(_: str, *, until: float, **__: Any) -> Iterator[None]:
        ends.append(until)
        yield

    monkeypatch.setattr(f"amocrm_assets.warehouse.bigquery.{module}.waiting", waiting)
    began = time.time()
    load_day(wired) if module == "loading" else wired.warehouse.held_tables("acme")

    assert len(ends) == 1
    assert began + 5 <= ends[0] <= time.time() + 5
