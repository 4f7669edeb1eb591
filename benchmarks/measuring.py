"""What a figure is, and how one is taken in a process of its own: seconds, processor seconds, peak memory."""

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
    """One measured number. `wanted` is design's figure in words; `reached` is None where there is none."""

    benchmark: str
    what: str
    value: float
    unit: str = ""
    wanted: str = ""
    reached: bool | None = None


@dataclass(frozen=True)
class Cost:
    """What a call in a process of its own took. Memory counts everything the process loaded."""

    seconds: float
    cpu_seconds: float
    peak_megabytes: float


def apart(call: Callable[..., Told], *arguments: Any) -> tuple[Told, Cost]:
    """Call a module's function in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measured, call, arguments).result()


def at_least(benchmark: str, what: str, value: float, *, wanted: float, unit: str = "") -> Figure:
    """A figure that should not be lower."""
    return Figure(benchmark, what, value, unit, f"≥ {wanted:g}", reached=value >= wanted)


def at_most(benchmark: str, what: str, value: float, *, wanted: float, unit: str = "") -> Figure:
    """A figure that should not be higher."""
    return Figure(benchmark, what, value, unit, f"≤ {wanted:g}", reached=value <= wanted)


def _measured(call: Callable[..., Told], arguments: tuple[Any, ...]) -> tuple[Told, Cost]:
    began, began_cpu = time.perf_counter(), time.process_time()
    measured = call(*arguments)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - began_cpu
    return measured, Cost(seconds, cpu_seconds, _peak_megabytes())


def _peak_megabytes() -> float:
    """Peak of this process alone: on Linux `ru_maxrss` begins with that of the process it was forked from."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text(encoding="ascii").partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2  # macOS counts bytes
