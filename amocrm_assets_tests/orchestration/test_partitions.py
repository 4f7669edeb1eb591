"""The days of a run by its tags. For the days that have ended see `test_automation`."""

from __future__ import annotations

from datetime import date

import dagster as dg
import pytest

from amocrm_assets.orchestration.names import PARTITION, RANGE_END, RANGE_START
from amocrm_assets.orchestration.partitions import days_of_run, partition_keys_of_run

FIRST, LAST = "2026-03-01", "2026-03-03"


@pytest.mark.parametrize(
    ("tags", "keys", "are_days"),
    [
        ({}, None, True),
        ({PARTITION: FIRST}, (FIRST, FIRST), True),
        ({RANGE_START: FIRST, RANGE_END: LAST}, (FIRST, LAST), True),
        ({RANGE_START: FIRST}, None, True),
        ({RANGE_END: LAST}, None, True),
        ({PARTITION: "retail"}, ("retail", "retail"), False),
        ({PARTITION: "2026-03-01-14:00"}, ("2026-03-01-14:00", "2026-03-01-14:00"), False),
        ({PARTITION: "2026-03-01|retail"}, ("2026-03-01|retail", "2026-03-01|retail"), False),
        ({RANGE_START: FIRST, RANGE_END: "retail"}, (FIRST, "retail"), False),
    ],
)
def test_a_run_is_about_the_days_of_its_tags(
    tags: dict[str, str], keys: tuple[str, str] | None, *, are_days: bool
) -> None:
    """A user's own job may run a check beside assets whose partitions are no days: it looks at every day then."""
    run = dg.DagsterRun("own", tags=tags)
    days = (date.fromisoformat(keys[0]), date.fromisoformat(keys[1])) if keys and are_days else None
    assert partition_keys_of_run(run) == keys
    assert days_of_run(run) == days
