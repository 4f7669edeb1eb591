"""Starts a sandbox in a process of its own, which fills its account while this one imports Dagster."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, cast

from amocrm_assets.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Served:
    """A sandbox that listens. `token` is the long-lived one of its account."""

    url: str
    token: str


class SandboxProcess:
    """A sandbox that may still be filling its account."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def wait(self) -> Served:
        """The sandbox once it listens. Raises `InternalError` if its process has ended."""
        line = cast("IO[str]", self._process.stdout).readline()
        if line:
            return Served(**json.loads(line))
        raise InternalError(
            "Starting the sandbox",
            cause=f"its process has ended with status {self._process.wait()}.",
            fix="Its output above has the error. `amocrm-assets sandbox` starts it alone.",
        )


@contextmanager
def sandbox_process(**options: Any) -> Iterator[SandboxProcess]:
    """A sandbox with these options of `SandboxOptions`; it ends with the context."""
    command = [sys.executable, "-m", "amocrm_assets.sandbox.process"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
    with process:
        options_pipe = cast("IO[str]", process.stdin)
        print(json.dumps(options), file=options_pipe, flush=True)
        try:
            yield SandboxProcess(process)
        finally:
            process.terminate()  # it may still be filling its account
