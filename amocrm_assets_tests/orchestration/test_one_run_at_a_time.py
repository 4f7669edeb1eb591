"""With the real daemon: runs of one account go one after another, runs of different accounts side by side."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.sandbox import SandboxOptions, running_sandbox
from amocrm_assets_tests.orchestration.dagster_process import running_dagster
from amocrm_assets_tests.orchestration.sources import TOKEN_VARIABLE, attributes_of, write_source

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

DAYS = ["2025-03-08", "2025-03-09", "2025-03-10"]


@pytest.mark.timeout(900)
def test_three_runs_of_one_account_go_one_after_another_while_another_account_goes_on(tmp_path: Path) -> None:
    options = SandboxOptions(subdomain="busy", leads_per_day=5, requests_per_second=None)
    released = threading.Event()
    with running_sandbox(options) as busy, running_sandbox(replace(options, subdomain="other")) as other:
        write_source(tmp_path / "sources", "busy", attributes_of(busy, subdomain="busy", start_date="2025-03-01"))
        write_source(
            tmp_path / "sources", "other", attributes_of(other, subdomain="other", start_date="2025-03-01")
        )
        environment = {
            TOKEN_VARIABLE: busy.token,
            "AMOCRM_STORAGE": str(tmp_path / "data"),
            "AMOCRM_WAREHOUSE": f"duckdb:///{tmp_path}/warehouse.duckdb",
        }
        busy.after_answer = lambda: released.wait(600)
        with running_dagster(tmp_path, environment) as dagster:
            first = dagster.materialise([["busy", "raw_leads"]], day=DAYS[0])
            passing = dagster.materialise([["other", "raw_leads"]], day=DAYS[0])
            waiting = [first, *(dagster.materialise([["busy", "raw_leads"]], day=day) for day in DAYS[1:])]

            (passed,) = dagster.ended([passing])
            assert passed.status == "SUCCESS", dagster.log()
            # The others have had their chance: they wait in the queue, or before their step.
            dagster.settled(waiting)
            assert all(run.ended_at is None for run in dagster.runs() if run.run_id in waiting)

            released.set()
            ended = dagster.ended(waiting)
            assert [run.status for run in ended] == ["SUCCESS"] * 3, dagster.log()
            asking = sorted(dagster.step_times(run_id) for run_id in waiting)
            assert all(first_end <= second_start for (_, first_end), (second_start, _) in pairwise(asking))
