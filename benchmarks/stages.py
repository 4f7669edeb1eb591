"""The cost of the stages of leads: three years of 2,000 moves a day, built once, and after one more day.

Rows are written to the storage directly, without captures. Each lead makes about six moves within some weeks;
leads have rows on the days of their moves. Run it: `python -m benchmarks stages`.
"""

from __future__ import annotations

import random
import tempfile
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amocrm_assets.entities import EVENTS, LEADS
from amocrm_assets.rows import rows_name
from amocrm_assets.rows.seal import UNSEALED, seal
from amocrm_assets.rows.stages import write_stages
from amocrm_assets.settings import SourceSettings
from amocrm_assets.shard import arrow_schema
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets.warehouse import TableLoad, open_warehouse
from benchmarks.measuring import Figure, apart, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.entities import Table

FIRST, DAYS, A_DAY, MOVES = date(2023, 1, 1), 1095, 2000, 6
FIRST_SECOND = 1_672_520_400  # its midnight in Moscow
LAST_GAP = 20


def measure_figures(*, quick: bool) -> Iterator[Figure]:
    """Seconds and peak memory of building the stages and of a night's update, each alone and with its load."""
    days = 60 if quick else DAYS
    name = f"stages of {days * A_DAY:,} moves"
    with tempfile.TemporaryDirectory() as folder:
        apart(_write_days, folder, days)
        _, made = apart(_update, folder)
        apart(_write_night, folder, days)
        _, nightly = apart(_update, folder)
    yield at_most(name, "built from all days, and loaded", made.seconds, wanted=30, unit="s")
    yield at_most(name, "a night's update, and its load", nightly.seconds, wanted=30, unit="s")
    for what, cost in (("built from all days", made), ("a night's update", nightly)):
        yield Figure(name, f"{what}, of one processor", cost.cpu_seconds, "s of CPU time")
        yield at_most(name, f"{what}, peak memory", cost.peak_megabytes, wanted=600, unit="MB")


def _update(folder: str) -> int:
    storage = open_storage(folder)
    settings = {"subdomain": "acme", "access_token_env": "AMOCRM_TOKEN", "start_date": "2023-01-01"}
    source = SourceSettings.model_validate(settings | {"timezone": "Europe/Moscow", "import_events": True})
    written = write_stages(storage, source)
    load = TableLoad(written.table, "acme", written.name, written.row_count)
    ((_, outcome),) = open_warehouse(f"duckdb:///{folder}/warehouse.duckdb").load([load], storage, run_id="run")
    if isinstance(outcome, Exception):
        raise outcome
    return outcome.row_count


def _write_days(folder: str, days: int) -> None:
    chance = random.Random(1)  # noqa: S311 - leads, not secrets
    storage = open_storage(folder)
    waiting: dict[int, list[tuple[int, int]]] = defaultdict(list)
    lead_id = 20_000_000
    for number in range(days):
        moved = waiting.pop(number, [])
        for _ in range(max(A_DAY - len(moved), A_DAY // MOVES)):
            lead_id += 7
            moved.append((lead_id, 0))
        for each, made in moved:
            if made + 1 < MOVES:
                waiting[number + chance.randrange(1, LAST_GAP)].append((each, made + 1))
        _write_day(storage, number, moved[:A_DAY], chance)


def _write_night(folder: str, days: int) -> None:
    moved = [(20_000_000 + 7 * number, MOVES) for number in range(A_DAY)]
    _write_day(open_storage(folder), days, moved, random.Random(2))  # noqa: S311


def _write_day(storage: Storage, number: int, moved: list[tuple[int, int]], chance: random.Random) -> None:
    midnight = FIRST_SECOND + 86_400 * number
    at = {lead_id: midnight + chance.randrange(86_400) for lead_id, _ in moved}
    events = [_event(lead_id, made, at[lead_id]) for lead_id, made in moved]
    _write(storage, EVENTS.table, number, sorted(events, key=lambda each: str(each["id"])))
    leads = [_lead(lead_id, made, at[lead_id]) for lead_id, made in moved]
    _write(storage, LEADS.table, number, sorted(leads, key=lambda each: int(each["id"])))


def _write(storage: Storage, table: Table, number: int, rows: list[dict[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = rows_name(table, "acme", FIRST + timedelta(days=number))
    made = pa.Table.from_pylist(rows, schema=arrow_schema(table))
    with storage.temp_file(name) as path:
        pq.write_table(made.replace_schema_metadata(UNSEALED), path, compression="zstd")
        seal(Path(path))
        storage.replace(name, path)


def _event(lead_id: int, made: int, at: int) -> dict[str, Any]:
    return {
        "id": f"01{at:010d}{lead_id:012d}{made:02d}", "type": "lead_status_changed", "entity_type": "lead",
        "entity_id": lead_id, "created_by": 9_000_000, "created_at": at, "account_id": 31_000_001,
        "pipeline_id_before": 6_000_001, "pipeline_id_after": 6_000_001,
        "status_id_before": 50_000_000 + made, "status_id_after": 50_000_001 + made,
        "value_before": "[]", "value_after": "[]",
    }  # fmt: skip


def _lead(lead_id: int, made: int, at: int) -> dict[str, Any]:
    return {
        "id": lead_id, "name": f"Заявка {lead_id}", "created_by": 0, "created_at": at - 86_400 * LAST_GAP,
        "updated_at": at, "pipeline_id": 6_000_001, "status_id": 50_000_001 + made, "is_deleted": False,
        "custom_fields": [],
    }  # fmt: skip
