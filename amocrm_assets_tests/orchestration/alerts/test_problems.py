"""Which alert a failed check or a failed run is, without a run. For whole evaluations see `test_sensor`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.orchestration.alerts.failed_checks import check_problem
from amocrm_assets.orchestration.alerts.failed_runs import (
    days_in_words,
    is_interruption,
    is_retried,
    run_key,
    run_problem,
    sources_of_run,
)
from amocrm_assets.orchestration.alerts.problem import Problem, problem_message
from amocrm_assets.orchestration.assets import raw_key
from amocrm_assets.orchestration.names import (
    DAY_TAG,
    NEVER_RETRIED,
    PARTITION,
    RANGE_END,
    RANGE_START,
    SOURCE_TAG,
    WILL_RETRY,
)
from amocrm_assets_tests.accounts import source

ACME, OTHER = source(subdomain="acme"), source(subdomain="other")
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


def evaluation(*, passed: bool, severity: dg.AssetCheckSeverity, **more: Any) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(["own", "acme", "leads"]),
        check_name="own",
        passed=passed,
        severity=severity,
        metadata={name: dg.MetadataValue.text(text) for name, text in more.pop("facts", {}).items()},
        **more,
    )


@pytest.mark.parametrize(("passed", "severity"), [(True, ERROR), (True, WARN), (False, WARN)])
def test_a_check_that_passed_or_warns_is_no_alert(*, passed: bool, severity: dg.AssetCheckSeverity) -> None:
    assert check_problem(evaluation(passed=passed, severity=severity), ACME, "1") is None


@pytest.mark.parametrize(
    ("given", "cause", "fix", "days"),
    [
        ({}, "the check did not pass.", "See the check's page.", ""),
        ({"description": r"a \*star\*"}, "a *star*", "See the check's page.", ""),
        (
            {"description": "d", "facts": {"cause": "c", "fix": "f", "which_days": "2026-03-01"}},
            "c",
            "f",
            "2026-03-01",
        ),
    ],
)
def test_a_check_that_failed_is_an_alert_with_its_own_cause_and_fix(
    given: dict[str, Any], cause: str, fix: str, days: str
) -> None:
    assert check_problem(evaluation(passed=False, severity=ERROR, **given), ACME, "1") == Problem(
        key="acme/check/leads.own",
        source="acme",
        what="check leads.own failed",
        cause=cause,
        fix=fix,
        days=days,
        path="/runs/1",
    )


@pytest.mark.parametrize(
    ("tags", "days", "key"),
    [
        ({}, "", "acme/run/own"),
        ({PARTITION: "2026-03-01"}, "2026-03-01", "acme/run"),
        ({RANGE_START: "2026-03-01", RANGE_END: "2026-03-02"}, "2026-03-01 to 2026-03-02", "acme/run"),
        ({DAY_TAG: "2026-03-01...2026-03-02"}, "2026-03-01 to 2026-03-02", "acme/run"),
        ({PARTITION: "retail"}, "retail", "acme/run"),
    ],
)
def test_runs_of_days_are_one_problem_and_others_one_for_each_job(
    tags: dict[str, str], days: str, key: str
) -> None:
    run = dg.DagsterRun("own", tags=tags)
    assert (days_in_words(run), run_key(run, ACME)) == (days, key)
    problem = run_problem(run, ACME, [failure("RUN_EXCEPTION", "no memory")])
    assert problem is not None
    assert (problem.cause, problem.days, problem.path) == ("no memory", days, f"/runs/{run.run_id}")
    assert ("materialise these days again" in problem.fix, "run it again" in problem.fix) == (bool(days), not days)


@pytest.mark.parametrize(
    ("run", "planned", "named"),
    [
        ({"tags": {SOURCE_TAG: "acme"}}, [], ["acme"]),
        ({"job_name": "other_leads"}, [], ["other"]),
        ({"job_name": "acme_capture_retention"}, [], ["acme"]),
        ({"asset_selection": {raw_key(LEADS, OTHER)}}, [raw_key(LEADS, ACME)], ["other"]),
        ({"asset_check_selection": {dg.AssetCheckKey(raw_key(LEADS, ACME), "own")}}, [], ["acme"]),
        ({}, [raw_key(LEADS, ACME), raw_key(LEADS, OTHER)], ["acme", "other"]),
        ({}, [None], []),
    ],
)
def test_a_run_belongs_to_the_sources_of_its_tag_its_job_or_its_assets(
    run: dict[str, Any], planned: list[dg.AssetKey | None], named: list[str]
) -> None:
    records = [
        SimpleNamespace(event_log_entry=SimpleNamespace(dagster_event=SimpleNamespace(asset_key=key)))
        for key in planned
    ]
    records.append(SimpleNamespace(event_log_entry=SimpleNamespace(dagster_event=None)))
    instance: Any = SimpleNamespace(get_records_for_run=lambda *_, **__: SimpleNamespace(records=records))
    found = sources_of_run(dg.DagsterRun(**({"job_name": "own"} | run)), [ACME, OTHER], instance)
    assert [each.subdomain for each in found] == named


@pytest.mark.parametrize(
    ("retries_enabled", "origin", "tags", "retried"),
    [
        (True, "its origin", {}, True),
        (True, "its origin", {WILL_RETRY: "true"}, True),
        (True, "its origin", {WILL_RETRY: "false"}, False),
        (True, None, {}, False),
        (False, "its origin", {}, False),
    ],
)
def test_a_run_that_dagster_starts_again_is_no_alert_yet(
    origin: str | None, tags: dict[str, str], *, retries_enabled: bool, retried: bool
) -> None:
    run: Any = SimpleNamespace(remote_job_origin=origin, tags=tags)
    instance: Any = SimpleNamespace(run_retries_enabled=retries_enabled)
    assert is_retried(run, instance) is retried


@pytest.mark.parametrize(
    ("source_name", "interrupted"), [("INTERRUPT", True), ("USER_CODE_ERROR", False), (None, False)]
)
def test_a_step_that_was_told_to_end_is_not_the_reason_of_its_run(
    source_name: str | None, *, interrupted: bool
) -> None:
    error_source = source_name and SimpleNamespace(name=source_name)
    event: Any = SimpleNamespace(step_failure_data=SimpleNamespace(error_source=error_source))
    assert is_interruption(event) is interrupted


def failure(reason: str | None, message: str = "it failed", *errors: str) -> Any:
    """The event of a failed run, with its errors from the outermost to the innermost."""
    error = None
    for text in reversed(errors):
        error = SimpleNamespace(message=text, cause=error)
    data = SimpleNamespace(error=error, failure_reason=reason and SimpleNamespace(name=reason))
    return SimpleNamespace(event_specific_data=data, job_failure_data=data, message=message)


class Bare:
    """The event of a failed run without data, which Dagster does not let anybody read."""

    event_specific_data = None
    message = "it ended"

    @property
    def job_failure_data(self) -> Any:
        raise AssertionError


@pytest.mark.parametrize(
    ("failures", "tags", "cause"),
    [
        ([failure("STEP_FAILURE")], {}, None),
        ([failure("UNEXPECTED_TERMINATION", "told to end")], {}, "told to end"),
        ([failure("UNEXPECTED_TERMINATION", "told to end", "a signal")], {}, "told to end"),
        ([failure("UNEXPECTED_TERMINATION")], NEVER_RETRIED, None),
        ([failure("RUN_EXCEPTION", "m")], NEVER_RETRIED, "m"),
        ([failure("UNEXPECTED_TERMINATION"), failure("RUN_EXCEPTION", "too long")], {}, "too long"),
        ([failure("RUN_EXCEPTION", "too long"), failure("UNEXPECTED_TERMINATION")], {}, "too long"),
        ([failure("UNEXPECTED_TERMINATION", "a"), failure("UNEXPECTED_TERMINATION", "b")], {}, "b"),
        ([failure("JOB_INITIALIZATION_FAILURE", "m", "outer", "inner")], {}, "inner"),
        ([failure(None, "m")], {}, "m"),
        ([Bare()], {}, "it ended"),
    ],
)
def test_a_failed_run_tells_the_reason_of_the_one_who_ended_it(
    failures: list[Any], tags: dict[str, str], cause: str | None
) -> None:
    """A run whose steps failed is told by its steps, and one that its own command interrupted is none."""
    problem = run_problem(dg.DagsterRun("own", tags=tags), ACME, failures)
    assert (problem and problem.cause) == cause


@pytest.mark.parametrize(
    ("ui_url", "path", "days", "lines"),
    [
        (None, "/runs/1", "", 2),
        ("https://d", "", "", 2),
        ("https://d", "/runs/1", "", 3),
        ("https://d", "/a", "d", 4),
    ],
)
def test_a_message_has_only_the_lines_that_say_something(
    ui_url: str | None, path: str, days: str, lines: int
) -> None:
    problem = Problem("k", "acme", "w", "c", "f", days, path)
    assert len(problem_message(problem, ui_url=ui_url).body.splitlines()) == lines
