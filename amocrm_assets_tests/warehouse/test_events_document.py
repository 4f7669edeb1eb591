"""docs/events.md: its columns and types are those of the code, its queries give its tables on both warehouses."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from amocrm_assets.entities import EVENTS
from amocrm_assets.entities.events import TYPES
from amocrm_assets.rows import write_rows
from amocrm_assets.rows.files import rows_name
from amocrm_assets.warehouse import LoadResult, ShardLoad
from amocrm_assets_tests.rows.days import keep, source
from amocrm_assets_tests.warehouse.places import Place

pytestmark = pytest.mark.slow

DOCUMENT = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"^### ([^\n]+)\n\n```sql\n(.+?)```\n\n((?:\|[^\n]*\n)+)", re.MULTILINE | re.DOTALL)
DAY, SUBDOMAIN = date(2026, 3, 3), "my-shop"
AT = 1_772_528_400  # 2026-03-03T12:00 in Moscow


def event(number: int, kind: str, lead: int, minutes: int, *values: Any) -> dict[str, Any]:
    before, after = values or ([], [])
    return {
        "id": f"01hq{number:022d}",
        "type": kind,
        "entity_id": lead,
        "entity_type": "lead",
        "created_by": 7,
        "created_at": AT + 60 * minutes,
        "value_before": before,
        "value_after": after,
        "account_id": 29_000_777,
    }


def stage(status_id: int) -> list[dict[str, Any]]:
    return [{"lead_status": {"id": status_id, "pipeline_id": 11}}]


def user(user_id: int) -> list[dict[str, Any]]:
    return [{"responsible_user": {"id": user_id}}]


HAPPENED = [
    event(1, "lead_added", 1, 0),
    event(2, "entity_responsible_changed", 1, 10, user(0), user(5)),
    event(3, "lead_added", 2, 5),
    event(4, "entity_responsible_changed", 2, 50, user(0), user(6)),
    event(5, "lead_status_changed", 1, 60, stage(21), stage(22)),
    event(6, "lead_status_changed", 1, 61, stage(22), stage(22)),
    event(7, "lead_status_changed", 1, 90, stage(22), stage(142)),
    event(8, "lead_status_changed", 2, 95, stage(21), stage(22)),
    event(9, "lead_status_changed", 3, 99, stage(22), stage(143)),
    event(10, "sale_field_changed", 3, 99, [], [{"sale_field_value": {"sale": 1000}}]),
]


def fill(place: Place) -> None:
    keep(place.storage, HAPPENED, entity=EVENTS, day=DAY, subdomain=SUBDOMAIN)
    written = write_rows(EVENTS, place.storage, source(subdomain=SUBDOMAIN), DAY)
    assert not written.oddities
    name = rows_name(EVENTS.table, SUBDOMAIN, DAY)
    load = ShardLoad(EVENTS.table, SUBDOMAIN, DAY, name, written.row_count)
    ((_, outcome),) = place.warehouse.load([load], place.storage, run_id="run-1")
    assert isinstance(outcome, LoadResult), outcome


def test_the_columns_are_those_of_the_table() -> None:
    lines = DOCUMENT.partition("| column |")[2].split("\n\n")[0].splitlines()[2:]
    assert [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines] == [
        [f"`{each.name}`", each.type, each.description, f"`{each.sent_as}`"] for each in EVENTS.table.columns
    ]


def test_the_types_are_those_that_are_asked_for() -> None:
    named = DOCUMENT.partition("## Which events")[2].partition("\n##")[0]
    assert re.findall(r"`(\w+)`", named) == list(TYPES)


def test_the_documented_queries_give_the_documented_tables(place: Place) -> None:
    fill(place)
    examples = EXAMPLE.findall(DOCUMENT)
    assert len(examples) == 3
    for title, query, table in examples:
        wanted = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
        named = re.sub(r'"(amoCrm[\w-]+)"', lambda match: place.quoted(match[1]), query)
        found = [
            [cell if isinstance(cell, str) else f"{float(cell):g}" for cell in row] for row in place.query(named)
        ]
        assert found == wanted, title


def test_every_column_comes_back_as_it_was_sent(place: Place) -> None:
    fill(place)
    frame = place.warehouse.read(EVENTS.table, SUBDOMAIN, [DAY])
    assert list(frame.columns) == list(EVENTS.table.column_names)
    rows = {row["id"]: row for row in frame.to_dict("records")}
    assert len(rows) == len(HAPPENED)
    move, price = rows[HAPPENED[4]["id"]], rows[HAPPENED[9]["id"]]
    assert (move["pipeline_id_before"], move["status_id_before"], move["status_id_after"]) == (11, 21, 22)
    assert move["value_after"] == '[{"lead_status":{"id":22,"pipeline_id":11}}]'
    assert price["value_before"] == "[]"
    assert price["value_after"] == '[{"sale_field_value":{"sale":1000}}]'
    assert rows[HAPPENED[1]["id"]]["responsible_user_id_after"] == 5
