"""The outcome of a run in this process: small assets stand for those of a source, without amoCRM."""

# No `from __future__ import annotations` here: Dagster needs the context's type itself, and not its name.
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import SettingsError
from amocrm_assets.orchestration import running
from amocrm_assets.orchestration.names import NEVER_RETRIED, job_name, op_name
from amocrm_assets.orchestration.running import Interrupted, Outcome, open_instance, run_days
from amocrm_assets.settings.source_files import SourceFound
from amocrm_assets_tests.accounts import source
from amocrm_assets_tests.orchestration.test_step_days import Progress

SOURCE = source(subdomain="acme", import_lead_details=True)
DAYS = FIRST, SECOND, THIRD = [date(2026, 3, day) for day in (1, 2, 3)]
RAW, SHARDS, DETAILS = "raw_leads", "amoCrmLeads", "amoCrmLeadDetails"
CHECKS = {"strict": dg.AssetCheckSeverity.ERROR, "mild": dg.AssetCheckSeverity.WARN}

Body = Callable[[dg.AssetExecutionContext], object]


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        monkeypatch.setattr(running, "open_instance", lambda: nullcontext(instance))
        yield instance


def small_asset(name: str, body: Body, verdicts: Mapping[str, tuple[bool, str | None]]) -> dg.AssetsDefinition:
    """An asset that stands for one of the source, with the verdicts of its checks."""
    key = dg.AssetKey([SOURCE.key, name])
    partitions = dg.DailyPartitionsDefinition("2026-01-01")

    @dg.multi_asset(
        name=op_name(SOURCE, name),
        specs=[dg.AssetSpec(key, partitions_def=partitions)],
        check_specs=[dg.AssetCheckSpec(check, asset=key) for check in verdicts],
        backfill_policy=dg.BackfillPolicy.single_run(),
        config_schema={"read_again": bool} if name == RAW else None,
    )
    def own(context: dg.AssetExecutionContext) -> Iterator[Any]:
        body(context)
        results = [
            dg.AssetCheckResult(check_name=check, passed=passed, severity=CHECKS[check], description=description)
            for check, (passed, description) in verdicts.items()
        ]
        yield dg.MaterializeResult(asset_key=key, check_results=results)

    return own


def ran(
    monkeypatch: pytest.MonkeyPatch,
    bodies: Mapping[str, Body] | None = None,
    verdicts: Mapping[str, tuple[bool, str | None]] | None = None,
    **options: Any,
) -> Outcome:
    """The outcome of three days of leads, whose assets do nothing but what `bodies` say."""
    assets = [
        small_asset(name, (bodies or {}).get(name, lambda _: None), (verdicts or {}) if name == SHARDS else {})
        for name in (RAW, SHARDS, DETAILS)
    ]
    job = dg.define_asset_job(job_name(SOURCE.key), assets)
    monkeypatch.setattr(running, "source_definitions", lambda *_, **__: dg.Definitions(assets, jobs=[job]))
    return run_days(SOURCE, DAYS, listener=Progress(), entities=(LEADS,), **options)


def failing(error: BaseException) -> Body:
    def body(_: dg.AssetExecutionContext) -> None:
        raise error

    return body


def a_defect() -> Exception:
    defect = ValueError("the outer one")
    defect.__cause__ = KeyError("the inner one")
    return defect


def load_first_and_fail(context: dg.AssetExecutionContext) -> None:
    """As the step does whose second day fails."""
    context.log_event(dg.AssetMaterialization(context.asset_key, partition=str(FIRST)))
    raise dg.Failure("The second day failed.")


