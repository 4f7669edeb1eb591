"""Which days of a source are there, missing or lost, by the warehouse and by Dagster's history.

For the table of `amocrm-assets sources` see `cli/test_sources`.
"""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from amocrm_assets.entities import CONTACTS, LEADS
from amocrm_assets.errors import WarehouseRefused
from amocrm_assets.orchestration import day_coverage
from amocrm_assets.orchestration.day_coverage import Coverage, Progress, progress_of, read_coverage
from amocrm_assets.settings import Deployment
from amocrm_assets_tests.accounts import source

FIRST, SECOND, THIRD, FOURTH = DAYS = [date(2026, 3, day) for day in (1, 2, 3, 4)]
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
DETAILED = source(start_date=str(FIRST), import_contacts=True)
BOTH = (LEADS.table, CONTACTS.table)


def coverage(
    monkeypatch: pytest.MonkeyPatch,
    *,
    shards: dict[Any, set[date]] | None,
    history: dict[Any, set[date]] | None,
    otherwise: frozenset[date] = frozenset(),
) -> Coverage:
    """By table the days in the warehouse and in the history, None if it cannot be read or is not kept."""

    def days_of(table: Any, subdomains: list[str]) -> dict[str, set[date]]:
        if shards is None:
            raise WarehouseRefused("Listing", cause="no.", fix="Allow it.")
        return dict.fromkeys(subdomains, shards[table])

    warehouse = SimpleNamespace(shard_days_of=days_of)
    monkeypatch.setattr(day_coverage, "open_warehouse", lambda *_, **__: warehouse)
    monkeypatch.setattr(day_coverage, "dagster_home", lambda: None if history is None else "home")
    monkeypatch.setattr(dg.DagsterInstance, "get", nullcontext)
    monkeypatch.setattr(day_coverage, "materialised_days", lambda _, table, __: (history or {})[table])
    monkeypatch.setattr(day_coverage, "days_by_other_midnights", lambda _, __, days: otherwise.intersection(days))
    return read_coverage([DETAILED], Deployment.from_environment({}), at=NOW)


def both(*days: date) -> dict[Any, set[date]]:
    return {table: set(days) for table in BOTH}


@pytest.mark.parametrize(
    ("shards", "history", "otherwise", "missing_and_lost"),
    [
        (both(*DAYS), both(*DAYS), frozenset(), ([], [])),
        (both(FIRST, SECOND), None, frozenset(), ([THIRD, FOURTH], [])),
        (None, both(FIRST, THIRD), frozenset(), ([SECOND, FOURTH], [])),
        (None, None, frozenset(), (DAYS, [])),
        (both(FIRST, SECOND), both(SECOND, THIRD), frozenset(), ([FIRST, THIRD, FOURTH], [THIRD])),
        (both(), both(SECOND), frozenset(), (DAYS, [SECOND])),
        (both(SECOND), both(), frozenset(), (DAYS, [])),
        (both(*DAYS), both(*DAYS), frozenset({SECOND}), ([SECOND], [])),
        (both(*DAYS), None, frozenset({SECOND}), ([SECOND], [])),
    ],
)
def test_a_day_is_there_if_both_know_it_and_lost_if_only_dagster_does(
    monkeypatch: pytest.MonkeyPatch,
    shards: dict[Any, set[date]] | None,
    history: dict[Any, set[date]] | None,
    otherwise: frozenset[date],
    missing_and_lost: tuple[list[date], list[date]],
) -> None:
    """A day that was read with other midnights is missing, and not lost."""
    found = coverage(monkeypatch, shards=shards, history=history, otherwise=otherwise)
    progress, (missing, _) = found.by_subdomain["sandbox"], missing_and_lost
    assert (progress.missing, progress.lost) == missing_and_lost
    assert progress.by_entity == {"leads": missing, "contacts": missing}
    assert progress.last_day == max(set(DAYS) - set(missing), default=None)
    assert (found.problem is None) is (shards is not None)


def test_a_day_that_one_entity_lacks_is_missing_and_the_entity_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    shards = {LEADS.table: set(DAYS), CONTACTS.table: {FIRST, THIRD}}
    found = coverage(monkeypatch, shards=shards, history=both(*DAYS)).by_subdomain["sandbox"]
    assert found == Progress(
        THIRD, [SECOND, FOURTH], [SECOND, FOURTH], {"leads": [], "contacts": [SECOND, FOURTH]}
    )


@pytest.mark.parametrize(("days", "missing"), [(-3, []), (-1, []), (0, []), (1, [FIRST]), (2, [FIRST, SECOND])])
def test_a_source_that_begins_later_misses_nothing_yet(days: int, missing: list[date]) -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(days=days)
    assert progress_of(DETAILED, set(), at=at).missing == missing
