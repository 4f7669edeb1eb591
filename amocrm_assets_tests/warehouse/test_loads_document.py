"""docs/loads.md: its columns are those of the code, its queries give its tables, and dbt's freshness works."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from amocrm_assets.captures import CaptureWriter, ReadingFinding
from amocrm_assets.entities import LEADS
from amocrm_assets.entities.loads import LOADS
from amocrm_assets.rows.loads import write_loads
from amocrm_assets.warehouse import LoadResult, TableLoad
from amocrm_assets_tests.rows.days import capture_header
from amocrm_assets_tests.warehouse.documented import shown_rows
from amocrm_assets_tests.warehouse.places import Place, lead

pytestmark = pytest.mark.slow

DOCUMENT = (Path(__file__).parents[2] / "docs" / "loads.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"^### ([^\n]+)\n\n```sql\n(.+?)```\n\n((?:\|[^\n]*\n)+)", re.MULTILINE | re.DOTALL)
SUBDOMAIN = "my-shop"
UNPROVEN = ReadingFinding(
    record_list="leads", kind="only_deleted_ignored", may_miss=True, cause="c", fix="Ask amoCRM's support."
)
DAYS = {date(2026, 3, 2): (2, ()), date(2026, 3, 3): (0, ()), date(2026, 3, 4): (1, (UNPROVEN,))}


def fill(place: Place) -> None:
    for day, (count, findings) in DAYS.items():
        header = capture_header(day=day, subdomain=SUBDOMAIN, tells_findings=True)
        CaptureWriter(LEADS, place.storage, header).publish(findings)
        load = place.load(day, [lead(number) for number in range(count)], subdomain=SUBDOMAIN)
        assert isinstance(place.load_shards(load)[day], LoadResult)
    written = write_loads(place.storage, SUBDOMAIN, place.warehouse.held_tables(SUBDOMAIN))
    load_whole = TableLoad(LOADS, SUBDOMAIN, written.name, written.row_count)
    ((_, outcome),) = place.warehouse.load([load_whole], place.storage, run_id="run-1")
    assert isinstance(outcome, LoadResult), outcome


def test_the_columns_are_those_of_the_table() -> None:
    lines = DOCUMENT.partition("| column |")[2].split("\n\n")[0].splitlines()[2:]
    assert [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines] == [
        [f"`{each.name}`", f"{each.type} REPEATED" if each.columns else each.type, each.description]
        for each in LOADS.columns
    ]
    parts = [f"`{part.name}`" for each in LOADS.columns for part in each.columns]
    assert f"A finding has {', '.join(parts[:-1])} and {parts[-1]}" in DOCUMENT


def test_queries_and_freshness_give_what_the_document_says(place: Place) -> None:
    began = datetime.now(UTC) - timedelta(seconds=5)
    fill(place)
    examples = EXAMPLE.findall(DOCUMENT)
    assert len(examples) == 3
    bigquery = place.quoted("x").startswith("`")
    for title, query, table in examples:
        named = re.sub(r'"(amoCrm[\w-]+)"', lambda match: place.quoted(match[1]), query)
        if bigquery:
            named = named.replace("AS items(item)", "AS item").replace("VARCHAR", "STRING")
        assert [[str(cell) for cell in row] for row in place.query(named)] == shown_rows(table), title

    (text,) = re.findall(r"```yaml\n(.+?)```", DOCUMENT, re.DOTALL)
    (source,) = yaml.safe_load(text)["sources"]
    (wanted,) = source["tables"]
    # What dbt asks: https://docs.getdbt.com/reference/resource-properties/freshness
    newest = f"SELECT max({wanted['loaded_at_field']}) FROM {place.quoted(wanted['identifier'])}"
    ((loaded_at,),) = place.query(f"{newest} WHERE {wanted['freshness']['filter']}")
    assert began <= loaded_at.astimezone(UTC) <= datetime.now(UTC) + timedelta(seconds=5)
