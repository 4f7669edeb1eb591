"""Finds problems: in runs that have ended since the last evaluation, in missing shards, and in authorisations.

Nothing is sent or stored here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import dagster as dg
from dagster import DagsterEventType

from amocrm_assets.errors import AmoCrmAssetsError
from amocrm_assets.orchestration.alerts.failed_checks import check_key, check_problem
from amocrm_assets.orchestration.alerts.failed_runs import (
    is_interruption,
    is_retried,
    run_key,
    run_problem,
    sources_of_run,
)
from amocrm_assets.orchestration.alerts.problem import Problem
from amocrm_assets.orchestration.assets import asset_keys, raw_key, shards_key
from amocrm_assets.orchestration.automation import LATE_AFTER, THERE, day_states
from amocrm_assets.orchestration.failures import in_words
from amocrm_assets.orchestration.source_entities import imported, scheduled, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from amocrm_assets.orchestration.resources import AmoCrmDeployment
    from amocrm_assets.settings import SourceSettings

ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
TELLING = {
    DagsterEventType.STEP_SUCCESS,
    DagsterEventType.STEP_FAILURE,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.ASSET_CHECK_EVALUATION,
}
# Ends the keys of problems with settings, after the source's name.
SETTINGS_KEY = "/settings"
# Runs per evaluation; further ones are handled by the next evaluation.
MAX_RUNS = 500


@dataclass
class Found:
    """Problems by key, and keys of resolved problems."""

    problems: dict[str, Problem] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)

    def bad(self, problem: Problem) -> None:
        """Add a problem."""
        self.over.discard(problem.key)
        self.problems[problem.key] = problem

    def note(self, key: str, problem: Problem | None) -> None:
        """Add a problem; None marks one of this key as resolved."""
        if problem is None:
            self.good(key)
        else:
            self.bad(problem)

    def good(self, key: str) -> None:
        """Mark a problem of this key, if there was one, as resolved."""
        self.problems.pop(key, None)
        self.over.add(key)


def asset_path(key: dg.AssetKey) -> str:
    """The page of an asset in Dagster's UI."""
    return "/assets/" + "/".join(quote(part, safe="") for part in key.path)


def ended_runs(instance: dg.DagsterInstance, *, since: float) -> Sequence[dg.RunRecord]:
    """Runs that ended after a time, in Unix seconds, the least recently updated first."""
    after = dg.RunsFilter(statuses=ENDED, updated_after=datetime.fromtimestamp(since, UTC))
    records = instance.get_run_records(after, limit=MAX_RUNS, order_by="update_timestamp", ascending=True)
    return [record for record in records if record.update_timestamp.timestamp() > since]


def find_in_run(
    found: Found, record: dg.RunRecord, instance: dg.DagsterInstance, sources: Iterable[SourceSettings]
) -> None:
    """The problems of the sources whose steps and checks are in one run.

    Steps that failed for one cause are one problem: an expired token fails every step that sends requests.
    """
    run = record.dagster_run
    failed: list[tuple[str, Problem]] = []
    failures: list[dg.DagsterEvent] = []
    keyed = {source.key: source for source in sources}
    concerned = {source.key: source for source in sources_of_run(run, keyed.values(), instance)}
    for entry in instance.get_records_for_run(run.run_id, of_type=TELLING).records:
        event = entry.event_log_entry.dagster_event
        if event and event.is_run_failure:
            failures.append(event)
        source = _source_of(event, keyed) if event else None
        if event is None or source is None:
            continue
        concerned[source.key] = source
        if event.event_type is DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            found.note(check_key(evaluation, source), check_problem(evaluation, source, run.run_id))
        elif event.is_step_failure and not is_interruption(event):
            failed.append((_step_name(event, source), _step_problem(event, source, run.run_id)))
        elif not event.is_step_failure:
            found.good(_step_key(event, source))
    for problem in _by_cause(failed):
        found.bad(problem)
    with_failed_steps = {problem.source for _, problem in failed}
    others = [each for each in concerned.values() if each.subdomain not in with_failed_steps]
    _assess_run(found, run, others, failures, instance)


def _assess_run(
    found: Found,
    run: dg.DagsterRun,
    sources: Iterable[SourceSettings],
    failures: Sequence[dg.DagsterEvent],
    instance: dg.DagsterInstance,
) -> None:
    """The end of a run, for sources without a failed step. A run that Dagster starts again is no problem yet."""
    if run.status is dg.DagsterRunStatus.SUCCESS:
        for source in sources:
            found.good(run_key(run, source))
    elif failures and not is_retried(run, instance):
        for source in sources:
            if problem := run_problem(run, source, failures):
                # Several runs fail together when their machine stops.
                before = found.problems.get(problem.key)
                days = dict.fromkeys([*(before.days.split(", ") if before else ()), problem.days])
                found.bad(replace(problem, days=", ".join(each for each in days if each)))


