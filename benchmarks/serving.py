"""A sandbox in a process of its own, so that its work and the reader's do not share one interpreter.

It is started by its command and asked by its control endpoint, as anybody may.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import requests

from benchmarks.sources import SUBDOMAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from amocrm_assets.sandbox import Population

TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Served:
    """A running sandbox."""

    url: str
    token: str

    def configure(self, **changes: Any) -> None:
        """Change its options."""
        requests.post(f"{self.url}/sandbox/control", json=changes, timeout=TIMEOUT_SECONDS).raise_for_status()

    def asked(self, path: str = "/api/") -> dict[str, Any]:
        """What it was asked below `path`: `requests`, `rows`, `by_status`, `most_in_a_second`."""
        answer = requests.get(f"{self.url}/sandbox/requests?path={path}", timeout=TIMEOUT_SECONDS)
        measured: dict[str, Any] = answer.json()
        return measured

    def refused(self) -> int:
        """How many requests its limit has refused so far."""
        return int(self.asked()["refused"])


@contextmanager
def served(populations: Sequence[Population], **options: Any) -> Iterator[Served]:
    """A sandbox that holds these leads; without other options it has no limit and answers at once."""
    account = {"populations": [asdict(each) for each in populations], "subdomain": SUBDOMAIN}
    given: dict[str, Any] = account | {"requests_per_second": None} | options
    settings = [f"--set={name}={json.dumps(value)}" for name, value in given.items()]
    command = [sys.executable, "-m", "amocrm_assets.cli", "sandbox", "--port=0", *settings]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        try:
            url = _address(process)
            yield Served(url, requests.get(f"{url}/sandbox/token", timeout=TIMEOUT_SECONDS).text)
        finally:
            process.terminate()


def _address(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout else ""
    if " on http" not in line:
        raise RuntimeError(f"the sandbox did not start: {line!r}")
    return line.partition(" on ")[2].split()[0]
