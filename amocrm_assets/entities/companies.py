"""Companies: the list of API v4, and the columns of the shard.

https://www.amocrm.ru/developers/content/crm_platform/companies-api
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amocrm_assets.entities.choices import Choices
from amocrm_assets.entities.custom_fields import custom_fields_column
from amocrm_assets.entities.embedded import given, ids, tags_column
from amocrm_assets.entities.entity import Entity
from amocrm_assets.entities.latest import Latest, user_names
from amocrm_assets.entities.record_list import RecordList
from amocrm_assets.entities.table import Column, Derived, Table

# Without `contacts`: requests with them returned 504 in some accounts, and contacts contain their company.
_LIVE = RecordList(
    name="companies", records="companies", path="/api/v4/companies", embedded="companies", details=("leads",)
)
_COLUMNS = (
    Column("id", "INTEGER", "The company's id, unique in the account."),
    Column("name", "STRING", "The company's name."),
    Column("responsible_user_id", "INTEGER", "User responsible for the company."),
    Column("created_by", "INTEGER", "User who created the company; 0 is a robot."),
    Column("created_at", "INTEGER", "When the company was created, Unix seconds, UTC."),
    Column(
        "updated_at",
        "INTEGER",
        "When the company was last updated, Unix seconds, UTC. The shard's day is in the source's `timezone`.",
    ),
    Column("account_id", "INTEGER", "The amoCRM account."),
    Column("updated_by", "INTEGER", "User who last updated the company; 0 is a robot."),
    Column(
        "is_deleted",
        "BOOLEAN",
        "True when the company is in amoCRM's trash; other columns are then of an earlier version, or null.",
    ),
    Column("group_id", "INTEGER", "Group of the responsible user; 0 is the default group."),
    Column("closest_task_at", "INTEGER", "When the company's next task is due, Unix seconds, UTC."),
    Column(
        "lead_ids",
        "INTEGER",
        "The company's leads when it was read. If a lead has another company, the lead is right.",
        "REPEATED",
        api_name="_embedded.leads",
    ),
    tags_column("company"),
    custom_fields_column("company"),
)


def _values(sent: Mapping[str, Any]) -> dict[str, Any]:
    embedded = given(sent.get("_embedded"))
    return {"lead_ids": ids(embedded.get("leads")), "tags": embedded.get("tags")}


def _is_whole(sent: Mapping[str, Any]) -> bool:
    return "leads" in given(sent.get("_embedded"))


_LATEST = Latest(
    warehouse_name="amoCrmCompaniesLatest",
    document="contacts.md",
    names=user_names("company"),
    dated=("created_at", "updated_at"),
    preview=("id", "name", "responsible_user_name", "created_date", "updated_date"),
)

COMPANIES = Entity(
    name="companies",
    live=_LIVE,
    deleted=_LIVE.trash(),
    tables=(
        Table(
            asset="companies",
            warehouse_name="amoCrmCompanies",
            record="company",
            records="companies",
            columns=_COLUMNS,
            preview=("id", "name", "updated_at", "custom_fields"),
            derived=Derived(
                properties=("_embedded",), columns=("lead_ids", "tags"), values=_values, is_whole=_is_whole
            ),
            latest=_LATEST,
        ),
    ),
    # The properties of a deleted company are undocumented. No live one lacks all of these.
    # What a stub of these lists contains is not documented; a whole record has all of these.
    stubs_lack=("name", "responsible_user_id", "custom_fields"),
    other_properties=("_links",),
    choices=Choices(imported="import_companies", custom_fields="companies_custom_fields"),
)
