"""How many leads per second become rows on one core, and how much memory a day takes.

From a capture file to Arrow tables, sorted and merged, with 8 custom fields of different types on each lead. Each
figure is the minimum CPU time of several rounds, which a busy machine affects least; start-up is not included.
Run it: `python -m benchmarks.rows [--leads 100000] [--captures 1] [--json]`.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from amocrm_assets.captures import CaptureHeader, CaptureWriter, capture_names, open_capture
from amocrm_assets.entities import LEADS
from amocrm_assets.rows import many_days, write_rows
from amocrm_assets.rows.merge import rows_of_day
from amocrm_assets.settings import SourceSettings
from amocrm_assets.shard import arrow_schema
from amocrm_assets.storage import Storage, open_storage
from benchmarks.floor import write_plainly
from benchmarks.measuring import apart

DAY = date(2026, 1, 1)
FIRST_SECOND = 1_767_214_800
ROUNDS = 3
FIELDS = [
    ("text", "Город", None),
    ("select", "Источник", None),
    ("numeric", "Площадь", None),
    ("date", "Дата договора", None),
    ("checkbox", "Согласие", None),
    ("monetary", "Предоплата", None),
    ("tracking_data", "utm_source", "UTM_SOURCE"),
    ("textarea", "Комментарий", None),
]


def main() -> None:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--captures", type=int, default=1, help="how many captures hold the same leads")
    parser.add_argument("--json", action="store_true", help="print figures for a program")
    arguments = parser.parse_args()
    figures = measure(arguments.leads, arguments.captures)
    if arguments.json:
        print(json.dumps(figures, indent=2))  # noqa: T201 - this is its output
        return
    for what, figure in figures.items():
        print(f"{what:<28} {figure:>12,.2f}")  # noqa: T201


def measure(leads: int = 100_000, captures: int = 1) -> dict[str, float]:
    """Leads per CPU second, and peak memory of a process that writes a day's rows."""
    with tempfile.TemporaryDirectory() as folder:
        apart(_write_captures, folder, leads, captures)
        merged, _ = apart(_seconds_to_merge, folder)
        (written, plainly), cost = apart(_seconds_to_write, folder)
    return {
        "leads": leads,
        "leads/s to Arrow": leads / merged,
        "leads/s to Parquet": leads / written,
        "leads/s of the minimal implementation": leads / plainly,
        "times the minimal implementation": written / plainly,
        "peak MB": cost.peak_megabytes,
    }


def measure_side_by_side(leads: int, days: int) -> dict[str, float]:
    """Wall seconds for the rows of this number of equal days on one core and on two, alternating."""
    with tempfile.TemporaryDirectory() as folder:
        apart(_write_days, folder, leads, days)
        (alone, beside), _ = apart(_seconds_of_days, folder, days)
    return {"one core": alone, "two cores": beside, "times one core": alone / beside}


def _write_days(folder: str, leads: int, days: int) -> None:
    for number in range(days):
        _write_capture(open_storage(folder), leads, 0, day=DAY + timedelta(days=number))


def _seconds_of_days(folder: str, days: int) -> tuple[float, float]:
    rounds = [(_wall_seconds(folder, days, 1), _wall_seconds(folder, days, 2)) for _ in range(2)]
    alone, beside = zip(*rounds, strict=True)
    return min(alone), min(beside)


def _wall_seconds(folder: str, days: int, cores: int) -> float:
    wanted = [DAY + timedelta(days=number) for number in range(days)]
    started = time.perf_counter()
    with patch.object(many_days, "_cores", lambda: cores):
        for _, result in many_days.write_many_days(
            LEADS, open_storage(folder), _source(), wanted, table=LEADS.table
        ):
            result()
    return time.perf_counter() - started


def _source() -> SourceSettings:
    settings = {"subdomain": "acme", "access_token_env": "AMOCRM_TOKEN", "start_date": "2026-01-01"}
    return SourceSettings.model_validate(settings | {"timezone": "Europe/Moscow"})


def _seconds_to_merge(folder: str) -> float:
    storage = open_storage(folder)
    return min(_seconds_to_merge_once(storage) for _ in range(ROUNDS))


def _seconds_to_merge_once(storage: Storage) -> float:
    with ExitStack() as stack:
        captures = [
            stack.enter_context(open_capture(LEADS, storage, name))
            for name in capture_names(LEADS, storage, "acme", DAY)
        ]
        started = time.process_time()
        for _ in rows_of_day(LEADS, captures, source=_source(), day=DAY).tables():
            pass
        return time.process_time() - started


