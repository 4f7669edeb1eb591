"""Which days a comparison of shards, rows and history names. For the whole check see `test_shard_comparison`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.entities import CONTACTS, LEADS
from amocrm_assets.errors import StorageRefused
from amocrm_assets.orchestration import shard_comparison
from amocrm_assets.orchestration.shard_comparison import ShardComparison, compare_shards
from amocrm_assets_tests.accounts import source

if TYPE_CHECKING:
    from collections.abc import Mapping

BEFORE, FIRST, SECOND, THIRD, FOURTH = (date(2026, 3, day) for day in range(1, 6))
DAMAGED = StorageRefused("Reading", cause="its hash differs.", fix="Write it.")
COUNTS = dict.fromkeys([FIRST, SECOND, THIRD, FOURTH], 5)


def compared(
    monkeypatch: pytest.MonkeyPatch,
    *,
    held: Mapping[date, int],
    rows: Mapping[date, int | StorageRefused],
    materialised: set[date] = frozenset(),  # type: ignore[assignment]
    bounds: tuple[date, date] | None = None,
    named: set[date] = frozenset(),  # type: ignore[assignment]
    table: Any = LEADS.table,
    **settings: Any,
) -> ShardComparison:
    """The comparison for a source that begins on `FIRST`, with so many rows in shards and in the storage."""

    def count(*given: Any) -> int:
        if isinstance(found := rows[given[-1]], StorageRefused):
            raise found
        return found

    monkeypatch.setattr(shard_comparison, "days_with_rows", lambda *_: sorted(rows))
    monkeypatch.setattr(shard_comparison, "row_count", count)
    warehouse: Any = SimpleNamespace(
        shard_days=lambda *_: held, expirations=lambda *_: {}, days_with_column=lambda *_: set(named)
    )
    storage: Any = None
    return compare_shards(
        table,
        source(start_date=str(FIRST), **settings),
        storage,
        warehouse,
        materialised=materialised,
        bounds=bounds,
    )


def test_shards_and_rows_that_agree_have_no_bad_day(monkeypatch: pytest.MonkeyPatch) -> None:
    found = compared(monkeypatch, held=COUNTS, rows=COUNTS, materialised=set(COUNTS))
    assert (found.looked_at, found.bad_days, str(found), found.examples) == (list(COUNTS), [], "", "")


@pytest.mark.parametrize(
    ("bounds", "gone", "differing"),
    [
        (None, [FIRST, SECOND, FOURTH], [THIRD]),
        ((SECOND, THIRD), [FIRST, SECOND, FOURTH], [THIRD]),
        ((FIRST, SECOND), [FIRST, SECOND, FOURTH], []),
        ((THIRD, THIRD), [FIRST, FOURTH], [THIRD]),
    ],
)
def test_a_run_expects_the_shards_of_its_own_days_and_those_that_dagster_shows(
    monkeypatch: pytest.MonkeyPatch, bounds: tuple[date, date] | None, gone: list[date], differing: list[date]
) -> None:
    found = compared(
        monkeypatch,
        held={THIRD: 4},
        rows=COUNTS,
        materialised={BEFORE, FIRST, FOURTH},
        bounds=bounds,
    )
    assert (found.gone, list(found.differing)) == (gone, differing)


def test_each_day_that_cannot_be_compared_has_its_own_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Days before the first one of the settings are left alone, and the first one itself is not."""
    found = compared(
        monkeypatch,
        held={BEFORE: 5, FIRST: 5, SECOND: 5, THIRD: 5, FOURTH: 5},
        rows={SECOND: DAMAGED, THIRD: 6, FOURTH: 5},
        materialised={BEFORE, FIRST},
    )
    assert found.without_rows == [FIRST]
    assert found.unreadable == {SECOND: DAMAGED}
    assert found.differing == {THIRD: (5, 6)}
    assert found.gone == []
    assert found.bad_days == [FIRST, SECOND, THIRD]
    assert found.examples == f"{THIRD}: 5 instead of 6 rows; {SECOND}: its hash differs."


@pytest.mark.parametrize(
    ("settings", "named", "otherwise"),
    [
        ({"leads_status_name": True, "import_reference": True}, {BEFORE, SECOND}, [FIRST]),
        ({"leads_status_name": False}, {BEFORE, FIRST}, [FIRST]),
        ({"leads_status_name": False}, {SECOND}, [SECOND]),
    ],
)
def test_shards_that_were_loaded_with_other_columns_are_named(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], named: set[date], otherwise: list[date]
) -> None:
    counts = {BEFORE: 1, FIRST: 1, SECOND: 1}
    found = compared(monkeypatch, held=counts, rows=counts, named=named, **settings)
    assert found.otherwise == otherwise
    assert "`leads_status_name` was changed" in found.cause
    assert "the column `status_name`" in found.cause


def test_a_table_without_a_column_of_names_is_not_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = compared(monkeypatch, held=COUNTS, rows=COUNTS, named={FIRST}, table=CONTACTS.table)
    assert found.otherwise == []
    found.expiring = {SECOND: datetime(2026, 4, 1, tzinfo=UTC)}
    assert f"expiration time: {SECOND}." in found.cause
    assert "Materialise `amoCrmContacts`" in found.fix
