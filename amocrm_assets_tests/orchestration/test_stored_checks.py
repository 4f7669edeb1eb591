"""Which days the checks of stored rows and shards look at, and what they say of each. See also `test_checks`."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import StorageRefused
from amocrm_assets.orchestration import stored_checks
from amocrm_assets.orchestration.shard_comparison import ShardComparison
from amocrm_assets.orchestration.stored_checks import stored_checks_of
from amocrm_assets_tests.accounts import source
from amocrm_assets_tests.orchestration.lone_checks import shown, verdict_of

if TYPE_CHECKING:
    from collections.abc import Collection

DAYS = [date(2026, 3, day) for day in range(1, 9)]
SOURCE = source()
pytestmark = pytest.mark.usefixtures("deployment")


def ids_unique() -> dg.AssetChecksDefinition:
    return stored_checks_of(LEADS.table, SOURCE)[0]


def equals_rows() -> dg.AssetChecksDefinition:
    return stored_checks_of(LEADS.table, SOURCE)[1]


def with_rows(
    monkeypatch: pytest.MonkeyPatch, *, repeated: Collection[date] = (), damaged: Collection[date] = ()
) -> None:
    """Each of the days has rows; some have an id twice, and some cannot be read."""

    def ids(*given: Any) -> list[str]:
        day = given[-1]
        if day in damaged:
            raise StorageRefused(f"Reading {day}", cause="its hash differs.", fix="Materialise it.")
        return [f"{day.day}{number}" for number in range(5)] if day in repeated else []

    monkeypatch.setattr(stored_checks, "days_with_rows", lambda *_: DAYS)
    monkeypatch.setattr(stored_checks, "repeated_ids", ids)


def test_rows_with_repeated_ids_never_become_shards() -> None:
    (blocking,) = ids_unique().check_specs
    (telling,) = equals_rows().check_specs
    assert (blocking.blocking, telling.blocking) == (True, False)


@pytest.mark.parametrize("bounds", [None, (DAYS[1], DAYS[3]), (DAYS[2], DAYS[2])])
def test_ids_of_the_days_of_the_run_are_looked_at_or_of_all_days(
    monkeypatch: pytest.MonkeyPatch, bounds: tuple[date, date] | None
) -> None:
    with_rows(monkeypatch, repeated=DAYS)
    verdict = verdict_of(ids_unique(), bounds)
    first, last = bounds or (DAYS[0], DAYS[-1])
    assert shown(verdict)["days"] == shown(verdict)["bad_days"] == (last - first).days + 1
    assert str(shown(verdict)["which_days"]).startswith(str(first))
    assert str(shown(verdict)["which_days"]).endswith(str(last))


def test_each_day_with_repeated_ids_or_damaged_rows_is_named_with_examples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_rows(monkeypatch, repeated=DAYS[:2], damaged=DAYS[2:])
    verdict = verdict_of(ids_unique())
    assert (verdict.passed, verdict.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert shown(verdict)["example_ids"] == "10, 11, 12, 20, 21, 22"
    unreadable = [f"{day}: its hash differs. Materialise it." for day in DAYS[2:]]
    assert shown(verdict)["unreadable"] == "; ".join(unreadable[:5])
    assert shown(verdict)["bad_days"] == len(DAYS)


def test_rows_without_repeated_ids_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    with_rows(monkeypatch)
    assert shown(verdict_of(ids_unique())) == {"days": len(DAYS), "bad_days": 0}


def test_the_comparison_of_shards_is_shown_with_its_kinds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []

    def compare(*_: object, **named: Any) -> ShardComparison:
        asked.append((named["materialised"], named["bounds"]))
        return ShardComparison(LEADS.table, DAYS[:3], gone=[DAYS[4]], differing={DAYS[0]: (1, 2)})

    monkeypatch.setattr(stored_checks, "compare_shards", compare)
    verdict = verdict_of(equals_rows(), (DAYS[0], DAYS[2]))
    assert asked == [(set(), (DAYS[0], DAYS[2]))]
    assert (verdict.passed, verdict.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert {name: shown(verdict)[name] for name in ("days", "bad_days", "gone", "examples")} == {
        "days": 4,
        "bad_days": 2,
        "gone": str(DAYS[4]),
        "examples": f"{DAYS[0]}: 1 instead of 2 rows",
    }
