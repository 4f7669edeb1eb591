"""Which custom fields have a column: where their definitions come from, and what a column of several is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.entities import CONTACTS, LEADS
from amocrm_assets.entities.reference import reference_table
from amocrm_assets.rows.latest_table.field_columns import (
    KnownField,
    field_columns,
    fields_of_rows,
    known_fields,
    latest_columns,
    named_columns,
)
from amocrm_assets.rows.reference import write_reference_tables
from amocrm_assets_tests.rows.days import keep
from amocrm_assets_tests.rows.latest_table.tables import SOURCE, defined, settings
from amocrm_assets_tests.rows.reference.readings import capture, night

if TYPE_CHECKING:
    from amocrm_assets.storage import Storage


def row(number: Any, name: Any, **more: Any) -> dict[str, Any]:
    """A row of the reference table of custom fields."""
    known = {"entity_type": "leads", "code": None, "type": "text", "is_current": True, "is_deleted": False}
    return {"id": number, "name": name} | known | more


def known(number: int, *names: str, kind: str | None = "text", gone: bool = False) -> KnownField:
    return KnownField(number, names[0] if names else None, kind, gone, {str(number), *names})


def test_a_field_has_its_present_name_and_type_and_all_names_that_it_had() -> None:
    rows = [
        row(None, "no id"),
        row(9, "Past", type="date", is_current=False, is_deleted=True),
        row(5, "Old", is_current=False),
        row(5, "New", code="CODE", type="numeric", is_deleted=True),
        row(5, "Older", is_current=False),
        row("7", 3, code="", type=None),
        row(5, "Of contacts", entity_type="contacts"),
    ]
    assert fields_of_rows(LEADS, rows) == [
        KnownField(5, "New", "numeric", is_gone=True, names={"5", "New", "Old", "Older", "CODE"}),
        KnownField(7, None, None, is_gone=False, names={"7"}),
        KnownField(9, None, None, is_gone=False, names={"9", "Past"}),
    ]
    assert [each.name for each in fields_of_rows(CONTACTS, rows)] == ["Of contacts"]


def test_definitions_are_those_of_the_reference_table_and_else_of_the_newest_capture(storage: Storage) -> None:
    by_reference = settings(import_reference=True)
    assert known_fields(LEADS, storage, SOURCE) == known_fields(LEADS, storage, by_reference) == []
    for number, name in enumerate(["first", "second", "third"]):
        keep(storage, [], number=number, fields=[defined(1, name)])
    newest = [known(1, "third")]
    assert known_fields(LEADS, storage, SOURCE) == known_fields(LEADS, storage, by_reference) == newest
    for number, listed in enumerate([[defined(1, "Listed"), defined(2, "Gone")], [defined(1, "Listed")]]):
        capture(storage, night(number), {"leads_custom_fields": listed})
    write_reference_tables([reference_table("amoCrmCustomFields")], storage, "acme")
    assert known_fields(LEADS, storage, by_reference) == [known(1, "Listed"), known(2, "Gone", gone=True)]
    assert known_fields(LEADS, storage, SOURCE) == newest


@pytest.mark.parametrize(
    ("chosen", "columns"),
    [
        (None, {1: "cf_1", 2: "cf_2", 3: "cf_3"}),
        ([], {}),
        (["A", 3], {1: "cf_1", 3: "cf_3"}),
        ([{"field": "A", "column": "a"}, {"field": "CODE", "column": "code"}], {1: "a", 2: "code"}),
    ],
)
def test_a_field_has_the_column_that_the_settings_name_or_one_of_its_id(
    chosen: Any, columns: dict[int, str]
) -> None:
    fields = [known(1, "A"), known(2, "B", "CODE"), known(3, "C")]
    by = settings(leads_custom_fields=chosen)
    assert named_columns(LEADS, by, fields) == columns
    rows = [row(1, "A"), row(2, "B", code="CODE"), row(3, "C"), row(1, "A", entity_type="contacts")]
    expected = [*(columns.get(each) for each in (1, 2, 3)), None]
    assert [each["latest_column"] for each in latest_columns([LEADS], by, rows)] == expected
    none = latest_columns([LEADS], settings(latest_table=False), rows)
    assert none == [{"latest_column": None}] * 4


def columns(*fields: KnownField, seen: dict[int, set[str]] | None = None, **more: Any) -> dict[str, Any]:
    """Of each column its type, fields and description."""
    found = field_columns(LEADS, settings(**more), fields, seen or {})
    return {each.column.name: (each.column.type, each.fields, each.column.description) for each in found}


def test_fields_that_only_rows_have_are_text_and_names_of_rows_count() -> None:
    found = columns(
        known(2, "B", kind="numeric"),
        seen={1: {"b", "a"}, 2: {"before"}, 3: set()},
        leads_custom_fields=[1, {"field": "before", "column": "two"}, 3],
    )
    assert list(found.items()) == [
        ("two", ("NUMERIC", (2,), "B (custom field 2, numeric).")),
        ("cf_1", ("STRING", (1,), "a (custom field 1, text, no longer in amoCRM).")),
        ("cf_3", ("STRING", (3,), " (custom field 3, text, no longer in amoCRM).")),
    ]


@pytest.mark.parametrize(
    ("kinds", "kind", "described"),
    [
        ([], "STRING", "No custom field of the account has the name in the settings."),
        (["date"], "DATE", "N (custom field 0, date)."),
        (["date", "date"], "DATE", "N (custom field 0, date); N (custom field 1, date)."),
        (["date", "numeric"], "STRING", "N (custom field 0, date); N (custom field 1, numeric)."),
        (
            ["text", None, "url", "date"],
            "STRING",
            "; ".join(f"N (custom field {n}, {k})" for n, k in enumerate(["text", "text", "url"])) + ".",
        ),
    ],
)
def test_fields_of_one_column_give_it_their_common_type_and_are_described(
    kinds: list[str | None], kind: str, described: str
) -> None:
    fields = [known(number, "N", kind=each) for number, each in enumerate(kinds)]
    found = columns(*fields, leads_custom_fields=[{"field": "N", "column": "n"}])
    assert found == {"n": (kind, tuple(range(len(kinds))), described)}


def test_a_description_is_not_longer_than_bigquery_allows() -> None:
    fields = [
        KnownField(10**18 + number, f"{number}" + "и" * 400, "multiselect", is_gone=True, names={"CODE"})
        for number in range(4)
    ]
    ((_, _, description),) = columns(*fields, leads_custom_fields=[{"field": "CODE", "column": "n"}]).values()
    assert len(description) == 1024
    assert description.startswith(f"0{'и' * 299} (custom field {10**18}, multiselect, no longer in amoCRM); 1и")
    assert "; 2и" in description
    assert description.endswith(".")
