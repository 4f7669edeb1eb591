"""Processes of a running Dagster, found by its home, so that they can be killed: those of runs, or all at once."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from pathlib import Path


def run_workers(home: Path) -> list[psutil.Process]:
    """The processes of runs: the code location spawns one for each."""
    return [process for process in _processes(home) if "--multiprocessing-fork" in process.info["cmdline"]]


def kill_all(home: Path) -> None:
    """Kill webserver, daemon, code location and runs at one moment, as a machine does that loses power."""
    processes = _processes(home)
    os.killpg(os.getpgid(processes[0].pid), signal.SIGKILL)
    psutil.wait_procs(processes, timeout=30)
    assert _processes(home) == []


def _processes(home: Path) -> list[psutil.Process]:
    """In the order of their ids."""
    return [
        process
        for process in psutil.process_iter(["environ", "cmdline"])
        if (process.info["environ"] or {}).get("DAGSTER_HOME") == str(home)
    ]
