"""Webserver and daemon, from amoCRM to the warehouse: what people start in the UI, started by the same GraphQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.warehouse import open_warehouse
from amocrm_assets_tests.end_to_end import asking
from amocrm_assets_tests.end_to_end.deployment import ASSETS, ZONE
from amocrm_assets_tests.end_to_end.launching import Launched, wait_for_all

if TYPE_CHECKING:
    from datetime import date

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets_tests.end_to_end.deployment import Deployment

# One deployment serves them all, so one process runs them all.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("end_to_end"), pytest.mark.timeout(600)]


def leads_of(sandbox: Sandbox, day: date) -> set[int]:
    """The leads that were last updated on a day, by the account itself."""
    start = datetime(day.year, day.month, day.day, tzinfo=ZONE)
    bounds = int(start.timestamp()), int((start + timedelta(days=1)).timestamp()) - 1
    return {lead for deleted in (False, True) for lead in sandbox.account.stamps(*bounds, deleted=deleted)}


def test_a_day_goes_from_amocrm_to_the_warehouse(deployment: Deployment, launched: Launched) -> None:
    assert asking.run_ended(deployment.dagster, launched.day_run) == "SUCCESS", deployment.dagster.log()
    day = deployment.yesterday
    shard = open_warehouse(deployment.warehouse).read(LEADS.table, "sandbox", [day])
    # The account lives on: leads that were edited since the reading are in the shard only.
    assert leads_of(deployment.sound, day) <= set(shard["id"])
    assert len(shard) > 0
    for asset in ASSETS:
        shown = asking.partitions_of(deployment.dagster, ["sandbox", asset]).metadata[day.isoformat()]
        assert shown["dagster/partition_row_count"] == str(len(shard))


def test_a_month_is_backfilled_as_one_run_with_metadata_for_each_day(
    deployment: Deployment, launched: Launched
) -> None:
    runs = asking.runs_of_backfill(deployment.dagster, launched.backfill)
    assert [run.status for run in runs] == ["SUCCESS"], deployment.dagster.log()
    shards = open_warehouse(deployment.warehouse).shard_days(LEADS.table, "sandbox")
    for asset in ASSETS:
        partitions = asking.partitions_of(deployment.dagster, ["sandbox", asset])
        shown = {day: metadata["dagster/partition_row_count"] for day, metadata in partitions.metadata.items()}
        assert [shown[day.isoformat()] for day in deployment.month] == [
            str(shards[day]) for day in deployment.month
        ]
        assert partitions.failed == 0


def test_a_schedule_that_is_switched_on_materialises_the_days_that_have_ended(
    deployment: Deployment, launched: Launched
) -> None:
    runs = deployment.dagster.ended(asking.runs_of_tick(deployment.dagster, f"{launched.due}_daily"))
    assert {run.status for run in runs} == {"SUCCESS"}, deployment.dagster.log()
    # Its sources begin yesterday: one day, or two if midnight has passed since, which are one run.
    (run,) = runs
    days = set(run.tags["amocrm/day"].split("..."))
    assert deployment.yesterday.isoformat() in days
    shards = open_warehouse(deployment.warehouse).shard_days(LEADS.table, launched.due.replace("_", "-"))
    assert {day.isoformat() for day in shards} == days


def test_a_day_that_failed_names_the_cause_and_the_fix(deployment: Deployment, launched: Launched) -> None:
    assert asking.run_ended(deployment.dagster, launched.failed_run) == "FAILURE"
    description, metadata = asking.failure_of(deployment.dagster, launched.failed_run)
    assert "402" in description
    assert metadata["fix"] in description
    assert metadata["unfinished_days"] == deployment.yesterday.isoformat()


def test_the_day_succeeds_once_the_cause_is_fixed(deployment: Deployment, launched: Launched) -> None:
    assert asking.run_ended(deployment.dagster, launched.fixed_run) == "SUCCESS", deployment.dagster.log()
    partitions = asking.partitions_of(deployment.dagster, ["spring_tea", "amoCrmLeads"])
    assert partitions.materialised == 1
    assert partitions.failed == 0


def test_checks_that_fail_say_what_to_change(deployment: Deployment, launched: Launched) -> None:
    assert asking.run_ended(deployment.dagster, launched.fixed_run) == "SUCCESS", deployment.dagster.log()
    zone = asking.verdicts_of(deployment.dagster, ["spring_tea", "raw_leads"])["timezone"]
    assert not zone.passed
    assert zone.severity == "WARN"
    assert "Asia/Yekaterinburg" in str(zone.description)
    assert "`timezone`" in str(zone.description)
    fields = asking.verdicts_of(deployment.dagster, ["spring_tea", "leads"])["custom_fields_exist"]
    assert not fields.passed
    assert "`leads_custom_fields`" in str(fields.description)


def test_checks_of_a_sound_account_pass(deployment: Deployment, launched: Launched) -> None:
    assert asking.run_ended(deployment.dagster, launched.day_run) == "SUCCESS", deployment.dagster.log()
    for asset in ASSETS:
        verdicts = asking.verdicts_of(deployment.dagster, ["sandbox", asset])
        assert verdicts
        assert all(verdict.passed for verdict in verdicts.values()), verdicts


def test_nothing_warns_while_it_loads_and_runs(deployment: Deployment, launched: Launched) -> None:
    wait_for_all(deployment, launched)
    assert deployment.dagster.warnings() == []
