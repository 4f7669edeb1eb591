"""A process that makes the rows of days for `many_days`: `python -m amocrm_assets.rows.day_worker`.

It reads a `DayTask` and then days from standard input, and writes a `RowsWritten` or an error for each day to
standard output, all as pickles. It ends at the end of its input.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from amocrm_assets.entities import ENTITIES
from amocrm_assets.rows.files import write_rows

if TYPE_CHECKING:
    from amocrm_assets.captures.finding import CapturesByDay
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage


@dataclass(frozen=True)
class DayTask:
    """What the days have in common. Entity and table are passed by name: they hold lambdas and do not pickle."""

    entity: str
    asset: str
    storage: Storage
    source: SourceSettings
    others: CapturesByDay | None


def serve(days: IO[bytes], results: IO[bytes]) -> None:
    """Write the rows of each day that is read, until the input ends."""
    task: DayTask = pickle.load(days)  # noqa: S301 - our own process wrote it
    entity = next(each for each in ENTITIES if each.name == task.entity)
    table = next(each for each in entity.tables if each.asset == task.asset)
    while True:
        try:
            day = pickle.load(days)  # noqa: S301
        except EOFError:
            return
        result: object
        try:
            result = write_rows(entity, task.storage, task.source, day, table=table, others=task.others)
        except Exception as error:  # noqa: BLE001 - raised by the parent process
            error.add_note(f"In the process that made the day:\n{traceback.format_exc()}")
            result = error
        pickle.dump(result, results)
        results.flush()


def main() -> None:
    """Serve the parent process. Ctrl-C is ignored here: the parent handles it and kills this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(os.dup(1), "wb") as results:
        os.dup2(2, 1)  # output that a library prints must not mix with the results
        serve(sys.stdin.buffer, results)


if __name__ == "__main__":
    main()