@pytest.mark.parametrize("options", [{}, {"read_again": False}])
def test_a_run_has_all_its_days_and_is_never_started_again(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    seen: list[dg.AssetExecutionContext] = []
    outcome = ran(monkeypatch, {RAW: seen.append}, **options)

    assert outcome == Outcome(outcome.run_id, None, [], [])
    assert outcome.is_good
    (context,) = seen
    assert context.partition_keys == list(map(str, DAYS))
    assert context.op_execution_context.op_config == {"read_again": options.get("read_again", True)}
    (run,) = instance.get_runs()
    assert run.run_id == outcome.run_id
    assert run.tags.items() >= NEVER_RETRIED.items()
    assert run.remote_job_origin is not None


@pytest.mark.usefixtures("instance")
@pytest.mark.parametrize(
    ("bodies", "failure", "missing"),
    [
        ({SHARDS: failing(dg.Failure("No space."))}, "No space.", DAYS),
        ({SHARDS: failing(dg.Failure("No.")), DETAILS: failing(dg.Failure("No."))}, "No.", DAYS),
        ({SHARDS: failing(dg.Failure("A.")), DETAILS: failing(dg.Failure("B."))}, "A.\nB.", DAYS),
        ({RAW: failing(a_defect())}, "KeyError: 'the inner one'", []),
        ({RAW: failing(dg.Failure())}, "dagster._core.definitions.events.Failure: None", []),
        ({SHARDS: load_first_and_fail}, "The second day failed.", [SECOND, THIRD]),
    ],
)
def test_a_run_that_fails_tells_each_cause_once_and_which_days_are_missing(
    monkeypatch: pytest.MonkeyPatch, bodies: Mapping[str, Body], failure: str, missing: list[date]
) -> None:
    """Days are missing that lack a shard of one of the tables; those that a failed step had loaded are not."""
    outcome = ran(monkeypatch, bodies)

    assert outcome.failure is not None
    assert sorted(outcome.failure.splitlines()) == sorted(failure.splitlines())
    assert outcome.missing == ({"leads": missing} if missing else {})
    assert not outcome.is_good


@pytest.mark.usefixtures("instance")
@pytest.mark.parametrize(
    ("strict", "mild", "errors", "warnings"),
    [
        ((True, "fine"), (True, None), [], []),
        ((False, r"a \*star\*"), (True, None), ["acme/amoCrmLeads · strict: a *star*"], []),
        ((True, None), (False, None), [], ["acme/amoCrmLeads · mild: not passed"]),
    ],
)
def test_checks_that_did_not_pass_are_errors_or_warnings(
    monkeypatch: pytest.MonkeyPatch,
    strict: tuple[bool, str | None],
    mild: tuple[bool, str | None],
    errors: list[str],
    warnings: list[str],
) -> None:
    outcome = ran(monkeypatch, verdicts={"strict": strict, "mild": mild})

    assert (outcome.failure, outcome.errors, outcome.warnings) == (None, errors, warnings)
    assert outcome.is_good is (not errors)


@pytest.mark.parametrize(
    ("reports", "status"), [(True, dg.DagsterRunStatus.CANCELED), (False, dg.DagsterRunStatus.FAILURE)]
)
def test_a_signal_within_a_step_interrupts_the_run(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, status: dg.DagsterRunStatus, *, reports: bool
) -> None:
    """Our own steps report that they are cancelled, see `steps`."""

    def body(context: dg.AssetExecutionContext) -> None:
        if reports:
            context.instance.report_run_canceling(context.run)
        raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        ran(monkeypatch, {RAW: body})
    assert [run.status for run in instance.get_runs()] == [status]


@pytest.mark.usefixtures("instance")
@pytest.mark.parametrize(
    ("reasons", "interrupted"),
    [(["UNEXPECTED_TERMINATION"], True), (["STEP_FAILURE"], False), ([None], False), ([], False)],
)
def test_a_signal_between_two_steps_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, reasons: list[str | None], *, interrupted: bool
) -> None:
    events = [
        SimpleNamespace(
            is_job_failure=True,
            is_step_failure=False,
            is_step_materialization=False,
            job_failure_data=SimpleNamespace(failure_reason=reason and SimpleNamespace(name=reason)),
        )
        for reason in reasons
    ]
    ended = SimpleNamespace(
        all_events=events,
        dagster_run=SimpleNamespace(status=dg.DagsterRunStatus.FAILURE),
        success=False,
        run_id="1",
        get_asset_check_evaluations=list,
    )
    with_job(monkeypatch, lambda **_: ended)

    if interrupted:
        with pytest.raises(Interrupted):
            run_days(SOURCE, DAYS, listener=Progress())
    else:
        assert run_days(SOURCE, DAYS, listener=Progress()).failure == "the run failed"


def with_job(monkeypatch: pytest.MonkeyPatch, execute: Callable[..., object]) -> None:
    job = SimpleNamespace(name="acme_leads", execute_in_process=execute)
    monkeypatch.setattr(
        running, "source_definitions", lambda *_, **__: SimpleNamespace(resolve_job_def=lambda _: job)
    )


@pytest.mark.parametrize("signalled", [KeyboardInterrupt, dg.DagsterExecutionInterruptedError])
@pytest.mark.parametrize(
    ("status", "left"),
    [
        (None, []),
        (dg.DagsterRunStatus.STARTED, [dg.DagsterRunStatus.CANCELED]),
        (dg.DagsterRunStatus.SUCCESS, [dg.DagsterRunStatus.SUCCESS]),
    ],
)
def test_a_signal_before_or_after_the_steps_leaves_no_run_that_seems_to_go_on(
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    signalled: type[BaseException],
    status: dg.DagsterRunStatus | None,
    left: list[dg.DagsterRunStatus],
) -> None:
    def execute(*, run_id: str, **_: object) -> None:
        if status:
            instance.add_run(dg.DagsterRun("acme_leads", run_id=run_id, status=status))
        raise signalled

    with_job(monkeypatch, execute)
    with pytest.raises(Interrupted):
        run_days(SOURCE, DAYS, listener=Progress())
    assert [run.status for run in instance.get_runs()] == left


@pytest.mark.parametrize(
    ("place", "fix"),
    [(None, "in its settings, then"), (SourceFound(SOURCE, Path("a/defs.yaml"), 3), "in a/defs.yaml, then")],
)
def test_a_source_that_is_switched_off_is_refused(place: SourceFound | None, fix: str) -> None:
    off = source(enabled=False)
    with pytest.raises(SettingsError, match=fix):
        run_days(off, DAYS, listener=Progress(), place=place)


@pytest.mark.parametrize("kept", [True, False])
def test_runs_are_kept_only_where_dagster_has_a_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, kept: bool
) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path) if kept else "")
    with open_instance() as instance:
        assert instance.is_ephemeral is not kept
