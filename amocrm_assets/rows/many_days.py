"""Writes the rows of many days: one after another, or on several cores if they take long.

Each core gets a process (`day_worker`), since Python computes on one core per process. Starting a process takes as
long as a few small days, so the first days are made in this process, and the time for their rows decides.
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

# Processes are started if the remaining days take longer: starting one takes about a second of CPU time.
MIN_SECONDS = 6.0
# Each process needs about 150 MB, plus the memory for its day.
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
    timed, done = _Timed(write_here), 0
    processes = min(MAX_PROCESSES, _cores()) if entity in ENTITIES and sys.executable else 1
    for day in days:
        remaining = len(days) - done
        if done and min(processes, remaining) > 1 and timed.seconds / done * remaining > MIN_SECONDS:
            break
        yield day, partial(timed.write, day)
        done += 1
    if done < len(days):
        task = DayTask(entity.name, table.asset, storage, source, others)
        yield from _side_by_side(task, days[done:], min(processes, len(days) - done), write_here=write_here)


class _Timed:
    """Makes days in this process, and adds up how long they took."""

    def __init__(self, write: Callable[[date], RowsWritten]) -> None:
        import pyarrow as pa

        # Arrow imports pandas with the first list that it converts: a second that other days do not take.
        pa.array([])
        self._write = write
        self.seconds = 0.0

    def write(self, day: date) -> RowsWritten:
        """Write a day's rows."""
        started = time.perf_counter()
        try:
            return self._write(day)
        finally:
            self.seconds += time.perf_counter() - started


def _side_by_side(
    task: DayTask, days: Sequence[date], processes: int, *, write_here: Callable[[date], RowsWritten]
) -> Written:
    with ExitStack() as stack:
        idle: SimpleQueue[_Process] = SimpleQueue()
        # Entered first, so left last: processes are killed before, which ends the calls that wait for them.
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
    """A process could not import this package, for example because `sys.path` was changed in the parent."""


class _Process:
    """A process that makes one day at a time."""

    def __init__(self, process: subprocess.Popen[bytes], task: DayTask) -> None:
        self._process = process
        self._task = task
        self._unsent_task = pickle.dumps(task)

    def write(self, day: date) -> RowsWritten:
        """Have the process write a day's rows. Raises its error, `TransientError` if killed, or `_NotStarted`."""
        days, results = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)
        try:
            days.write(self._unsent_task + pickle.dumps(day))
            days.flush()
            result = pickle.load(results)  # noqa: S301 - our own process wrote it
            self._unsent_task = b""
        except (EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
            # The pipe ended before or within a result; `pickle` raises any of these errors then.
            raise self._ended(day) from error
        if isinstance(result, Exception):
            raise result
        return cast("RowsWritten", result)

    def _ended(self, day: date) -> Exception:
        status = self._process.wait()
        if status > 0 and self._unsent_task:
            return _NotStarted()
        return TransientError(
            f"Making the rows of {self._task.source.subdomain} {day}",
            cause=f"the process that made them ended with status {status}"
            f"{': it was killed, probably because memory ran out' if status == -9 else ''}.",  # noqa: PLR2004
            fix="Retry. If it happens again, give the run more memory, or fewer days at a time.",
            source=self._task.source.subdomain,
            day=day.isoformat(),
        )


@contextmanager
def _started(task: DayTask) -> Iterator[_Process]:
    # Not `multiprocessing`: it would run the main script of the program that imported this package again.
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
    """The number of cores that this process may use; all cores if the system does not say."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1
