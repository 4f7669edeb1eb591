from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.orchestration import checks
from amocrm_assets.rows.files import rows_name
from amocrm_assets.rows.value_formatter import CONVERTED, OBJECTS, TEXTS
from amocrm_assets_tests.rows.days import DAY, field, lead, line, oddities_of, rows_of

DOCUMENT = (Path(__file__).parents[2] / "docs" / "rows.md").read_text(encoding="utf-8")


def table(first_heading: str) -> list[list[str]]:
    """Rows of the table with this heading, as cells."""
    lines = DOCUMENT.partition(f"| {first_heading} |")[2].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


EXAMPLES = [
    (field_type.strip("` "), sent.strip("`"), text.strip("`"))
    for types, sent, text in table("field type")
    for field_type in types.split(", ")
]


@pytest.mark.parametrize(("field_type", "sent", "text"), EXAMPLES)
def test_a_value_has_the_text_that_the_document_says(field_type: str, sent: str, text: str) -> None:
    given = line(lead(1, custom_fields_values=[field(field_type, {"value": "HERE"})]))
    (row,) = rows_of([given.replace(b'"HERE"', sent.encode())])
    assert row["custom_fields"][0]["values"] == [{"value": text, "enum": None}]


def test_every_known_type_is_documented() -> None:
    documented = {field_type for field_type, _, _ in EXAMPLES}
    assert documented - {"an unknown type"} == CONVERTED | OBJECTS | TEXTS


def test_renamed_columns_are_documented() -> None:
    documented = dict(cells for cells in table("column"))
    renamed = {column.name: column.api_name for column in LEADS.table.columns if column.api_name}
    assert {column: f"`{sent}`" for column, sent in renamed.items()}.items() <= {
        column.strip("`"): sent for column, sent in documented.items()
    }.items()
    assert {f"`custom_fields[].{part.name}`" for part in LEADS.table.columns[-1].columns[:3]} <= documented.keys()


def test_the_kinds_of_oddities_are_written_as_they_are_counted() -> None:
    bad = lead(
        1,
        price="много",
        updated_at=None,
        custom_fields_values=["x", field("date", {"value": "завтра"}, field_id=None)],
        name="\ud800",
    )
    a_hundred_and_one = json.loads("[" * 101 + "]" * 101)
    spelled = lead(
        3,
        is_deleted=0,
        custom_fields_values=[field("text", values={"1": {"value": "x"}})],
    )
    nested = lead(5, custom_fields_values=[field("linked_entity", {"value": {"a": a_hundred_and_one}})])
    deep = line(lead(4, score="HERE")).replace(b'"HERE"', b"[" * 3000 + b"]" * 3000)
    kinds = set(oddities_of([bad, lead(2) | {"id": "77"}, spelled, nested, deep, {}, b"no json"]))
    documented = {kind for cells in table("kind") for kind in re.findall(r"`([^`]+)`", cells[0])}
    assert kinds == documented


def test_names_in_the_document_are_those_of_the_code() -> None:
    assert (
        f"`{{storage}}/{rows_name(LEADS.table, '{subdomain}', DAY).replace(str(DAY), '{YYYY-MM-DD}')}`" in DOCUMENT
    )
    assert {f"`{checks.FIELDS}`", f"`{checks.ODDITIES}`"} <= set(re.findall(r"`[^`]+`", DOCUMENT))
    assert "`unknown_properties`" in DOCUMENT
