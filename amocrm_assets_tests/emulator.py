"""BigQuery's emulator for the tests: where it is installed, how it starts, what it answers at.

`make emulator` installs it. Tests that need it are skipped, with that advice, where it is missing, and fail for it
where CI is set: there nothing may be skipped.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ENVIRONMENT = Path(__file__).parents[1] / ".venv-emulator"
PROJECT = "test-project"


@dataclass(frozen=True)
class Emulator:
    """A running emulator. What is in `buckets/{bucket}/{name}` it reads as `gs://{bucket}/{name}`."""

    url: str
    buckets: Path


@contextmanager
def running_emulator(folder: Path) -> Iterator[Emulator]:
    """Start the emulator on a free port of the loopback address; its data lies in the folder."""
    if not (ENVIRONMENT / ".ready").exists():
        missing = "BigQuery's emulator is not installed: `make emulator` does it, with a Python 3.13."
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    data, log = folder / "data", folder / "emulator.log"
    addresses = ["--host", "127.0.0.1", "--port", "0", "--grpc-port", "0"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [ENVIRONMENT / "bin" / "local-bigquery", *addresses, "--data-dir", data, "serve"],
            env={"HOME": str(ENVIRONMENT / "home"), "PATH": os.environ["PATH"]},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    with process:
        try:
            yield Emulator(_url(process, log), data / "gcs")
        finally:
            process.kill()


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"running on (http://127\.0\.0\.1:\d+)", log.read_text()):
            return found[1]
        time.sleep(0.1)
    pytest.fail(f"BigQuery's emulator did not start:\n{log.read_text()}")
