"""Contacts: the list of API v4, and the columns of the shard.

https://www.amocrm.ru/developers/content/crm_platform/contacts-api
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amocrm_assets.entities.choices import Choices
from amocrm_assets.entities.custom_fields import custom_fields_column
from amocrm_assets.entities.embedded import company_id, given, ids, tags_column
from amocrm_assets.entities.entity import Entity
from amocrm_assets.entities.latest import Latest, user_names
from amocrm_assets.entities.record_list import RecordList
from amocrm_assets.entities.table import Column, Derived, Table

_LIVE = RecordList(
    name="contacts", records="contacts", path="/api/v4/contacts", embedded="contacts", details=("leads",)
)
_COLUMNS = (
    Column("id", "INTEGER", "The contact's id, unique in the account."),
    Column("name", "STRING", "Full name of the contact."),
    Column("first_name", "STRING", "First name; empty if not filled in."),
    Column("last_name", "STRING", "Last name; empty if not filled in."),
    Column("responsible_user_id", "INTEGER", "User responsible for the contact."),
    Column("created_by", "INTEGER", "User who created the contact; 0 is a robot."),
    Column("created_at", "INTEGER", "When the contact was created, Unix seconds, UTC."),
    Column(
        "updated_at",
        "INTEGER",
        "When the contact was last updated, Unix seconds, UTC. The shard's day is in the source's `timezone`.",
    ),
    Column("account_id", "INTEGER", "The amoCRM account."),
    Column("updated_by", "INTEGER", "User who last updated the contact; 0 is a robot."),
    Column(
        "is_deleted",
        "BOOLEAN",
        "True when the contact is in amoCRM's trash; other columns are then of an earlier version, or null.",
    ),
    Column("group_id", "INTEGER", "Group of the responsible user; 0 is the default group."),
    Column("closest_task_at", "INTEGER", "When the contact's next task is due, Unix seconds, UTC."),
    Column("is_unsorted", "BOOLEAN", "True while the contact is incoming and not accepted."),
    Column(
        "company_id",
        "INTEGER",
        "The contact's company; at most one.",
        api_name="_embedded.companies",
    ),
    Column(
        "lead_ids",
        "INTEGER",
        "The contact's leads when it was read. If a lead has other contacts, the lead is right.",
        "REPEATED",
        api_name="_embedded.leads",
    ),
    tags_column("contact"),
    custom_fields_column("contact"),
)


def _values(sent: Mapping[str, Any]) -> dict[str, Any]:
    embedded = given(sent.get("_embedded"))
    return {
        "company_id": company_id(embedded.get("companies")),
        "lead_ids": ids(embedded.get("leads")),
        "tags": embedded.get("tags"),
    }


def _is_whole(sent: Mapping[str, Any]) -> bool:
    return "leads" in given(sent.get("_embedded"))


_LATEST = Latest(
    warehouse_name="amoCrmContactsLatest",
    document="contacts.md",
    names=user_names("contact"),
    dated=("created_at", "updated_at"),
    preview=("id", "name", "company_id", "responsible_user_name", "created_date", "updated_date"),
)

CONTACTS = Entity(
    name="contacts",
    live=_LIVE,
    deleted=_LIVE.trash(),
    tables=(
        Table(
            asset="contacts",
            warehouse_name="amoCrmContacts",
            record="contact",
            records="contacts",
            columns=_COLUMNS,
            preview=("id", "name", "company_id", "updated_at", "custom_fields"),
            derived=Derived(
                properties=("_embedded",),
                columns=("company_id", "lead_ids", "tags"),
                values=_values,
                is_whole=_is_whole,
            ),
            latest=_LATEST,
        ),
    ),
    # The properties of a deleted contact are undocumented. No live one lacks all of these.
    # What a stub of these lists contains is not documented; a whole record has all of these.
    stubs_lack=("name", "responsible_user_id", "custom_fields"),
    other_properties=("_links", "is_main"),
    choices=Choices(imported="import_contacts", custom_fields="contacts_custom_fields"),
)
