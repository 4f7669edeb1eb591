"""What a step does with its days, its errors and its retries: a small asset of Dagster, without amoCRM."""

# No `from __future__ import annotations` here: Dagster needs the context's type itself, and not its name.
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import date
from types import SimpleNamespace

import dagster as dg
import pytest

from amocrm_assets import cancellation
from amocrm_assets.errors import (
    AmoCrmAssetsError,
    AmoCrmUnavailable,
    CaptureDamaged,
    SettingsError,
    StorageRefused,
)
from amocrm_assets.orchestration import steps
from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.orchestration.names import PARTITION, RANGE_END, RANGE_START
from amocrm_assets.orchestration.run_listener import listening
from amocrm_assets.orchestration.steps import StepDays, step_days, whole_step
from amocrm_assets.orchestration.translation import ASSET
from amocrm_assets.storage.holder import this_holder
from amocrm_assets_tests.orchestration.conftest import failure_of

Body = Callable[[dg.AssetExecutionContext, StepDays | None], object]

FIRST, SECOND, THIRD = DAYS = [date(2026, 3, day) for day in (1, 2, 3)]
RANGE = {RANGE_START: str(FIRST), RANGE_END: str(THIRD)}


class Progress:
    """A listener that notes what it is told."""

    def __init__(self) -> None:
        self.days: list[tuple[str, int, int]] = []

    def on_days_done(self, asset: str, done: int, wanted: int) -> None:
        self.days.append((asset, done, wanted))

    def on_retry(self, why: str, wait_seconds: float) -> None:
        """The pauses are noted elsewhere."""


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses before retries, which take no time here; each is announced with its end, which is to come."""
    slept: list[float] = []

    @contextmanager
    def announced(what: str, *, until: float) -> Iterator[None]:
        assert what == "the next try"
        assert until > time.time()
        yield

    monkeypatch.setattr(steps, "waiting", announced)
    monkeypatch.setattr(cancellation, "sleep", slept.append)
    return slept


def ran(
    instance: dg.DagsterInstance,
    body: Body,
    *,
    retries: Retries = Retries(count=0),  # noqa: B008  # it is frozen
    tags: dict[str, str] = RANGE,
    job: str = "own_job",
    whole: bool = False,
) -> dg.ExecuteInProcessResult:
    """The run of an asset with that body, for three days unless the tags name others; `whole` has no days."""

    partitions = None if whole else dg.DailyPartitionsDefinition("2026-01-01")

    @dg.multi_asset(
        specs=[dg.AssetSpec("own", partitions_def=partitions, metadata={ASSET: "raw_leads"})],
        backfill_policy=None if whole else dg.BackfillPolicy.single_run(),
    )
    def own(context: dg.AssetExecutionContext) -> None:
        with whole_step(context, retries) if whole else step_days(context, retries) as days:
            body(context, days)

    definitions = dg.Definitions([own], jobs=[dg.define_asset_job("own_job", [own])])
    return definitions.resolve_job_def(job).execute_in_process(
        instance=instance, tags={} if whole else tags, raise_on_error=False
    )


def finish(days: StepDays | None, *wanted: date) -> None:
    for day in wanted:
        assert days is not None
        days.done(day, {})


def lines(instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> list[str]:
    """What the step has logged by itself."""
    return [each.user_message for each in instance.all_logs(result.run_id) if each.dagster_event is None]


def marked(instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> list[str | None]:
    """The days that Dagster shows as materialised; one that is marked twice is in it twice."""
    events = [each.asset_materialization for each in instance.all_logs(result.run_id)]
    return [each.partition for each in events if each]


def test_days_that_fail_by_themselves_hinder_no_other_and_each_is_named(instance: dg.DagsterInstance) -> None:
    def body(_: object, days: StepDays | None) -> None:
        assert days
        for day in DAYS:
            with days.isolated(day):
                if day != SECOND:
                    raise CaptureDamaged(f"Opening {day}", cause="it is cut.", fix="Read it again.")
                days.done(day, {})
        assert (days.unfinished, days.untried) == ([FIRST, THIRD], [])

    result = ran(instance, body)

    failure = failure_of(result)
    assert failure.description.startswith(f"Opening {FIRST}: it is cut.")
    assert failure.metadata["unfinished_days"].value == f"{FIRST}, {THIRD}"
    assert lines(instance, result) == [f"{THIRD}: Opening {THIRD}: it is cut. Read it again."]
    assert marked(instance, result) == [str(SECOND)]


@pytest.mark.parametrize("kind", [AmoCrmUnavailable, StorageRefused, SettingsError])
def test_an_error_that_every_day_would_have_ends_the_step_at_once(
    instance: dg.DagsterInstance, kind: type[AmoCrmAssetsError]
) -> None:
    tried: list[date] = []

    def body(_: object, days: StepDays | None) -> None:
        assert days
        for day in DAYS:
            with days.isolated(day):
                tried.append(day)
                raise kind("Asking", cause="no.", fix="Wait.")

    assert failure_of(ran(instance, body)).metadata["error"].value == kind.__name__
    assert tried == [FIRST]


def test_a_step_tells_its_progress_and_how_long_each_day_took(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line in the log only where ten seconds have passed since the last one."""
    clock = SimpleNamespace(monotonic=iter([100.0, 107.1236, 110.0, 119.0]).__next__)
    monkeypatch.setattr(steps, "time", clock)
    progress = Progress()
    with listening(progress):
        result = ran(instance, lambda _, days: finish(days, *DAYS))

    assert progress.days == [("raw_leads", number, 3) for number in (1, 2, 3)]
    assert lines(instance, result) == ["2 of 3 days done"]
    events = result.get_asset_materialization_events()
    seconds = {each.partition: each.materialization.metadata["seconds"].value for each in events}
    assert seconds == {str(FIRST): 7.124, str(SECOND): 2.876, str(THIRD): 9.0}


