"""What each day of a reading costs: the parts of all days add up to what the client counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from amocrm_assets.crm.pagination.findings import filters_ignored, next_on_last_page
from amocrm_assets.crm.pagination.read_stats import PerDayStats
from amocrm_assets.entities import LEADS

if TYPE_CHECKING:
    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.crm.pagination.findings import Finding
    from amocrm_assets.crm.pagination.readers import Reader


@dataclass
class Stats:
    """The counts of a client that has sent requests before the reading."""

    requests: int = 100
    received_bytes: int = 5_000
    retries: Counter[int] = field(default_factory=lambda: Counter({429: 2}))
    requests_per_second: float = 0.0

    def restart_rate(self) -> None:
        self.requests_per_second = 6.98765


class Reading:
    """A client and a reader, as far as their costs."""

    def __init__(self, *findings: Finding) -> None:
        self.stats = Stats()
        self.counts: dict[str, int] = {}
        self.findings = findings
        self.client = SimpleNamespace(
            stats=self.stats, rate_limit_wait_seconds=0.0, server_clock=SimpleNamespace(difference=-1.6)
        )
        self.per_day = PerDayStats(
            cast("AmoCrmClient", self.client), cast("Reader", SimpleNamespace(progress=self))
        )

    def allocate(self, days: int) -> list[dict[str, Any]]:
        return [dict(each) for each in self.per_day.allocate(days)]


def test_days_that_are_finished_together_share_what_was_counted_since_the_days_before() -> None:
    reading = Reading()
    reading.counts = {"pages": 6, "slices": 1}
    reading.stats.requests += 7
    reading.client.rate_limit_wait_seconds = 1.5
    first = reading.allocate(3)
    reading.counts = {"pages": 8, "slices": 1}
    reading.stats.requests += 6
    reading.stats.received_bytes += 1_001
    reading.stats.retries.update({429: 1, 504: 4})
    second = reading.allocate(2)

    names = ["pages", "slices", "requests", "received_bytes", "rate_limit_wait_seconds", "retries", "retries_429"]
    # Whole numbers are written without a fraction.
    assert [repr(first[2][name]) for name in names] == ["2", "0.333", "2.333", "0", "0.5", "0", "0"]
    assert [repr(second[0][name]) for name in names] == ["1", "0", "3", "500.5", "0", "2.5", "0.5"]
    assert second[1]["retries_504"] == 2
    assert [first[0], first[1]] == [first[2]] * 2
    assert second[0] == second[1]


def test_nothing_is_allocated_to_no_day_and_kept_for_the_next_one() -> None:
    reading = Reading()
    reading.stats.requests += 5
    assert reading.allocate(0) == []
    assert reading.allocate(1)[0]["requests"] == 5


@pytest.mark.parametrize(
    ("findings", "filters_honoured"),
    [
        ((), True),
        ((next_on_last_page(LEADS.live),), True),
        ((next_on_last_page(LEADS.live), filters_ignored(LEADS.live)), False),
    ],
)
def test_each_day_has_the_findings_and_the_pace_of_the_reading(
    findings: tuple[Finding, ...], *, filters_honoured: bool
) -> None:
    (day,) = Reading(*findings).allocate(1)
    assert (day["findings"], day["filters_honoured"]) == (findings, filters_honoured)
    assert (day["requests_per_second"], day["clock_difference_seconds"]) == (6.99, -2)
