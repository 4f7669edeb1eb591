"""Rows of contacts and companies: what hangs on them, and what amoCRM leaves of deleted ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from amocrm_assets.captures import OpenCapture
from amocrm_assets.entities import COMPANIES, CONTACTS
from amocrm_assets.rows.merge import rows_of_day
from amocrm_assets.shard import arrow_schema
from amocrm_assets_tests.rows.days import DAY, UPDATED_AT, capture_header, field, line, source
from amocrm_assets_tests.rows.parties import company, contact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from amocrm_assets.entities import Entity

BOTH: list[Any] = [
    pytest.param(CONTACTS, contact, id="contacts"),
    pytest.param(COMPANIES, company, id="companies"),
]


def rows(
    entity: Entity, *captures: Sequence[dict[str, Any]], **settings: Any
) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows, their schema checked, and kinds of oddities."""
    opened = [
        OpenCapture(capture_header(number), iter([line(each) for each in sent]))
        for number, sent in enumerate(captures)
    ]
    found = rows_of_day(entity, opened, source=source(**settings), day=DAY)
    table = pa.concat_tables([arrow_schema(entity.table).empty_table(), *found.tables()])
    assert table.schema == arrow_schema(entity.table)
    assert found.unknown_properties == ()
    return table.to_pylist(), [oddity.kind for oddity in found.oddities]


def test_a_contact_has_its_company_leads_tags_and_fields() -> None:
    phone = field("multitext", {"value": "+7 999", "enum_id": 3, "enum_code": "WORK"}, field_name="Телефон")
    embedded = {
        "tags": [{"id": 601, "name": "vip", "color": None}],
        "companies": [{"id": 41, "_links": {}}],
        "leads": [{"id": 2, "_links": {}}, {"id": 1, "_links": {}}],
    }
    ((row,), oddities) = rows(CONTACTS, [contact(5, _embedded=embedded, custom_fields_values=[phone])])
    assert oddities == []
    assert (row["company_id"], row["lead_ids"]) == (41, [2, 1])
    assert row["tags"] == [{"id": 601, "name": "vip", "color": None}]
    assert row["custom_fields"][0]["values"] == [{"value": "+7 999", "enum": 3}]
    assert (row["first_name"], row["last_name"], row["is_unsorted"]) == ("Анна", "5", False)


@pytest.mark.parametrize(("entity", "make"), BOTH)
def test_a_stub_keeps_the_columns_of_an_earlier_version(
    entity: Entity, make: Callable[..., dict[str, Any]]
) -> None:
    whole = make(5, _embedded={"tags": [], "leads": [{"id": 1}]})
    kept = {name: whole[name] for name in ("created_at", "account_id", "updated_by")}
    gone = dict.fromkeys(whole) | {"id": 5, "updated_at": UPDATED_AT + 9, "is_deleted": True} | kept
    ((row,), oddities) = rows(entity, [whole], [gone])
    assert oddities == []
    assert (row["name"], row["is_deleted"], row["updated_at"]) == (whole["name"], True, UPDATED_AT + 9)
    assert row["lead_ids"] == [1]


@pytest.mark.parametrize(("entity", "make"), BOTH)
def test_a_deleted_record_that_comes_whole_is_a_version_like_others(
    entity: Entity, make: Callable[..., dict[str, Any]]
) -> None:
    """Nobody documents what is left of it."""
    ((row,), _) = rows(entity, [make(5)], [make(5, name="last", is_deleted=True, updated_at=UPDATED_AT + 9)])
    assert (row["name"], row["is_deleted"]) == ("last", True)


@pytest.mark.parametrize(("entity", "make"), BOTH)
def test_a_reading_without_leads_takes_no_leads_away(entity: Entity, make: Callable[..., dict[str, Any]]) -> None:
    with_leads, without = make(5, _embedded={"tags": [], "leads": [{"id": 1}]}), make(5, _embedded={"tags": []})
    for captures in ([with_leads], [without]), ([without], [with_leads]):
        ((row,), _) = rows(entity, *captures)
        assert row["lead_ids"] == [1]


@pytest.mark.parametrize(
    ("leads", "taken", "oddity"),
    [
        ([{"id": 1}, {"id": None}], [1], "lead_ids[]: nothing instead of a value"),
        ([{"id": "2"}], [2], "lead_ids[]: text instead of an integer, converted"),
        ([{"id": {}}], [], "lead_ids[]: object instead of an integer"),
        ({"0": {"id": 1}, "2": {"id": 3}}, [1, 3], None),
        ("many", [], "lead_ids: text instead of a list"),
        ([], [], None),
    ],
)
def test_leads_of_another_shape_are_taken_or_noted(leads: Any, taken: list[int], oddity: str | None) -> None:
    ((row,), oddities) = rows(CONTACTS, [contact(5, _embedded={"leads": leads})])
    assert row["lead_ids"] == taken
    assert oddities == ([oddity] if oddity else [])


@pytest.mark.parametrize(("entity", "make"), BOTH)
def test_each_has_a_choice_of_custom_fields_of_its_own(
    entity: Entity, make: Callable[..., dict[str, Any]]
) -> None:
    filled = [field("text", {"value": "x"}, field_name="Город"), field("text", {"value": "y"}, field_name="Улица")]
    settings = {f"{entity.name}_custom_fields": ["Город"], "leads_custom_fields": []}
    ((row,), _) = rows(entity, [make(5, custom_fields_values=filled)], **settings)
    assert [each["name"] for each in row["custom_fields"]] == ["Город"]
