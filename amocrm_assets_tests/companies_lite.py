"""A second entity, as a person who adds one declares it: CONTRIBUTING, "Add an entity"."""

from __future__ import annotations

from typing import Any

from amocrm_assets.entities import Choices, Column, Entity, RecordList, Table, custom_fields_column

LIVE = RecordList(name="companies", records="companies", path="/api/v4/companies", embedded="companies")
COMPANIES = Entity(
    name="companies",
    live=LIVE,
    deleted=LIVE.trash(),
    tables=(
        Table(
            asset="companies",
            warehouse_name="amoCrmCompaniesLite",
            record="company",
            records="companies",
            columns=(
                Column("id", "INTEGER", "The company's id."),
                custom_fields_column("company"),
                Column("title", "STRING", "The company's name.", api_name="name"),
                Column("created_at", "INTEGER", "When the company was created, Unix seconds, UTC."),
                Column("updated_at", "INTEGER", "When the company was last updated, Unix seconds, UTC."),
                Column("is_deleted", "BOOLEAN", "True when the company is in amoCRM's trash."),
            ),
            preview=("id", "title", "updated_at", "custom_fields"),
        ),
        Table(
            asset="company_owners",
            warehouse_name="amoCrmCompanyOwnersLite",
            record="company",
            records="companies",
            columns=(
                Column("id", "INTEGER", "The company's id."),
                Column("responsible_user_id", "INTEGER", "User responsible for the company."),
                Column("updated_at", "INTEGER", "When the company was last updated, Unix seconds, UTC."),
                Column("is_deleted", "BOOLEAN", "True when the company is in amoCRM's trash."),
            ),
            preview=("id", "responsible_user_id"),
        ),
    ),
    stubs_lack=("created_at", "custom_fields"),
    other_properties=(
        "_embedded",
        "_links",
        "account_id",
        "closest_task_at",
        "created_by",
        "group_id",
        "updated_by",
    ),
    choices=Choices(),
)


def company(number: int, **properties: Any) -> dict[str, Any]:
    """A company as API v4 sends it."""
    return {
        "id": number,
        "name": f"ООО {number}",
        "responsible_user_id": 7,
        "group_id": 0,
        "created_by": 0,
        "updated_by": 0,
        "created_at": 1_767_229_100,
        "updated_at": 1_767_229_200,
        "closest_task_at": None,
        "is_deleted": False,
        "custom_fields_values": None,
        "account_id": 31_415_926,
        "_links": {"self": {"href": f"https://acme.amocrm.ru/api/v4/companies/{number}"}},
        "_embedded": {"tags": []},
    } | properties


def company_stub(number: int, **properties: Any) -> dict[str, Any]:
    """A deleted company as API v4 sends it: nearly everything null."""
    kept = {"id", "updated_at", "updated_by", "account_id", "_links"}
    nulls = {name: value if name in kept else None for name, value in company(number).items()}
    return nulls | {"is_deleted": True} | properties
