"""docs/tasks.md and docs/calls.md: their columns are those of the code, their queries give these rows."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.entities import CALLS, LEADS, TASKS
from amocrm_assets.entities.reference import REFERENCE_TABLES
from amocrm_assets.rows import rows_name, write_rows
from amocrm_assets.rows.reference import write_reference_tables
from amocrm_assets.warehouse import LoadResult, ShardLoad, TableLoad
from amocrm_assets_tests.rows.days import keep, lead, source
from amocrm_assets_tests.rows.reference.readings import capture, night
from amocrm_assets_tests.rows.tasks_and_calls import call, task
from amocrm_assets_tests.warehouse.documented import Asked, asked_of, shown_rows
from amocrm_assets_tests.warehouse.test_analysing_document import user

if TYPE_CHECKING:
    from amocrm_assets.entities import Entity
    from amocrm_assets_tests.warehouse.places import Place

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENTS = {name: (DOCS / f"{name}.md").read_text(encoding="utf-8") for name in ("tasks", "calls")}
EXAMPLE = re.compile(
    r"^### ([^\n]+)\n\n(?:[^#`\n][^\n]*\n\n)?```sql\n(.+?)```\n\n((?:\|[^\n]*\n)+)", re.MULTILINE | re.DOTALL
)
EXAMPLES = [found for document in DOCUMENTS.values() for found in EXAMPLE.findall(document)]
BEFORE, DAY, SUBDOMAIN = date(2026, 3, 2), date(2026, 3, 3), "my-shop"
NOON = 1_772_539_200  # 2026-03-03T12:00 UTC, 15:00 in Moscow
DATASET = "tasks_and_calls"
LISTS: dict[str, Any] = {
    "users": [user(1, "Anna Maple", None), user(2, "Peter Reed", None)],
    "account": [{"id": 7, "_embedded": {"task_types": [{"id": 1, "name": "Call"}, {"id": 2, "name": "Meeting"}]}}],
}


@pytest.mark.parametrize("entity", [TASKS, CALLS], ids=lambda each: each.name)
def test_the_columns_are_those_of_the_table(entity: Entity) -> None:
    lines = DOCUMENTS[entity.name].partition("| column |")[2].split("\n\n")[0].splitlines()[2:]
    assert [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines] == [
        [f"`{each.name}`", each.type, each.description, f"`{each.sent_as}`"] for each in entity.table.columns
    ]


def test_each_query_of_the_documents_is_one_of_these() -> None:
    for document in DOCUMENTS.values():
        assert len(re.findall(r"```sql", document)) == len(EXAMPLE.findall(document)) == 3


def tasks_of(day: date) -> list[dict[str, Any]]:
    """Two days: one task is done on the second, another one is moved to somebody else."""

    def due(number: int, user_id: int, days: int, **more: Any) -> dict[str, Any]:
        known = {"responsible_user_id": user_id, "complete_till": NOON + days * 86_400, "entity_id": 22}
        at = NOON - 86_400 if day == BEFORE else NOON - 3_600
        return task(number, updated_at=at, **known | more)

    if day == BEFORE:
        return [due(1, 1, -3), due(2, 1, -1), due(3, 1, -1, entity_id=21), due(4, 2, 2)]
    done = {"is_completed": True}
    return [
        due(2, 2, -1),
        due(3, 1, -2, entity_id=21),
        due(5, 1, -1, **done, result={"text": "Согласны"}),
        due(6, 2, -1, **done),
        due(7, 2, -1, **done, task_type_id=2),
    ]


def calls() -> list[dict[str, Any]]:
    """Leads of noon are called after 4 and 30 minutes; one who called was called back, another one was not."""

    def talked(number: int, minutes: int, user_id: int, owner: Any, phone: int, **params: Any) -> dict[str, Any]:
        owners, owner_id = owner
        kind = params.pop("kind", "call_in")
        params["phone"] = f"+7 999 000-00-{phone:02}"
        at = NOON + 60 * minutes
        times = {"created_at": at, "updated_at": at}
        known = {"entity_id": owner_id, "responsible_user_id": user_id, "note_type": kind}
        return call(number, owners, params=params, **times, **known)

    return [
        talked(1, 2, 1, ("contacts", 51), 1, duration=0, call_status=6),
        talked(2, 4, 1, ("contacts", 51), 1, duration=180, kind="call_out"),
        talked(3, 30, 2, ("leads", 2), 2, duration=60),
        talked(4, 31, 2, ("contacts", 53), 3, duration=0, call_status=6),
        talked(4, 40, 1, ("companies", 41), 4, duration=120),
    ]


def leads() -> list[dict[str, Any]]:
    """Three leads of the day, and one of the day before that was edited on it and talked to."""
    return [
        lead(
            number,
            created_at=NOON - 86_400 * (number == 4),
            updated_at=NOON,
            _embedded={"companies": [], "contacts": [{"id": main, "is_main": True}], "loss_reason": []},
        )
        for number, main in ((1, 51), (2, 52), (3, 53), (4, 51))
    ]


def fill(place: Place) -> None:
    capture(place.storage, night(0), LISTS, subdomain=SUBDOMAIN)
    settings, loads = source(subdomain=SUBDOMAIN), []
    for entity, day, records in (
        (TASKS, BEFORE, tasks_of(BEFORE)),
        (TASKS, DAY, tasks_of(DAY)),
        (CALLS, DAY, calls()),
        (LEADS, DAY, leads()),
    ):
        keep(place.storage, records, day=day, subdomain=SUBDOMAIN, entity=entity)
        for table in entity.tables:
            written = write_rows(entity, place.storage, settings, day, table=table)
            assert not written.oddities
            loads.append(ShardLoad(table, SUBDOMAIN, day, rows_name(table, SUBDOMAIN, day), written.row_count))
    made = write_reference_tables(REFERENCE_TABLES, place.storage, SUBDOMAIN)
    whole = [
        TableLoad(each, SUBDOMAIN, made[each.asset].name, made[each.asset].row_count) for each in REFERENCE_TABLES
    ]
    outcomes = [outcome for _, outcome in place.warehouse.load(loads, place.storage, run_id="run-1")]
    outcomes += [outcome for _, outcome in place.warehouse.load(whole, place.storage, run_id="run-2")]
    assert all(isinstance(outcome, LoadResult) for outcome in outcomes), outcomes


on_duckdb, on_bigquery = asked_of(fill, dataset=DATASET)


@pytest.mark.slow
@pytest.mark.parametrize("warehouse", ["on_duckdb", "on_bigquery"])
@pytest.mark.parametrize(("query", "table"), [pytest.param(*each, id=title) for title, *each in EXAMPLES])
def test_a_documented_query_gives_the_documented_rows(
    request: pytest.FixtureRequest, warehouse: str, query: str, table: str
) -> None:
    run_query: Asked = request.getfixturevalue(warehouse)
    found = [
        [f"{value:g}" if isinstance(value, float) else str(value) for value in row] for row in run_query(query)
    ]
    assert found == shown_rows(table)