def _by_cause(failed: Iterable[tuple[str, Problem]]) -> Iterator[Problem]:
    """One problem for the steps of a source that have cause and fix in common, under the key of the first."""
    groups: dict[tuple[str, str, str], list[tuple[str, Problem]]] = {}
    for name, problem in failed:
        groups.setdefault((problem.source, problem.cause, problem.fix), []).append((name, problem))
    for group in groups.values():
        days = next((problem.days for _, problem in group if problem.days), "")
        yield replace(group[0][1], what=f"{', '.join(name for name, _ in group)} failed", days=days)


def _source_of(event: dg.DagsterEvent, keyed: Mapping[str, SourceSettings]) -> SourceSettings | None:
    """The source that a step belongs to; keys of sources may hold what parts key and name, `__`.

    A check that is a step of its own is named after its asset, which a translation may have renamed.
    """
    step = str(event.step_key)
    owners = {
        prefix: source
        for source in keyed.values()
        for prefix in (
            f"{source.key}__",
            *map(dg.AssetKey.to_python_identifier, asset_keys(source, shown(source))),
        )
        if step.startswith(prefix)
    }
    return owners[max(owners, key=len)] if owners else None


def _step_name(event: dg.DagsterEvent, source: SourceSettings) -> str:
    return str(event.step_key).removeprefix(f"{source.key}__")


def _step_key(event: dg.DagsterEvent, source: SourceSettings) -> str:
    return f"{source.subdomain}/step/{_step_name(event, source)}"


def _step_problem(event: dg.DagsterEvent, source: SourceSettings, run_id: str) -> Problem:
    failure = event.step_failure_data
    metadata = failure.user_failure_data.metadata if failure.user_failure_data else {}
    texts = {name: str(value.value) for name, value in metadata.items()}
    error = failure.error
    while error and error.cause:
        error = error.cause
    return Problem(
        key=_step_key(event, source),
        source=source.subdomain,
        what=f"{_step_name(event, source)} failed",
        cause=texts.get("cause") or (error.message if error else str(event.message)),
        fix=texts.get("fix") or "See the run's log, and report it if that does not help.",
        days=texts.get("unfinished_days", ""),
        path=f"/runs/{run_id}",
    )


def find_in_shards(found: Found, source: SourceSettings, instance: dg.DagsterInstance, *, now: datetime) -> None:
    """Whether recent days are missing after their deadline."""
    key = f"{source.subdomain}/late"
    tables = [table for entity in imported(source) for table in entity.tables]
    if not (source.schedule.enabled and tables):
        found.good(key)
        return
    due = now - LATE_AFTER - timedelta(hours=source.schedule.hour, minutes=source.schedule.minute)
    late_by_table = {table: _late_days(instance, source, shards_key(table, source), due) for table in tables}
    late = sorted(set().union(*late_by_table.values()))
    if not late:
        found.good(key)
        return
    late_table = next(table for table, days in late_by_table.items() if days)
    found.bad(
        Problem(
            key=key,
            source=source.subdomain,
            what="days are late",
            cause=f"{len(late)} of the last days have no shard, and no run is in progress for them.",
            fix="Check that Dagster's daemon runs and the source's schedule is on, then materialise the days.",
            days=in_words(late),
            path=f"{asset_path(shards_key(late_table, source))}?view=partitions",
        )
    )


def _late_days(
    instance: dg.DagsterInstance, source: SourceSettings, asset: dg.AssetKey, due: datetime
) -> list[date]:
    states = day_states(instance, source, asset, at=due)
    return [day for day, state in states.items() if state not in THERE]


def find_in_settings(found: Found, wrong: Iterable[Problem], *, known: Iterable[str]) -> None:
    """Sources that cannot be loaded now, and those that can be again; `known` are keys of problems sent before."""
    for key in known:
        if key.endswith(SETTINGS_KEY):
            found.good(key)
    for problem in wrong:
        found.bad(problem)


def find_in_authorisation(
    found: Found, source: SourceSettings, deployment: AmoCrmDeployment, *, now: datetime
) -> None:
    """Whether the authorisation must be renewed manually soon, or there is no token."""
    from amocrm_assets.crm.authorisation import expiry_warning
    from amocrm_assets.crm.http.error_context import renewal

    key = f"{source.subdomain}/authorisation"
    try:
        warning, fix = expiry_warning(deployment.expires_at(source), now=now.timestamp()), renewal(source)
    except AmoCrmAssetsError as error:  # reported like any other problem
        warning, fix = f"{error.operation}: {error.cause}", error.fix
    if warning is None:
        found.good(key)
        return
    found.bad(
        Problem(
            key=key,
            source=source.subdomain,
            what="the authorisation must be renewed",
            cause=warning,
            fix=fix,
            path=asset_path(raw_key(scheduled(source)[0], source)),
        )
    )
