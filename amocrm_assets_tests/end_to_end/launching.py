"""What a person does in a deployment before the pages have something to show: a day, a month, a failure, a switch.

Everything is launched at once and waited for where it is looked at, since most of the time is the daemon's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from amocrm_assets.entities.loads import LOADS
from amocrm_assets.entities.reference import REFERENCE, REFERENCE_TABLES
from amocrm_assets.sandbox.options import Fault
from amocrm_assets_tests.end_to_end import asking
from amocrm_assets_tests.end_to_end.deployment import ASSETS, DETAILS

if TYPE_CHECKING:
    from amocrm_assets_tests.end_to_end.deployment import Deployment

REFERENCE_ASSETS = (REFERENCE.raw_asset, *(table.asset for table in REFERENCE_TABLES), LOADS.asset)


@dataclass(frozen=True)
class Launched:
    """What was launched in a deployment."""

    day_run: str
    backfill: str
    failed_run: str
    fixed_run: str
    strangers_run: str
    strangers_refused_run: str
    due: str


def launch(deployment: Deployment) -> Launched:
    """Switch a schedule on, backfill a month, materialise yesterday, and see another account fail and fixed."""
    dagster = deployment.dagster
    due = deployment.next_due()
    asking.switch_on(dagster, f"{due}_daily")
    # First, so that the leads find the names of their ids.
    dagster.ended([dagster.materialise([["sandbox", asset] for asset in REFERENCE_ASSETS])])
    backfill = asking.launch_backfill(dagster, assets_of("sandbox", *DETAILS), deployment.month)
    yesterday = deployment.yesterday.isoformat()
    deployment.troubled.configure(faults=(Fault("402"),))
    failed_run = dagster.materialise(assets_of("spring_tea"), day=yesterday)
    day_run = dagster.materialise(assets_of("sandbox", *DETAILS), day=yesterday)
    deployment.strangers.refuses = True
    strangers_refused_run = dagster.materialise([["strangers", "raw_leads"]], day=yesterday)
    dagster.ended([failed_run, strangers_refused_run])
    deployment.troubled.configure(faults=())
    deployment.strangers.refuses = False
    strangers_run = dagster.materialise(assets_of("strangers"), day=yesterday)
    fixed_run = dagster.materialise(assets_of("spring_tea"), day=yesterday)
    return Launched(day_run, backfill, failed_run, fixed_run, strangers_run, strangers_refused_run, due)


def launch_whole(deployment: Deployment) -> None:
    """Load yesterday of the account of which everything is imported, by its job, and wait for it."""
    run = deployment.dagster.materialise([], day=deployment.yesterday.isoformat(), job="autumn_tea_leads")
    deployment.dagster.ended([run])


def assets_of(source: str, *more: str) -> list[list[str]]:
    """Keys of a source's three assets of leads, and of some more."""
    return [[source, asset] for asset in (*ASSETS, *more)]


def wait_for_all(deployment: Deployment, launched: Launched) -> None:
    """Wait until all of it has ended, but for the schedule's tick."""
    asking.runs_of_backfill(deployment.dagster, launched.backfill)
    ended = [launched.day_run, launched.fixed_run, launched.strangers_run, launched.strangers_refused_run]
    deployment.dagster.ended(ended)
