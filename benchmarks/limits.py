"""How much of amoCRM's limit a read uses on networks with jitter, for each kind of limit.

Each cell of the matrix is a busy day, read by the product and then by two simple clients (`peers`) of the same
account. Run it: `python -m benchmarks limits`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from amocrm_assets_tests.crm.http.proxy import running_proxy
from benchmarks.measuring import Figure, apart, at_least, at_most
from benchmarks.peers import sequential, six_threads
from benchmarks.reading import LIMIT, over, read
from benchmarks.serving import measured_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = ("sliding", "fixed", "bucket:1", "bucket:3", "bucket:7")
JITTERS_MS = (0, 30, 100, 300)
LATENCIES_MS = (50, 200, 800)
MAX_REFUSALS = 3
# Enough to measure a rate, since the simple clients do not adapt.
SIX_THREADS_PAGES, SEQUENTIAL_PAGES = 24, 8


@dataclass(frozen=True)
class Cell:
    """One network, one kind of limit, and an account of so many leads."""

    kind: str
    jitter_ms: int
    latency_ms: int
    leads: int

    @property
    def name(self) -> str:
        return f"limit: {self.kind}, jitter {self.jitter_ms} ms, {self.latency_ms} ms a response"

    @property
    def options(self) -> dict[str, Any]:
        return {
            "requests_per_second": LIMIT,
            "limit_kind": self.kind,
            "jitter_seconds": self.jitter_ms / 1000,
            "latency_seconds": self.latency_ms / 1000,
            "block_after": None,
        }


def measure_figures(*, quick: bool) -> Iterator[Figure]:
    """Figures of all cells, and of a read through a proxy."""
    leads = 5_000 if quick else 30_000
    kinds, jitters, latencies = (("sliding",), (0, 100), (200,)) if quick else (KINDS, JITTERS_MS, LATENCIES_MS)
    for kind, jitter_ms, latency_ms in product(kinds, jitters, latencies):
        yield from _figures(Cell(kind, jitter_ms, latency_ms, leads))
    for latency_ms in latencies:
        yield from _proxied(Cell("sliding", 0, latency_ms, leads))


def _figures(cell: Cell) -> Iterator[Figure]:
    with measured_sandbox([over(1, cell.leads)], **cell.options) as sandbox:
        measured, _ = apart(read, sandbox.url, sandbox.token, 1)
        refusals = sandbox.refusals()
        yield _use_of_limit(cell, measured)
        yield at_most(cell.name, "refusals (429)", refusals, wanted=MAX_REFUSALS if cell.jitter_ms else 0)
        six, _ = apart(six_threads, sandbox.url, sandbox.token, SIX_THREADS_PAGES)
        yield Figure(cell.name, "six threads: requests a second", six.pages_per_second, f"{six.refusals} refused")
        if cell.kind == KINDS[0]:  # slow enough for every kind of limit
            one, _ = apart(sequential, sandbox.url, sandbox.token, SEQUENTIAL_PAGES)
            yield Figure(
                cell.name, "sequential: requests a second", one.pages_per_second, f"{one.refusals} refused"
            )


def _use_of_limit(cell: Cell, measured: dict[str, Any]) -> Figure:
    rate = measured["answers_per_second"]
    if not cell.jitter_ms:
        return at_least(cell.name, "requests a second", rate, wanted=0.95 * LIMIT)
    if cell.kind == "bucket:1":
        safe = 1 / (1 / LIMIT + cell.jitter_ms / 1000)
        return Figure(cell.name, "requests a second", rate, f"safe: {safe:.2f}")
    return at_least(cell.name, "requests a second", rate, wanted=0.93 * LIMIT / (1 + cell.jitter_ms / 1000))


def _proxied(cell: Cell) -> Iterator[Figure]:
    name = f"limit: through a proxy, {cell.latency_ms} ms a response"
    with measured_sandbox([over(1, cell.leads)], **cell.options) as sandbox, running_proxy() as (proxy, _):
        measured, _ = apart(read, sandbox.url, sandbox.token, 1, proxy)
        yield at_least(name, "requests a second", measured["answers_per_second"], wanted=0.95 * LIMIT)
        yield at_most(name, "refusals (429)", sandbox.refusals(), wanted=0)
