"""How much of amoCRM's limit a read uses, and how many requests it takes.

The sandbox, in a separate process, enforces the limit of 7 requests a second; records are written to
captures, as usual. Run it: `python -m benchmarks reading`.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

from amocrm_assets.capturing import capture_days
from amocrm_assets.crm.authorisation import open_authorisation
from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.crm.pagination import PAGE_LIMIT
from amocrm_assets.days import day_window
from amocrm_assets.entities import LEADS
from amocrm_assets.sandbox import Population
from amocrm_assets.settings import Deployment, SourceSettings
from amocrm_assets.storage import open_storage
from benchmarks.measuring import Figure, apart, at_least, at_most
from benchmarks.serving import measured_sandbox
from benchmarks.sources import source_of

if TYPE_CHECKING:
    from collections.abc import Iterator

YEAR = 365
DAY = date(2025, 6, 2)
LIMIT = 7
# A read of fewer takes seconds, so its first and last responses dominate the used share of the limit.
ENOUGH_REQUESTS = 100


@dataclass(frozen=True)
class Case:
    """An account, the days to read, and the response time."""

    name: str
    days: int
    populations: tuple[Population, ...]
    latency_seconds: float

    @property
    def leads(self) -> int:
        """Live and deleted."""
        return sum(each.leads for each in self.populations)

    @property
    def least_requests(self) -> int:
        """The account, its custom fields, and full pages of each of the two lists."""
        lists = (
            sum(each.leads for each in self.populations if each.deleted == deleted) for deleted in (False, True)
        )
        return 2 + sum(max(1, ceil(leads / PAGE_LIMIT)) for leads in lists)


def measure_figures(*, quick: bool) -> Iterator[Figure]:
    """Figures of all cases."""
    for case in _cases(quick=quick):
        yield from _figures(case)


def _cases(*, quick: bool) -> Iterator[Case]:
    busy = over(1, 3_000 if quick else 30_000)
    quiet = over(YEAR, 20 * YEAR)
    for latency in (0.2,) if quick else (0.05, 0.2, 0.8):
        ms = f"{latency * 1000:.0f} ms"
        yield Case(f"busy day, {ms}", 1, (busy,), latency)
        yield Case(f"busy day, 5 % deleted, {ms}", 1, (busy, over(1, busy.leads // 20, deleted=True)), latency)
        yield Case(f"quiet year, {ms}", YEAR, (quiet,), latency)
        if not quick:
            yield Case(f"quiet year, 5 % deleted, {ms}", YEAR, (quiet, over(YEAR, YEAR, deleted=True)), latency)
            yield Case(f"year with an import, {ms}", YEAR, (quiet, *_import()), latency)
            yield Case(
                f"year with an import, 5 % deleted, {ms}",
                YEAR,
                (quiet, *_import(), over(YEAR, 10_000, deleted=True)),
                latency,
            )


def over(days: int, leads: int, *, deleted: bool = False) -> Population:
    zone = source_of("http://127.0.0.1").zone
    first, last = day_window(DAY, zone), day_window(DAY + timedelta(days=days - 1), zone)
    return Population(leads=leads, updated_from=first.from_at, updated_to=last.to_at, deleted=deleted)


def _import() -> tuple[Population, Population]:
    """200,000 leads within an hour, of which 20,000 in one second."""
    noon = day_window(DAY + timedelta(days=100), source_of("http://127.0.0.1").zone).from_at + 43_200
    tied = Population(leads=20_000, updated_from=noon + 1_800, updated_to=noon + 1_800)
    return Population(leads=180_000, updated_from=noon, updated_to=noon + 3_599), tied


def _figures(case: Case) -> Iterator[Figure]:
    name = f"reading: {case.name}"
    options = {"requests_per_second": LIMIT, "latency_seconds": case.latency_seconds}
    with measured_sandbox(case.populations, **options) as sandbox:
        measured, cost = apart(read, sandbox.url, sandbox.token, case.days)
        requests = sandbox.statistics()
    if measured["leads"] != case.leads:
        raise RuntimeError(f"{name}: {measured['leads']} of {case.leads} leads")
    least = case.least_requests
    rate, ratio = measured["requests_per_second"], measured["requests"] / least
    yield at_most(name, "refusals (429)", requests["by_status"].get("429", 0), wanted=0)
    if least >= ENOUGH_REQUESTS:
        yield at_least(name, "requests a second", rate, wanted=0.95 * LIMIT)
    else:
        yield Figure(name, "requests a second", rate)
    if case.days == 1:
        yield at_most(name, "requests divided by the minimum", ratio, wanted=1.05)
    else:
        yield Figure(name, "requests divided by the minimum", ratio)
    yield Figure(name, "requests", measured["requests"], f"for {case.leads} leads, minimum {least}")
    yield Figure(name, "wall time", cost.seconds, "s")
    yield Figure(name, "wall time in addition to the limit's", cost.seconds - measured["requests"] / LIMIT, "s")
    yield Figure(name, "CPU time of the reader", cost.cpu_seconds, "s")
    yield Figure(name, "peak memory", cost.peak_megabytes, "MB")


def read(url: str, token: str, days: int, proxy: str | None = None) -> dict[str, Any]:
    """Capture days from DAY on; changes the environment of its process. `proxy` is the address of one."""
    if proxy:
        os.environ["HTTP_PROXY"] = proxy
    source: SourceSettings = source_of(url, token=token)
    with tempfile.TemporaryDirectory() as folder:
        storage = open_storage(folder)
        authorisation = open_authorisation(source, Deployment(storage=folder))
        with AmoCrmClient(url, authorisation, requests_per_second=LIMIT) as client:
            wanted = [DAY + timedelta(days=number) for number in range(days)]
            leads = sum(
                day.capture.records for day in capture_days(LEADS, source, wanted, client=client, storage=storage)
            )
            return {
                "leads": leads,
                "requests": client.stats.requests,
                "requests_per_second": client.stats.requests_per_second,
                "answers_per_second": client.stats.requests_per_second
                * (1 - client.stats.retries.total() / client.stats.requests),
            }
