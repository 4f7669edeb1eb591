"""The cost of rows as a pandas frame: 100,000 leads with all columns, and a million in ten days with four.

Each is read in a fresh process, whose memory includes pandas and Arrow. The ten days are copies of one.
Run it: `python -m benchmarks frames`.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from amocrm_assets.entities import LEADS
from amocrm_assets.rows import rows_name
from amocrm_assets.storage import open_storage
from benchmarks.measuring import Figure, apart, at_most
from benchmarks.rows import DAY, write_day

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

DAYS = 10
FOUR_COLUMNS = ("id", "status_id", "sale", "updated_at")


def measure_figures(*, quick: bool) -> Iterator[Figure]:
    """CPU time and peak memory of each frame."""
    leads = 10_000 if quick else 100_000
    days = [DAY + timedelta(days=number) for number in range(DAYS)]
    with tempfile.TemporaryDirectory() as folder:
        apart(_write, folder, leads, days)
        one, cost = apart(_read, folder, days[:1], None)
        name = f"a frame of {leads:,} leads with 8 custom fields"
        yield at_most(name, "CPU time", one, wanted=0.5, unit="s")
        yield at_most(name, "peak memory of the process", cost.peak_megabytes, wanted=300, unit="MB")
        many, cost = apart(_read, folder, days, FOUR_COLUMNS)
        name = f"a frame of {leads * DAYS:,} leads in {DAYS} days, four columns"
        yield Figure(name, "CPU time", many, "s")
        yield at_most(name, "peak memory of the process", cost.peak_megabytes, wanted=1000, unit="MB")


def _write(folder: str, leads: int, days: Sequence[date]) -> None:
    storage = open_storage(folder)
    write_day(storage, leads)
    first, *others = (rows_name(LEADS.table, "acme", day) for day in days)
    for name in others:
        shutil.copyfile(f"{folder}/{first}", f"{folder}/{name}")


def _read(folder: str, days: Sequence[date], columns: Sequence[str] | None) -> float:
    import pandas as pd

    from amocrm_assets.rows.frames import read_rows

    storage = open_storage(folder)
    began = time.process_time()
    frame = read_rows(LEADS.table, storage, "acme", days, columns=columns)
    seconds = time.process_time() - began
    if not isinstance(frame, pd.DataFrame) or frame.empty:
        raise RuntimeError("there are no rows")
    return seconds
