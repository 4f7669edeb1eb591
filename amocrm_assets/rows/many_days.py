"""The rows of many days: one after the other or, if they take long, on several cores.

Each core has a process of its own (`day_worker`), since Python uses one core per process. Starting it takes as
long as some small days, so the time of the first days, made here, decides whether it is worth it.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, cast

from amocrm_assets.daemon_pool import DaemonPool
from amocrm_assets.entities import ENTITIES
from amocrm_assets.errors import TransientError
from amocrm_assets.rows.day_worker import DayTask
from amocrm_assets.rows.files import RowsWritten, write_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from datetime import date

    from amocrm_assets.captures.finding import CapturesByDay
    from amocrm_assets.entities import Entity, Table
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

    Written = Generator[tuple[date, Callable[[], RowsWritten]]]

# Remaining work from which on processes are started: each takes about a second of CPU time to start.
MIN_SECONDS = 6.0
# Each process takes about 150 MB in addition to the memory for its day.
MAX_PROCESSES = 4


def write_many_days(
    entity: Entity,
    storage: Storage,
    source: SourceSettings,
    days: Sequence[date],
    *,
    table: Table,
    others: CapturesByDay | None = None,
) -> Written:
    """Yields each day, in the order of `days`, with a function that returns what `write_rows` returns for it.

    The function raises what `write_rows` raises, and `TransientError` when the process that made the day was
    killed. A day that failed does not affect the others. Processes end when the generator is closed.
    """
    write_here = partial(write_rows, entity, storage, source, table=table, others=others)
    started, done = time.perf_counter(), 0
    processes = min(MAX_PROCESSES, _cores()) if entity in ENTITIES and sys.executable else 1
    for day in days:
        remaining = len(days) - done
        if done and min(processes, remaining) > 1:
            expected_seconds = (time.perf_counter() - started) / done * remaining
            if expected_seconds > MIN_SECONDS:
                break
        yield day, partial(write_here, day)
        done += 1
    if done < len(days):
        task = DayTask(entity.name, table.asset, storage, source, others)
        yield from _side_by_side(task, days[done:], min(processes, len(days) - done), write_here=write_here)


def _side_by_side(
    task: DayTask, days: Sequence[date], processes: int, *, write_here: Callable[[date], RowsWritten]
) -> Written:
    with ExitStack() as stack:
        idle: SimpleQueue[_Process] = SimpleQueue()
        # This context ends first: the processes are killed, which ends the calls that wait for them.
        pool = stack.enter_context(DaemonPool(processes, name="rows"))
        for _ in range(processes):
            idle.put(stack.enter_context(_started(task)))

        def made(day: date) -> RowsWritten:
            process = idle.get()
            try:
                return process.write(day)
            except _NotStarted:
                return write_here(day)
            finally:
                idle.put(process)

        for day, written in [(day, pool.submit(made, day)) for day in days]:
            yield day, written.result


class _NotStarted(Exception):
    """A process cannot import this package, for example because of a modified `sys.path`."""


class _Process:
    """A process that makes one day at a time."""

    def __init__(self, process: subprocess.Popen[bytes], task: DayTask) -> None:
        self._process = process
        self._task = task
        self._untold = pickle.dumps(task)

    def write(self, day: date) -> RowsWritten:
        """Make the rows of a day there. Raises what was raised there, and `_NotStarted`."""
        days, results = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)
        try:
            days.write(self._untold + pickle.dumps(day))
            days.flush()
            made = pickle.load(results)  # noqa: S301 - our own process wrote it
            self._untold = b""
        except (EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
            # The pipe has ended, before a result or within one: `pickle` raises any of these.
            raise self._ended(day) from error
        if isinstance(made, Exception):
            raise made
        return cast("RowsWritten", made)

    def _ended(self, day: date) -> Exception:
        status = self._process.wait()
        if status > 0 and self._untold:
            return _NotStarted()
        return TransientError(
            f"Making the rows of {self._task.source.subdomain} {day}",
            cause=f"the process that made them has ended with status {status}"
            f"{', which is what a system without free memory does' if status == -9 else ''}.",  # noqa: PLR2004
            fix="Retry. If it happens again, give the run more memory, or fewer days at a time.",
            source=self._task.source.subdomain,
            day=day.isoformat(),
        )


@contextmanager
def _started(task: DayTask) -> Iterator[_Process]:
    # Not `multiprocessing`: it would run the main script of whoever imported this package once more.
    command = [sys.executable, "-m", "amocrm_assets.rows.day_worker"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - our own
    with process:
        try:
            yield _Process(process, task)
        finally:
            process.kill()
            with suppress(BrokenPipeError):  # closing writes the rest of the buffer
                cast("IO[bytes]", process.stdin).close()


def _cores() -> int:
    """The number of cores that this process may use, if the system reports it."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1
