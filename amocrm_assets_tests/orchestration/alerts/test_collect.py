"""Which problems an evaluation finds in runs, shards and authorisations. For whole ones see `test_sensor`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterEventType

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import NotAuthorised
from amocrm_assets.orchestration.alerts import collect
from amocrm_assets.orchestration.alerts.collect import (
    Found,
    ended_runs,
    find_in_authorisation,
    find_in_run,
    find_in_settings,
    find_in_shards,
)
from amocrm_assets.orchestration.alerts.problem import Problem
from amocrm_assets.orchestration.assets import raw_key
from amocrm_assets.orchestration.names import SOURCE_TAG
from amocrm_assets_tests.accounts import source
from amocrm_assets_tests.orchestration.alerts.test_problems import ERROR, evaluation, failure

ACME = source(subdomain="acme", timezone="UTC", schedule={"hour": 3, "minute": 30})
SHOP, SHOP_TWO = source(subdomain="shop"), source(subdomain="shop--two")
TOKEN_GONE = {"cause": "the token is gone.", "fix": "Set it."}


def step(key: str, facts: dict[str, str] | None = None, *errors: str, interrupted: bool = False) -> Any:
    """The event of a step that failed, by the metadata of its failure or by its errors, the outermost first."""
    error = None
    for text in reversed(errors):
        error = SimpleNamespace(message=text, cause=error)
    metadata = {name: dg.MetadataValue.text(text) for name, text in (facts or {}).items()}
    data = SimpleNamespace(
        user_failure_data=SimpleNamespace(metadata=metadata) if facts else None,
        error=error,
        error_source=SimpleNamespace(name="INTERRUPT") if interrupted else None,
    )
    return event(DagsterEventType.STEP_FAILURE, key, step_failure_data=data, message="the step failed")


def event(kind: DagsterEventType, key: str | None = None, **more: Any) -> Any:
    return SimpleNamespace(
        event_type=kind,
        step_key=key,
        is_run_failure=kind is DagsterEventType.RUN_FAILURE,
        is_step_failure=kind is DagsterEventType.STEP_FAILURE,
        **more,
    )


def done(key: str) -> Any:
    return event(DagsterEventType.STEP_SUCCESS, key)


def checked(key: str, *, passed: bool) -> Any:
    return event(
        DagsterEventType.ASSET_CHECK_EVALUATION,
        key,
        asset_check_evaluation_data=evaluation(passed=passed, severity=ERROR),
    )


def run_failed(reason: str) -> Any:
    return SimpleNamespace(**vars(event(DagsterEventType.RUN_FAILURE)) | vars(failure(reason, "no memory")))


def found_in(
    *events: Any,
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.FAILURE,
    tags: dict[str, str] | None = None,
    before: Found | None = None,
    sources: Any = (ACME, SHOP, SHOP_TWO),
) -> Found:
    """What is found in one run with these events, and with one that is no event of Dagster."""
    run = dg.DagsterRun("own", run_id="1", status=status, tags=tags or {})
    records = [SimpleNamespace(event_log_entry=SimpleNamespace(dagster_event=each)) for each in (None, *events)]
    instance: Any = SimpleNamespace(
        get_records_for_run=lambda _, of_type: SimpleNamespace(
            records=records if of_type == collect.TELLING else []
        ),
        run_retries_enabled=False,
    )
    record: Any = SimpleNamespace(dagster_run=run)
    found = before or Found()
    find_in_run(found, record, instance, sources)
    return found


def told(found: Found) -> dict[str, tuple[str, str, str]]:
    return {key: (each.what, each.cause, each.days) for key, each in found.problems.items()}


def test_steps_of_one_cause_are_one_problem_with_the_days_of_the_first_that_has_them() -> None:
    found = found_in(
        step("acme__raw_leads", TOKEN_GONE),
        step("acme__raw_tasks", TOKEN_GONE | {"unfinished_days": "2026-03-01"}),
        step("acme__leads", None, "outer", "inner"),
        step("acme__tasks", {"other": "x"}),
        step("somebody_elses", TOKEN_GONE),
        run_failed("STEP_FAILURE"),
        done("shop__raw_leads"),
    )
    assert told(found) == {
        "acme/step/raw_leads": ("raw_leads, raw_tasks failed", "the token is gone.", "2026-03-01"),
        "acme/step/leads": ("leads failed", "inner", ""),
        "acme/step/tasks": ("tasks failed", "the step failed", ""),
    }
    fixes = {key: each.fix for key, each in found.problems.items()}
    assert fixes["acme/step/raw_leads"] == "Set it."
    assert fixes["acme/step/leads"].startswith("See the run's log")
    assert found.over == {"shop/step/raw_leads"}


def test_a_step_belongs_to_the_source_with_the_longest_key() -> None:
    found = found_in(step("shop__two__raw_leads", TOKEN_GONE), done("shop__raw_leads"))
    assert [each.source for each in found.problems.values()] == ["shop--two"]
    assert found.over == {"shop/step/raw_leads"}


def test_a_check_that_is_a_step_of_its_own_is_told_and_is_over_when_it_passes() -> None:
    found = found_in(checked("acme__leads_own", passed=False), status=dg.DagsterRunStatus.SUCCESS)
    assert list(found.problems) == ["acme/check/leads.own"]
    found_in(checked("acme__leads_own", passed=True), status=dg.DagsterRunStatus.SUCCESS, before=found)
    assert (found.problems, "acme/check/leads.own" in found.over) == ({}, True)
    found_in(checked("acme__leads_own", passed=False), before=found)
    assert "acme/check/leads.own" not in found.over


def test_a_run_that_was_ended_is_a_problem_of_its_sources_without_a_failed_step() -> None:
    found = found_in(
        step("acme__raw_leads", TOKEN_GONE),
        done("shop__raw_leads"),
        step("shop__leads", None, "signal", interrupted=True),
        run_failed("RUN_EXCEPTION"),
    )
    assert sorted(told(found)) == ["acme/step/raw_leads", "shop/run/own"]
    assert "shop/step/leads" not in found.over


def test_runs_that_end_together_are_one_problem_with_all_days_until_one_succeeds() -> None:
    found = Found()
    for day in ("2026-03-01", "2026-03-02", "2026-03-01"):
        found_in(run_failed("RUN_EXCEPTION"), tags={SOURCE_TAG: "acme", "dagster/partition": day}, before=found)
    assert told(found) == {"acme/run": ("a run failed", "no memory", "2026-03-01, 2026-03-02")}
    tags = {SOURCE_TAG: "acme", "dagster/partition": "2026-03-03"}
    found_in(status=dg.DagsterRunStatus.SUCCESS, tags=tags, before=found)
    assert (found.problems, found.over) == ({}, {"acme/run"})


def test_a_run_without_a_failure_of_its_own_tells_nothing() -> None:
    assert found_in(done("acme__leads")).problems == {}


def test_a_run_that_dagster_starts_again_tells_nothing_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "is_retried", lambda *_: True)
    assert found_in(run_failed("RUN_EXCEPTION"), tags={SOURCE_TAG: "acme"}).problems == {}


def test_runs_are_evaluated_once_and_in_the_order_of_their_ends() -> None:
    asked: dict[str, Any] = {}

    def records(_: object, **named: Any) -> list[Any]:
        asked.update(named)
        return [SimpleNamespace(update_timestamp=datetime.fromtimestamp(at, UTC)) for at in (4.0, 5.0, 6.0)]

    instance: Any = SimpleNamespace(get_run_records=records)
    assert [each.update_timestamp.timestamp() for each in ended_runs(instance, since=5.0)] == [6.0]
    assert (asked["ascending"], asked["order_by"]) == (True, "update_timestamp")


@pytest.mark.parametrize(
    ("settings", "now", "late"),
    [
        ({}, datetime(2026, 3, 9, 9, 29, tzinfo=UTC), []),
        ({}, datetime(2026, 3, 9, 9, 30, tzinfo=UTC), [date(2026, 3, 8)]),
        ({"schedule": {"enabled": False}}, datetime(2026, 3, 20, tzinfo=UTC), []),
        ({"import_leads": False}, datetime(2026, 3, 20, tzinfo=UTC), []),
    ],
)
def test_days_are_late_six_hours_after_their_schedule(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], now: datetime, late: list[date]
) -> None:
    by = ACME.model_copy(update=settings) if "import_leads" in settings else source(**{
        "subdomain": "acme", "timezone": "UTC", "schedule": {"hour": 3, "minute": 30}, **settings
    })  # fmt: skip

    def states(_: object, __: object, ___: object, *, at: datetime) -> dict[date, Any]:
        # All but the day before that time are done.
        yesterday = at.date() - timedelta(days=1)
        return (
            {yesterday: None}
            if yesterday >= date(2026, 3, 8)
            else {yesterday: dg.AssetPartitionStatus.MATERIALIZED}
        )

    monkeypatch.setattr(collect, "day_states", states)
    found, instance = Found(), SimpleNamespace()
    find_in_shards(found, by, instance, now=now)  # type: ignore[arg-type]
    assert [each.days for each in found.problems.values()] == [", ".join(map(str, late))] * bool(late)
    assert found.over == (set() if late else {"acme/late"})
    if late:
        (problem,) = found.problems.values()
        assert problem.path == "/assets/acme/amoCrmLeads?view=partitions"


def test_settings_that_are_right_again_are_over_and_others_are_left_alone() -> None:
    found = Found()
    wrong = Problem("b/settings", "b", "w", "c", "f")
    find_in_settings(found, [wrong], known=["a/settings", "b/settings", "a/run"])
    assert (list(found.problems), found.over) == (["b/settings"], {"a/settings"})


@pytest.mark.parametrize(
    ("expires_at", "cause"), [(10**10, None), (5 * 86400, "The authorisation ends in 5 days."), (None, None)]
)
def test_an_authorisation_that_ends_soon_is_told_with_its_asset(expires_at: int | None, cause: str | None) -> None:
    found, deployment = Found(), SimpleNamespace(expires_at=lambda _: expires_at)
    both = source(subdomain="acme", import_contacts=True)
    find_in_authorisation(found, both, deployment, now=datetime.fromtimestamp(0, UTC))  # type: ignore[arg-type]
    assert [each.cause.startswith(str(cause)) for each in found.problems.values()] == [True] * (cause is not None)
    assert found.over == (set() if cause else {"acme/authorisation"})
    for problem in found.problems.values():
        assert problem.path == "/assets/" + "/".join(raw_key(LEADS, both).path)


def test_a_token_that_is_missing_is_told() -> None:
    def expires_at(_: object) -> int:
        raise NotAuthorised("Asking", cause="no token.", fix="Set it.")

    found, deployment = Found(), SimpleNamespace(expires_at=expires_at)
    find_in_authorisation(found, ACME, deployment, now=datetime.fromtimestamp(0, UTC))  # type: ignore[arg-type]
    assert [(each.cause, each.fix) for each in found.problems.values()] == [("Asking: no token.", "Set it.")]
