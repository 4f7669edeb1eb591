"""Figures, and how they are measured in a separate process: wall seconds, CPU seconds, peak memory."""

from __future__ import annotations

import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Told = TypeVar("Told")


@dataclass(frozen=True)
class Figure:
    """A measured number. `wanted` is its target as text; `reached` is None if it has no target."""

    benchmark: str
    what: str
    value: float
    unit: str = ""
    wanted: str = ""
    reached: bool | None = None


@dataclass(frozen=True)
class Cost:
    """The cost of a call in a separate process. Memory includes everything that the process loaded."""

    seconds: float
    cpu_seconds: float
    peak_megabytes: float


def apart(call: Callable[..., Told], *arguments: Any) -> tuple[Told, Cost]:
    """Call a module's function in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measured, call, arguments).result()


def at_least(benchmark: str, what: str, value: float, *, wanted: float, unit: str = "") -> Figure:
    """A figure with a minimum."""
    return Figure(benchmark, what, value, unit, f"≥ {wanted:g}", reached=value >= wanted)


def at_most(benchmark: str, what: str, value: float, *, wanted: float, unit: str = "") -> Figure:
    """A figure with a maximum."""
    return Figure(benchmark, what, value, unit, f"≤ {wanted:g}", reached=value <= wanted)


def _measured(call: Callable[..., Told], arguments: tuple[Any, ...]) -> tuple[Told, Cost]:
    began, began_cpu = time.perf_counter(), time.process_time()
    measured = call(*arguments)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - began_cpu
    return measured, Cost(seconds, cpu_seconds, _peak_megabytes())


def _peak_megabytes() -> float:
    """The peak of this process alone: on Linux `ru_maxrss` starts with that of the process it was forked from."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text(encoding="ascii").partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2  # macOS counts bytes
