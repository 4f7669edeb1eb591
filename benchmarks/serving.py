"""A sandbox in a separate process, so that it does not share an interpreter with the reader.

Its control endpoint changes options and returns statistics.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import requests

from amocrm_assets.cli.sandbox_process import Served, sandbox_process
from benchmarks.sources import SUBDOMAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from amocrm_assets.sandbox import Population

TIMEOUT_SECONDS = 60


class MeasuredSandbox(Served):
    """A sandbox that counts requests."""

    def configure(self, **changes: Any) -> None:
        """Change its options."""
        requests.post(f"{self.url}/sandbox/control", json=changes, timeout=TIMEOUT_SECONDS).raise_for_status()

    def statistics(self, path: str = "/api/") -> dict[str, Any]:
        """Statistics of the requests below `path`: `requests`, `rows`, `by_status`, `most_in_a_second`."""
        response = requests.get(f"{self.url}/sandbox/requests?path={path}", timeout=TIMEOUT_SECONDS)
        measured: dict[str, Any] = response.json()
        return measured

    def refusals(self) -> int:
        """The number of requests that its limit has refused."""
        return int(self.statistics()["refused"])


@contextmanager
def measured_sandbox(populations: Sequence[Population], **options: Any) -> Iterator[MeasuredSandbox]:
    """A sandbox that holds these leads; without other options it has no limit and responds at once."""
    account = {"populations": [asdict(each) for each in populations], "subdomain": SUBDOMAIN}
    with sandbox_process(**account | {"requests_per_second": None} | options) as process:
        served = process.wait()
        yield MeasuredSandbox(served.url, served.token)