def _seconds_to_write(folder: str) -> tuple[float, float]:
    """Seconds of the product and of the minimal implementation, alternating, so that other load affects both."""
    rounds = [(_seconds_to_write_once(folder), _seconds_to_write_plainly(folder)) for _ in range(ROUNDS)]
    product, floor = zip(*rounds, strict=True)
    return min(product), min(floor)


def _seconds_to_write_plainly(folder: str) -> float:
    newest = capture_names(LEADS, open_storage(folder), "acme", DAY)[-1]
    started = time.process_time()
    schema = arrow_schema(LEADS.table)
    write_plainly(Path(folder) / newest, Path(folder) / "floor.parquet", schema, _source().zone)
    return time.process_time() - started


def _seconds_to_write_once(folder: str) -> float:
    started = time.process_time()
    write_rows(LEADS, open_storage(folder), _source(), DAY)
    return time.process_time() - started


def write_day(storage: Storage, leads: int) -> None:
    """A capture of the day, and its rows."""
    _write_capture(storage, leads, 0)
    write_rows(LEADS, storage, _source(), DAY)


def _write_captures(folder: str, leads: int, captures: int) -> None:
    for number in range(captures):
        _write_capture(open_storage(folder), leads, number)


def _write_capture(storage: Storage, leads: int, number: int, *, day: date = DAY) -> None:
    first_second = FIRST_SECOND + 86_400 * (day - DAY).days
    facts = CaptureHeader(
        subdomain="acme",
        day=day,
        from_at=first_second,
        to_at=first_second + 86_399,
        timezone="Europe/Moscow",
        captured_at=datetime.combine(day, datetime.min.time(), UTC) + timedelta(days=1, hours=number),
        account_id=31_000_001,
        fields=[
            {"id": field_id, "name": name, "code": code, "type": kind, "is_predefined": code is not None}
            for field_id, (kind, name, code) in enumerate(FIELDS, 700_001)
        ],
    )
    writer = CaptureWriter(LEADS, storage, facts)
    writer.add(_lines(leads, random.Random(1), first_second))  # noqa: S311 - leads, not secrets
    writer.publish()


def _lines(leads: int, chance: random.Random, first_second: int) -> Iterator[bytes]:
    for lead_id in chance.sample(range(20_000_000, 20_000_000 + 2 * leads), leads):
        updated_at = first_second + chance.randrange(86_400)
        yield json.dumps(_lead(lead_id, updated_at, chance)).encode()


def _lead(lead_id: int, updated_at: int, chance: random.Random) -> dict[str, object]:
    return {
        "id": lead_id,
        "name": f"Заявка {chance.randrange(10**6)}",
        "price": chance.randrange(10**6),
        "responsible_user_id": 9_000_000 + chance.randrange(30),
        "group_id": 0,
        "status_id": 50_000_000 + chance.randrange(12),
        "pipeline_id": 6_000_001,
        "loss_reason_id": None,
        "created_by": 0,
        "updated_by": 9_000_000,
        "created_at": updated_at - chance.randrange(10**7),
        "updated_at": updated_at,
        "closed_at": None,
        "closest_task_at": updated_at + 3600,
        "is_deleted": False,
        "custom_fields_values": [
            {
                "field_id": field_id,
                "field_name": name,
                "field_code": code,
                "field_type": kind,
                "values": [_item(kind, chance)],
            }
            for field_id, (kind, name, code) in enumerate(FIELDS, 700_001)
        ],
        "score": None,
        "account_id": 31_000_001,
        "labor_cost": None,
        "is_price_computed": False,
        "_links": {"self": {"href": f"https://acme.amocrm.ru/api/v4/leads/{lead_id}?page=1&limit=250"}},
        "_embedded": {"tags": [{"id": 1, "name": "сайт", "color": None}], "companies": []},
    }


def _item(kind: str, chance: random.Random) -> dict[str, object]:
    number = chance.randrange(10**6)
    match kind:
        case "select":
            return {"value": f"Вариант {number % 20}", "enum_id": 900_000 + number % 20, "enum_code": None}
        case "numeric" | "monetary":
            return {"value": f"{number / 100}"}
        case "date":
            return {"value": FIRST_SECOND + 86_400 * (number % 400)}
        case "checkbox":
            return {"value": number % 2 == 0}
    return {"value": f"значение {number}"}


if __name__ == "__main__":
    main()
