"""Which days and columns the I/O manager reads for an input, without a run."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from amocrm_assets import storage, warehouse
from amocrm_assets.entities import CONTACTS, LEADS
from amocrm_assets.orchestration.io_manager import RowsIOManager
from amocrm_assets.orchestration.metadata import COLUMN_SCHEMA
from amocrm_assets.orchestration.translation import ASSET, SUBDOMAIN
from amocrm_assets.rows import frames, stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.entities import Table

NAMED = LEADS.table.with_names()
FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is read: from where, of which table, account and days. Only the second day is there."""
    found: list[Any] = []

    def rows(table: Table, place: Any, account: str, days: Sequence[date], *, columns: Any) -> None:
        found.append((place, table, account, days, columns))

    def shards(table: Table, account: str, days: Sequence[date], *, columns: Any) -> None:
        found.append(("warehouse", table, account, days, columns))

    opened = SimpleNamespace(shard_days=lambda *_: {SECOND: "x"}, tables=shards)
    monkeypatch.setattr(storage, "open_storage", lambda _: "storage")
    monkeypatch.setattr(warehouse, "open_warehouse", lambda _: opened)
    monkeypatch.setattr(stored, "days_with_rows", lambda *_: [SECOND])
    monkeypatch.setattr(frames, "rows_tables", rows)
    monkeypatch.setattr(frames, "day_frame_of", lambda _, days, wanted: (days, wanted.table))
    return found


def context(asset: str, columns: Sequence[str], **metadata: Any) -> Any:
    schema = SimpleNamespace(columns=[SimpleNamespace(name=name) for name in columns])
    upstream = {ASSET: asset, SUBDOMAIN: "acme", COLUMN_SCHEMA: schema}
    return SimpleNamespace(
        asset_key=dg.AssetKey(["acme", asset]),
        upstream_output=SimpleNamespace(definition_metadata=upstream),
        definition_metadata=metadata,
        asset_partition_keys=[str(SECOND), str(FIRST)],
        log=SimpleNamespace(warning=print),
        step_context=SimpleNamespace(run_id="run"),
    )


@pytest.mark.parametrize(
    ("metadata", "days"), [({}, [FIRST, SECOND]), ({"allow_missing_partitions": True}, [SECOND])]
)
@pytest.mark.parametrize(("asset", "place"), [("leads", "storage"), ("amoCrmLeads", "warehouse")])
@pytest.mark.parametrize("table", [LEADS.table, NAMED], ids=["ids", "names"])
def test_an_input_is_read_from_the_place_of_its_asset(
    read: list[Any], table: Table, asset: str, *, place: str, metadata: dict[str, Any], days: list[date]
) -> None:
    assert NAMED.column_names != LEADS.table.column_names
    manager = RowsIOManager([CONTACTS.table, LEADS.table])
    made = manager.load_input(context(asset, table.column_names, **metadata))
    assert read == [(place, table, "acme", days, None)]
    assert made == (days, table)


def test_an_input_of_an_asset_of_which_nothing_is_known_is_an_error() -> None:
    unknown = context("leads", [])
    unknown.upstream_output = None
    with pytest.raises(LookupError, match="nothing is known of acme/leads"):
        RowsIOManager([LEADS.table]).load_input(unknown)


def test_an_asset_with_a_value_is_refused() -> None:
    with pytest.raises(TypeError, match="acme/leads returned a list"):
        RowsIOManager([LEADS.table]).handle_output(context("leads", []), [])
