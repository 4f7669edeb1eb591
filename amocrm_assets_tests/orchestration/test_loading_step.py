"""What a step reports of the shards that it loads. For the whole step see `test_shards`."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import date, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import Busy, RowsDamaged, WarehouseRefused, WarehouseUnavailable
from amocrm_assets.orchestration import loading_step
from amocrm_assets.orchestration.loading_step import decisive, load_shards
from amocrm_assets.orchestration.previews import MAX_DAYS
from amocrm_assets.warehouse import LoadResult
from amocrm_assets_tests.accounts import source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FIRST, SECOND, THIRD = DAYS = [date(2026, 3, day) for day in (1, 2, 3)]


class Step:
    """A step whose context, days, rows and warehouse only note what they are told."""

    def __init__(self, days: list[date]) -> None:
        self.wanted = days
        self.metadata: dict[date, Mapping[str, Any]] = {}
        self.lines: list[str] = []
        self.loaded: list[date] = []
        self.run = SimpleNamespace(run_id="1")
        self.log = SimpleNamespace(warning=lambda line, *values: self.lines.append(line % values))

    def done(self, day: date, metadata: Mapping[str, Any]) -> None:
        self.metadata[day] = metadata

    def load(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *,
        outcome: Callable[[date], LoadResult | Exception],
        without_rows: date | None = None,
        nameless: dict[date, int] | None = None,
    ) -> None:
        def rows_of(day: date) -> tuple[str, int]:
            if day == without_rows:
                raise RowsDamaged(f"Loading {day}", cause="no rows.", fix="Make them.")
            return f"{day}.parquet", 1

        def load(loads: list[Any], _: object, *, run_id: str) -> Any:
            assert run_id == "1"
            self.loaded = [each.day for each in loads]
            return [(each, outcome(each.day)) for each in loads]

        rows = SimpleNamespace(of=rows_of, nameless=nameless or {}, table=LEADS.table, subdomain="acme")
        monkeypatch.setattr("amocrm_assets.rows.shard_names.shard_rows", lambda *_: nullcontext(rows))
        monkeypatch.setattr(loading_step, "rows_preview", lambda *_, **named: {"preview": named})
        fake: Any = self
        warehouse: Any = SimpleNamespace(load=load)
        load_shards(fake, LEADS, LEADS.table, source(), days=fake, storage=fake, warehouse=warehouse)


def loaded(_: date, *warnings: str) -> LoadResult:
    return LoadResult("amoCrmLeads", 1, 0.0, warnings=warnings)


def test_each_day_that_was_loaded_is_reported_with_a_preview_and_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = Step(DAYS)
    step.load(monkeypatch, outcome=loaded)
    assert list(step.metadata) == DAYS
    assert all(each["preview"] == {"custom_fields": False} for each in step.metadata.values())
    assert all("without_name" not in each for each in step.metadata.values())
    assert step.lines == []


@pytest.mark.parametrize(("number", "has_previews"), [(MAX_DAYS, True), (MAX_DAYS + 1, False)])
def test_a_long_range_has_no_previews(monkeypatch: pytest.MonkeyPatch, number: int, *, has_previews: bool) -> None:
    step = Step([FIRST + timedelta(days=each) for each in range(number)])
    step.load(monkeypatch, outcome=loaded)
    assert {"preview" in each for each in step.metadata.values()} == {has_previews}


def test_a_day_that_fails_hinders_no_other_and_its_error_ends_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def outcome(day: date) -> LoadResult | Exception:
        return WarehouseUnavailable("Loading", cause="no.", fix="Wait.") if day == FIRST else loaded(day)

    step = Step(DAYS)
    with pytest.raises(WarehouseUnavailable):
        step.load(monkeypatch, outcome=outcome)
    assert list(step.metadata) == [SECOND, THIRD]


def test_a_day_without_rows_is_not_loaded_and_is_the_error_that_needs_a_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def outcome(day: date) -> LoadResult | Exception:
        return Busy("Loading", cause="no.", fix="Wait.") if day == FIRST else loaded(day)

    step = Step(DAYS)
    with pytest.raises(RowsDamaged):
        step.load(monkeypatch, outcome=outcome, without_rows=SECOND)
    assert step.loaded == [FIRST, THIRD]
    assert list(step.metadata) == [THIRD]


def test_ids_without_a_name_and_warnings_are_counted_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Step(DAYS)
    step.load(
        monkeypatch,
        outcome=lambda day: loaded(day, f"One of {day}.", "Another."),
        nameless={FIRST: 2, THIRD: 3},
    )
    assert {day: each.get("without_name") for day, each in step.metadata.items()} == {
        FIRST: 2,
        SECOND: None,
        THIRD: 3,
    }
    names, warnings = step.lines
    assert names.startswith("5 leads have ids that are in no reference table")
    assert f"no name for them: {FIRST}, {THIRD}." in names
    assert warnings == f"6 warnings about loaded shards, for example: One of {FIRST}."


def test_of_several_errors_the_first_one_that_needs_a_person_is_raised() -> None:
    busy, gone = Busy("A", cause="b.", fix="c."), WarehouseUnavailable("A", cause="b.", fix="c.")
    refused, missing = WarehouseRefused("A", cause="b.", fix="c."), RowsDamaged("A", cause="b.", fix="c.")
    assert decisive([busy, refused, missing]) is refused
    assert decisive([busy, gone]) is busy