def test_a_retry_waits_as_long_as_was_announced_and_marks_no_day_twice(
    instance: dg.DagsterInstance, pauses: list[float]
) -> None:
    def body(context: dg.AssetExecutionContext, days: StepDays | None) -> None:
        finish(days, FIRST)
        if context.retry_number < 2:
            raise AmoCrmUnavailable("Asking", cause="no answer.", fix="Wait.")
        finish(days, SECOND, THIRD)

    result = ran(instance, body, retries=Retries(count=2))

    assert result.success
    assert marked(instance, result) == list(map(str, DAYS))
    assert pauses == [60.0, 120.0]


@pytest.mark.parametrize("error", [AmoCrmUnavailable("Asking", cause="no.", fix="Wait."), ValueError("a defect")])
def test_a_step_that_fails_for_good_marks_the_days_that_it_had_finished(
    instance: dg.DagsterInstance, error: Exception
) -> None:
    def body(_: object, days: StepDays | None) -> None:
        finish(days, FIRST, SECOND)
        raise error

    result = ran(instance, body)

    assert not result.success
    assert marked(instance, result) == [str(FIRST), str(SECOND)]


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("signalled", [KeyboardInterrupt, dg.DagsterExecutionInterruptedError])
@pytest.mark.parametrize("is_listened_to", [False, True])
def test_a_signal_marks_what_is_finished_and_cancels_the_run_of_a_command(
    instance: dg.DagsterInstance, signalled: type[BaseException], *, whole: bool, is_listened_to: bool
) -> None:
    """A run that Dagster has launched is cancelled by Dagster."""

    def body(_: object, days: StepDays | None) -> None:
        finish(days, *[] if whole else [FIRST])
        raise signalled

    with listening(Progress()) if is_listened_to else nullcontext():
        result = ran(instance, body, whole=whole)

    assert marked(instance, result) == ([] if whole else [str(FIRST)])
    kinds = [each.dagster_event_type for each in instance.all_logs(result.run_id)]
    assert (dg.DagsterEventType.RUN_CANCELING in kinds) is is_listened_to


def test_a_step_without_days_fails_and_is_retried_like_any_other(
    instance: dg.DagsterInstance, pauses: list[float]
) -> None:
    def body(context: dg.AssetExecutionContext, _: object) -> None:
        if context.retry_number == 0:
            raise AmoCrmUnavailable("Asking", cause="no answer.", fix="Wait.")
        raise SettingsError("Asking", cause="no token.", fix="Set it.")

    failure = failure_of(ran(instance, body, retries=Retries(count=2), whole=True))

    assert failure.description == "Asking: no token. Set it."
    assert "unfinished" not in failure.metadata
    assert pauses == [60.0]


@pytest.mark.parametrize("whole", [False, True])
def test_a_first_try_waits_for_nothing_and_holds_its_locks_for_its_run(
    instance: dg.DagsterInstance, pauses: list[float], *, whole: bool
) -> None:
    held: list[str] = []
    result = ran(instance, lambda *_: held.append(this_holder()), tags={PARTITION: str(FIRST)}, whole=whole)

    assert result.success
    assert held[0].startswith(f"run {result.run_id}, ")
    assert pauses == []


@pytest.mark.parametrize(
    ("job", "launched"), [("own_job", "dg launch --job own_job --p"), ("__ASSET_JOB", "dg launch --assets … --p")]
)
def test_a_run_that_names_no_day_says_how_to_name_one(
    instance: dg.DagsterInstance, job: str, launched: str
) -> None:
    failure = failure_of(ran(instance, lambda *_: None, tags={}, job=job))
    assert launched in failure.metadata["fix"].value
