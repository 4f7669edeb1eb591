"""The cost of a flat table of a million leads: built once, then a night's update, each with its load.

Rows are written to the storage directly, without captures: leads with 8 custom fields over a year of days, and
a new day of a few thousand leads, half of them known. Run it: `python -m benchmarks latest_table`.
"""

from __future__ import annotations

import random
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amocrm_assets.entities import LEADS
from amocrm_assets.rows import rows_name
from amocrm_assets.rows.latest_table import write_latest_table
from amocrm_assets.rows.seal import UNSEALED, seal
from amocrm_assets.settings import SourceSettings
from amocrm_assets.shard import arrow_schema
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets.warehouse import TableLoad, open_warehouse
from benchmarks.measuring import Figure, apart, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

FIRST, DAYS = date(2025, 1, 1), 365
FIRST_SECOND = 1_735_678_800
NIGHTLY = 5_000


def measure_figures(*, quick: bool) -> Iterator[Figure]:
    """Seconds and peak memory of building the table and of a night's update, each alone and with its load."""
    leads = 20_000 if quick else 1_000_000
    name = f"flat table of {leads:,} leads"
    with tempfile.TemporaryDirectory() as folder:
        apart(_write_days, folder, leads)
        _, made = apart(_update, folder)
        apart(_write_night, folder, leads)
        _, nightly = apart(_update, folder)
    yield Figure(name, "built from all days, and loaded", made.seconds, "s")
    yield at_most(name, "a night's update, and its load", nightly.seconds, wanted=60, unit="s")
    for what, cost in (("built from all days", made), ("a night's update", nightly)):
        yield Figure(name, f"{what}, of one processor", cost.cpu_seconds, "s of CPU time")
        yield at_most(name, f"{what}, peak memory", cost.peak_megabytes, wanted=600, unit="MB")


def _source() -> SourceSettings:
    settings = {"subdomain": "acme", "access_token_env": "AMOCRM_TOKEN", "start_date": "2025-01-01"}
    return SourceSettings.model_validate(settings | {"timezone": "Europe/Moscow", "latest_table": True})


def _update(folder: str) -> int:
    storage = open_storage(folder)
    written = write_latest_table(LEADS, storage, _source())
    load = TableLoad(written.table, "acme", written.name, written.row_count)
    ((_, outcome),) = open_warehouse(f"duckdb:///{folder}/warehouse.duckdb").load([load], storage, run_id="run")
    if isinstance(outcome, Exception):
        raise outcome
    return outcome.row_count


def _write_days(folder: str, leads: int) -> None:
    chance = random.Random(1)  # noqa: S311 - leads, not secrets
    ids = chance.sample(range(20_000_000, 20_000_000 + 2 * leads), leads)
    of_day = -(-leads // DAYS)
    for number in range(DAYS):
        _write_day(open_storage(folder), number, ids[number * of_day : (number + 1) * of_day], chance)


def _write_night(folder: str, leads: int) -> None:
    chance = random.Random(2)  # noqa: S311
    count = min(NIGHTLY, leads // 4)
    ids = chance.sample(range(20_000_000, 20_000_000 + 2 * leads), count)
    _write_day(open_storage(folder), DAYS, ids, chance)


def _write_day(storage: Storage, number: int, ids: list[int], chance: random.Random) -> None:
    import pyarrow.parquet as pq

    day = FIRST + timedelta(days=number)
    name = rows_name(LEADS.table, "acme", day)
    rows = _rows(sorted(ids), FIRST_SECOND + 86_400 * number, chance)
    with storage.temp_file(name) as path:
        pq.write_table(rows.replace_schema_metadata(UNSEALED), path, compression="zstd")
        seal(Path(path))
        storage.replace(name, path)


def _rows(ids: list[int], at: int, chance: random.Random) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pylist([_row(lead_id, at, chance) for lead_id in ids], schema=arrow_schema(LEADS.table))


def _row(lead_id: int, at: int, chance: random.Random) -> dict[str, Any]:
    number = chance.randrange(10**6)
    texts = [
        f"значение {number}", f"Вариант {number % 20}", f"{number / 100}", f"2026-01-{1 + number % 28:02}",
        "true", f"{number}", f"utm {number % 50}", f"Комментарий менеджера к сделке {number}",
    ]  # fmt: skip
    return {
        "id": lead_id, "name": f"Заявка {number}", "responsible_user_id": 9_000_000 + number % 30, "created_by": 0,
        "created_at": at - number, "updated_at": at + number % 86_400, "account_id": 31_000_001,
        "pipeline_id": 6_000_001, "status_id": 50_000_000 + number % 12, "updated_by": 9_000_000,
        "is_deleted": False, "group_id": 0, "sale": number,
        "custom_fields": [
            {"id": 700_001 + place, "name": f"Поле {place}", "is_system": False, "values": [{"value": text}]}
            for place, text in enumerate(texts)
        ],
    }  # fmt: skip
