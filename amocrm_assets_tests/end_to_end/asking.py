"""What the UI asks and tells Dagster's webserver, by the same GraphQL: backfills, schedules, checks, failures.

Launching runs and waiting for them: see `orchestration.dagster_process`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from amocrm_assets_tests.orchestration.dagster_process import ENDED, LOCATION_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from amocrm_assets_tests.orchestration.dagster_process import Dagster, Run

T = TypeVar("T")
REPOSITORY = {"repositoryLocationName": LOCATION_NAME, "repositoryName": "__repository__"}

BACKFILL = """
mutation Backfill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
BACKFILL_STATUS = """
query Status($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status numPartitions } }
}
"""
START_SCHEDULE = """
mutation Start($selector: ScheduleSelector!) {
  startSchedule(scheduleSelector: $selector) {
    __typename
    ... on ScheduleStateResult { scheduleState { status } }
    ... on PythonError { message }
  }
}
"""
TICKS = """
query Ticks($selector: ScheduleSelector!) {
  scheduleOrError(scheduleSelector: $selector) {
    ... on Schedule { scheduleState { status ticks { status runIds error { message } } } }
  }
}
"""
PARTITIONS = """
query Partitions($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode {
      partitionStats { numMaterialized numFailed numPartitions }
      assetMaterializations(limit: 200) {
        partition
        metadataEntries {
          label
          ... on IntMetadataEntry { intRepr }
          ... on FloatMetadataEntry { floatValue }
          ... on TextMetadataEntry { text }
          ... on MarkdownMetadataEntry { mdStr }
        }
      }
    }
  }
}
"""
CHECKS = """
query Checks($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode {
      assetChecksOrError {
        ... on AssetChecks {
          checks { name executionForLatestMaterialization { evaluation { success severity description } } }
        }
      }
    }
  }
}
"""
TERMINATE = """
mutation Terminate($id: String!) {
  terminateRun(runId: $id, terminatePolicy: MARK_AS_CANCELED_IMMEDIATELY) { __typename }
}
"""
POOLS = "query Pools { instance { concurrencyLimits { concurrencyKey activeSlotCount pendingStepCount } } }"
FAILURE = """
query Failure($id: ID!) {
  logsForRun(runId: $id) {
    ... on EventConnection {
      events {
        ... on ExecutionStepFailureEvent {
          failureMetadata { description metadataEntries { label ... on TextMetadataEntry { text } } }
        }
      }
    }
  }
}
"""


@dataclass(frozen=True)
class Partitions:
    """How many partitions of an asset are there, and the newest metadata of each."""

    materialised: int
    failed: int
    metadata: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Verdict:
    """What a check said of the latest materialisation."""

    passed: bool
    severity: str
    description: str | None


def launch_backfill(dagster: Dagster, assets: Sequence[Sequence[str]], days: Sequence[date]) -> str:
    """Do what "Launch backfill" does for a range; returns the backfill's id."""
    params = {
        "assetSelection": [{"path": list(path)} for path in assets],
        "partitionNames": [day.isoformat() for day in days],
    }
    launched = dagster.ask(BACKFILL, params=params)["launchPartitionBackfill"]
    backfill: str = launched["backfillId"]
    return backfill


def runs_of_backfill(dagster: Dagster, backfill: str) -> list[Run]:
    """The runs that a backfill has launched, once it has and they have ended."""

    def launched() -> list[str] | None:
        return [run.run_id for run in dagster.runs() if run.tags.get("dagster/backfill") == backfill] or None

    return dagster.ended(once(launched, what=f"the runs of backfill {backfill}"))


def ended_backfill(dagster: Dagster, backfill: str) -> str:
    """The status of a backfill once it has ended; the daemon looks every 30 seconds."""

    def status() -> str | None:
        found = dagster.ask(BACKFILL_STATUS, id=backfill)["partitionBackfillOrError"]["status"]
        return str(found) if found.startswith(("COMPLETED", "CANCELED", "FAILED")) else None

    return once(status, what=f"the end of backfill {backfill}")


def switch_on(dagster: Dagster, schedule: str) -> None:
    """Click the switch of a schedule."""
    started = dagster.ask(START_SCHEDULE, selector={**REPOSITORY, "scheduleName": schedule})["startSchedule"]
    assert started["scheduleState"]["status"] == "RUNNING"


def runs_of_tick(dagster: Dagster, schedule: str) -> list[str]:
    """The runs that the first tick of a schedule has launched, once it has."""

    def launched() -> list[str] | None:
        found = dagster.ask(TICKS, selector={**REPOSITORY, "scheduleName": schedule})["scheduleOrError"]
        ticks = found["scheduleState"]["ticks"]
        assert not any(tick["error"] for tick in ticks), ticks
        return next((list(tick["runIds"]) for tick in ticks if tick["status"] == "SUCCESS"), None)

    return once(launched, what=f"a tick of {schedule}")


def partitions_of(dagster: Dagster, asset: Sequence[str]) -> Partitions:
    """What the asset's page shows of its partitions."""
    node = dagster.ask(PARTITIONS, key={"path": list(asset)})["assetNodeOrError"]
    metadata: dict[str, dict[str, Any]] = {}
    for event in node["assetMaterializations"]:  # newest first
        metadata.setdefault(event["partition"], _values(event["metadataEntries"]))
    return Partitions(node["partitionStats"]["numMaterialized"], node["partitionStats"]["numFailed"], metadata)


def verdicts_of(dagster: Dagster, asset: Sequence[str]) -> dict[str, Verdict]:
    """What the checks of an asset said last."""
    node = dagster.ask(CHECKS, key={"path": list(asset)})["assetNodeOrError"]
    checks = node["assetChecksOrError"]["checks"]
    executions = {check["name"]: check["executionForLatestMaterialization"] for check in checks}
    return {
        name: Verdict(
            execution["evaluation"]["success"],
            execution["evaluation"]["severity"],
            execution["evaluation"]["description"],
        )
        for name, execution in executions.items()
        if execution and execution["evaluation"]
    }


def force_termination(dagster: Dagster, run_id: str) -> None:
    """Do what "Terminate" does with "Force termination immediately"."""
    assert dagster.ask(TERMINATE, id=run_id)["terminateRun"]["__typename"] == "TerminateRunSuccess"


def pools(dagster: Dagster) -> dict[str, int]:
    """How many steps are in each pool, or wait for it."""
    shown = dagster.ask(POOLS)["instance"]["concurrencyLimits"]
    return {pool["concurrencyKey"]: pool["activeSlotCount"] + pool["pendingStepCount"] for pool in shown}


def failure_of(dagster: Dagster, run_id: str) -> tuple[str, dict[str, Any]]:
    """What the failed step of a run says: its description and its metadata."""
    events = dagster.ask(FAILURE, id=run_id)["logsForRun"]["events"]
    (failure,) = [event["failureMetadata"] for event in events if event.get("failureMetadata")]
    return failure["description"], _values(failure["metadataEntries"])


def run_ended(dagster: Dagster, run_id: str) -> str:
    """The status of a run, once it has ended."""
    (run,) = dagster.ended([run_id])
    assert run.status in ENDED
    return run.status


def once(look: Callable[[], T | None], *, what: str, seconds: float = 180.0) -> T:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.5)
    raise AssertionError(f"waited {seconds} s for {what}")


def _values(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    kinds = ("intRepr", "floatValue", "text", "mdStr")
    return {entry["label"]: next((entry[kind] for kind in kinds if kind in entry), None) for entry in entries}
