"""The flat tables of contacts and companies: the newest row of each, names, fields, and what is deleted."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.entities import COMPANIES, CONTACTS, ENTITIES, LEADS, latest_table
from amocrm_assets.entities.reference import REFERENCE_TABLES
from amocrm_assets.rows.reference import write_reference_tables
from amocrm_assets.settings import SourceSettings
from amocrm_assets_tests.rows.days import field, source
from amocrm_assets_tests.rows.latest_table.tables import (
    content,
    day,
    defined,
    from_nothing,
    rows,
    seconds,
    settings,
    write_day,
)
from amocrm_assets_tests.rows.parties import company, contact
from amocrm_assets_tests.rows.reference.readings import capture, night
from amocrm_assets_tests.warehouse.test_analysing_document import LISTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from amocrm_assets.entities import Entity
    from amocrm_assets.storage import Storage

    Make = Callable[..., dict[str, Any]]

BY = settings()
LISTED = [defined(1, "Телефон", "multitext", "PHONE"), defined(2, "Дата", "date")]
PHONES = field(
    "multitext", {"value": "+7 999"}, {"value": "8 900"}, field_id=1, field_name="Телефон", field_code="PHONE"
)
BOTH: list[Any] = [
    pytest.param(CONTACTS, contact, id="contacts"),
    pytest.param(COMPANIES, company, id="companies"),
]


def stub_of(make: Make, number: int, at: int) -> dict[str, Any]:
    kept = {"id": number, "updated_at": at, "is_deleted": True}
    return dict.fromkeys(make(number)) | kept


def test_each_entity_with_custom_fields_has_a_flat_table() -> None:
    with_fields = [each for each in ENTITIES if each.choices.custom_fields]
    assert with_fields == [LEADS, CONTACTS, COMPANIES]
    assert [each.table.latest and each.table.latest.warehouse_name for each in with_fields] == [
        "amoCrmLeadsLatest",
        "amoCrmContactsLatest",
        "amoCrmCompaniesLatest",
    ]


@pytest.mark.parametrize(("entity", "make"), BOTH)
def test_each_record_has_its_newest_row_with_its_links_and_fields(
    storage: Storage, entity: Entity, make: Make
) -> None:
    links = {"leads": [{"id": 7}, {"id": 9}], "tags": [{"id": 1, "name": "vip"}], "companies": [{"id": 41}]}
    first = make(1, updated_at=seconds(0), name="before")
    newest = make(1, updated_at=seconds(1), name="now", custom_fields_values=[PHONES], _embedded=links)
    write_day(storage, 0, [first, make(2, updated_at=seconds(0))], by=BY, entity=entity, fields=LISTED)
    write_day(storage, 1, [newest], by=BY, entity=entity, fields=LISTED)
    one, two = rows(storage, BY, entity)
    assert (one["name"], one["day"], two["day"]) == ("now", day(1), day(0))
    assert (one["lead_ids"], one["tags"]) == ([7, 9], [{"id": 1, "name": "vip", "color": None}])
    assert one["cf_1"] == "+7 999, 8 900"
    assert (one["updated_date"], one["cf_2"], two["cf_1"]) == (day(1), None, None)
    assert one.get("company_id") == (41 if entity is CONTACTS else None)


@pytest.mark.parametrize(("entity", "make"), BOTH)
def test_what_is_deleted_keeps_its_last_columns_until_it_is_restored(
    storage: Storage, entity: Entity, make: Make
) -> None:
    full = make(1, updated_at=seconds(0), custom_fields_values=[PHONES])
    write_day(storage, 0, [full], by=BY, entity=entity)
    stubs = [stub_of(make, 1, seconds(1)), stub_of(make, 2, seconds(1))]
    write_day(storage, 1, stubs, by=BY, entity=entity)
    one, two = rows(storage, BY, entity)
    assert (one["is_deleted"], one["deleted_at"], one["name"]) == (True, seconds(1), full["name"])
    assert one["cf_1"] == "+7 999, 8 900"
    assert (one["has_properties"], two["has_properties"], two["name"]) == (True, False, None)
    write_day(storage, 2, [make(1, updated_at=seconds(2), name="again")], by=BY, entity=entity)
    one, _ = rows(storage, BY, entity)
    assert (one["is_deleted"], one["deleted_at"], one["name"]) == (False, None, "again")


@pytest.mark.parametrize(("entity", "make"), BOTH)
def test_fields_and_people_have_names(storage: Storage, entity: Entity, make: Make) -> None:
    chosen = {f"{entity.name}_custom_fields": [{"field": "PHONE", "column": "phone"}]}
    by = settings(import_reference=True, **chosen)
    lists = LISTS | {f"{entity.name}_custom_fields": LISTED}
    capture(storage, night(0), lists, subdomain=by.subdomain)
    write_reference_tables(REFERENCE_TABLES, storage, by.subdomain)
    known = {"responsible_user_id": 1, "created_by": 2, "group_id": 346}
    filled = [PHONES, field("date", {"value": 1}, field_id=2, field_name="Дата")]
    write_day(
        storage, 0, [make(1, updated_at=seconds(0), custom_fields_values=filled, **known)], by=by, entity=entity
    )
    (row,) = rows(storage, by, entity)
    names = (row["responsible_user_name"], row["created_by_name"], row["group_name"])
    assert names == ("Anna Maple", "Peter Reed", "Wholesale")
    assert row["phone"] == "+7 999, 8 900"
    assert "cf_2" not in row


@pytest.mark.parametrize("entity", [CONTACTS, COMPANIES], ids=lambda each: each.name)
def test_a_column_that_the_table_has_already_is_refused(entity: Entity) -> None:
    taken = [{"field": "PHONE", "column": "responsible_user_name"}]
    with pytest.raises(ValueError, match="the flat table already has a column"):
        source(**{f"{entity.name}_custom_fields": taken})
    named = [{"field": "PHONE", "column": "status_name"}]
    assert isinstance(source(**{f"{entity.name}_custom_fields": named}), SourceSettings)


@pytest.mark.slow
@pytest.mark.parametrize(("entity", "make"), BOTH)
def test_a_table_that_is_kept_up_equals_one_made_from_nothing(
    storage: Storage, entity: Entity, make: Make, tmp_path: Path
) -> None:
    rng = Random(entity.name)
    for number in range(6):
        at = seconds(rng.randrange(3))
        some = [
            stub_of(make, each, at)
            if rng.random() < 0.2
            else make(each, updated_at=at + each, name=f"{number} {each}")
            for each in rng.sample(range(1, 9), 4)
        ]
        write_day(storage, rng.randrange(3), some, by=BY, reading=number, entity=entity)
        assert content(storage, BY, entity) == from_nothing(storage, BY, tmp_path / str(number), entity)


def test_the_columns_are_of_the_shard_and_then_those_that_are_said() -> None:
    for entity in (CONTACTS, COMPANIES):
        columns = latest_table(entity.table).column_names
        assert columns[: len(entity.table.columns)] == entity.table.column_names
        assert set(columns) >= {"day", "responsible_user_name", "created_date", "updated_time", "deleted_at"}
        assert not {"is_won", "price", "status_name"} & set(columns)
