"""A sandbox in a process of its own, so that its work and the reader's do not share one interpreter.

It is changed and asked by its control endpoint, as anybody may.
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
    """A sandbox that counts what it was asked."""

    def configure(self, **changes: Any) -> None:
        """Change its options."""
        requests.post(f"{self.url}/sandbox/control", json=changes, timeout=TIMEOUT_SECONDS).raise_for_status()

    def asked(self, path: str = "/api/") -> dict[str, Any]:
        """What it was asked below `path`: `requests`, `rows`, `by_status`, `most_in_a_second`."""
        response = requests.get(f"{self.url}/sandbox/requests?path={path}", timeout=TIMEOUT_SECONDS)
        measured: dict[str, Any] = response.json()
        return measured

    def refused(self) -> int:
        """How many requests its limit has refused so far."""
        return int(self.asked()["refused"])


@contextmanager
def measured_sandbox(populations: Sequence[Population], **options: Any) -> Iterator[MeasuredSandbox]:
    """A sandbox that holds these leads; without other options it has no limit and responds at once."""
    account = {"populations": [asdict(each) for each in populations], "subdomain": SUBDOMAIN}
    with sandbox_process(**account | {"requests_per_second": None} | options) as process:
        served = process.wait()
        yield MeasuredSandbox(served.url, served.token)
