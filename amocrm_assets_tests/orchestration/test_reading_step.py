"""Which days a step reads, and what it reports. For whole steps see `test_days_again` and `test_materialising`."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import date, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ReadingUnproven, SettingsError
from amocrm_assets.orchestration import reading_step
from amocrm_assets.orchestration.assets import raw_key, shards_key
from amocrm_assets.orchestration.checks import COMPLETE
from amocrm_assets.orchestration.previews import MAX_DAYS
from amocrm_assets.orchestration.reading_step import ReadingStep, is_read_again
from amocrm_assets_tests.accounts import source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import dagster as dg

SOURCE = source()
FIRST, SECOND, THIRD = DAYS = [date(2026, 3, day) for day in (1, 2, 3)]


class Step:
    """A step whose days and deployment only note what they are told."""

    def __init__(self, days: list[date] = DAYS) -> None:
        self.wanted = days
        self.metadata: dict[date, Mapping[str, Any]] = {}
        self.prepared = 0
        self.lock_wait_seconds = 7.0
        self.run = SimpleNamespace(run_id="1", asset_selection=None)

    @property
    def untried(self) -> list[date]:
        return [day for day in self.wanted if day not in self.metadata]

    def isolated(self, _: date) -> Any:
        return nullcontext()

    def done(self, day: date, metadata: Mapping[str, Any]) -> None:
        self.metadata[day] = metadata

    def storage(self) -> None:
        """No module that needs one is called here."""

    def warehouse(self) -> Any:
        return self

    def prepare(self) -> None:
        self.prepared += 1

    def expires_at(self, _: object) -> int:
        return 86400


def reading(step: Step, **settings: Any) -> tuple[ReadingStep, Any]:
    """The reading of leads in that step, and the step as the context of Dagster."""
    fake: Any = step
    return ReadingStep(LEADS, source(**settings) if settings else SOURCE, fake, fake), fake


@pytest.mark.parametrize(
    ("days", "read_again", "expected"),
    [(1, None, True), (2, None, False), (1, False, False), (2, True, True)],
)
def test_a_single_day_is_read_again_unless_the_run_says_otherwise(
    days: int, *, read_again: bool | None, expected: bool
) -> None:
    assert is_read_again(days, read_again=read_again) == expected


@pytest.mark.parametrize(
    ("selection", "prepared"),
    [
        (None, 1),
        ({raw_key(LEADS, SOURCE), shards_key(LEADS.table, SOURCE)}, 1),
        ({raw_key(LEADS, SOURCE)}, 0),
    ],
)
def test_a_run_that_loads_shards_asks_the_warehouse_first(
    selection: set[dg.AssetKey] | None, prepared: int
) -> None:
    step = Step()
    step.run.asset_selection = selection
    read, context = reading(step)
    read.prepare(context)
    assert step.prepared == prepared


def test_what_is_switched_off_is_refused_before_anything_is_asked() -> None:
    step = Step()
    read, context = reading(step, import_leads=False)
    with pytest.raises(SettingsError, match="import_leads: false"):
        read.prepare(context)
    assert step.prepared == 0


@pytest.mark.parametrize(
    ("days", "read_again", "runs"), [(DAYS, None, None), ([SECOND], None, {"1"}), (DAYS, True, {"1"})]
)
def test_days_with_a_capture_are_finished_by_it(
    monkeypatch: pytest.MonkeyPatch, days: list[date], runs: set[str] | None, *, read_again: bool | None
) -> None:
    """Where days are read again, only captures of the run, or of those that it continues, count."""

    def newest(*given: Any, runs: set[str] | None) -> Any:
        asked.append(runs)
        return SimpleNamespace(name="kept") if given[3] == SECOND else None

    asked: list[set[str] | None] = []
    monkeypatch.setattr("amocrm_assets.captures.captures_by_day", lambda *_: {})
    monkeypatch.setattr("amocrm_assets.captures.newest_whole_capture", newest)
    monkeypatch.setattr(reading_step, "runs_resumed", lambda context: {context.run.run_id})
    monkeypatch.setattr(reading_step, "earlier_capture_metadata", lambda _, __, name: {"capture": name})
    step = Step(days)
    read, context = reading(step)
    read.skip_captured(context, read_again=read_again)
    assert step.metadata == {SECOND: {"capture": "kept"}}
    assert asked == [runs] * len(days)


def captured(
    monkeypatch: pytest.MonkeyPatch, step: Step, *, unproven: date | None = None
) -> Iterator[dg.AssetCheckResult]:
    """The results of the step's checks while it reads its days, of which one may not be verified."""

    def read_days(*given: Any, lock_wait_seconds: float, run_id: str, **_: Any) -> Iterator[Any]:
        assert (lock_wait_seconds, run_id) == (7.0, "1")
        for day in given[2]:
            if day == unproven:
                raise ReadingUnproven("Reading", cause="two passes differ.", fix="Report it.")
            findings = {"findings": (), "account_timezone": "Europe/Moscow"}
            yield SimpleNamespace(day=day, metadata=findings, capture=SimpleNamespace(name=str(day)))

    monkeypatch.setattr("amocrm_assets.capturing.capture_days", read_days)
    monkeypatch.setattr(reading_step, "client_of_run", lambda *_: nullcontext())
    monkeypatch.setattr(reading_step, "capture_metadata", lambda found: {"capture": found.capture.name})
    monkeypatch.setattr(reading_step, "capture_preview", lambda *given: {"preview": given[-1]})
    read, context = reading(step)
    yield from read.capture(context)
    result = read.result()
    assert set(result.metadata or {}) == {"authorisation_ends"}
    yield from result.check_results or ()


def test_the_other_days_are_read_and_reported_with_a_preview(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Step()
    step.metadata[SECOND] = {}
    (complete,) = [each for each in captured(monkeypatch, step) if each.check_name == COMPLETE]
    assert step.metadata[FIRST] == {"capture": str(FIRST), "preview": str(FIRST)}
    assert step.metadata[SECOND] == {}
    assert set(step.metadata) == set(DAYS)
    assert complete.metadata is not None
    assert (complete.passed, complete.metadata["days"].value) == (True, 2)


def test_nothing_is_opened_where_every_day_has_a_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Step()
    step.metadata = {day: {} for day in DAYS}
    monkeypatch.setattr(reading_step, "client_of_run", None)
    read, context = reading(step)
    assert list(read.capture(context)) == []


def test_a_day_that_is_not_verified_fails_its_check_before_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Step()
    results = captured(monkeypatch, step, unproven=SECOND)
    failed = next(results)
    assert (failed.check_name, failed.passed) == (COMPLETE, False)
    with pytest.raises(ReadingUnproven):
        next(results)
    assert list(step.metadata) == [FIRST]


@pytest.mark.parametrize(("number", "has_previews"), [(MAX_DAYS, True), (MAX_DAYS + 1, False)])
def test_a_long_range_has_no_previews(monkeypatch: pytest.MonkeyPatch, number: int, *, has_previews: bool) -> None:
    step = Step([FIRST + timedelta(days=each) for each in range(number)])
    assert list(captured(monkeypatch, step))
    assert {"preview" in each for each in step.metadata.values()} == {has_previews}
