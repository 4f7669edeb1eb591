"""Leads: the list of API v4, and the columns of the shard."""

from __future__ import annotations

from amocrm_assets.entities.choices import Choices
from amocrm_assets.entities.custom_fields import custom_fields_column
from amocrm_assets.entities.entity import Entity
from amocrm_assets.entities.latest import (
    PIPELINE_NAME,
    STATUS_NAME,
    STATUS_SORT,
    Amount,
    Beside,
    Flag,
    Latest,
    NameOf,
    user_names,
)
from amocrm_assets.entities.lead_details import LEAD_DETAILS
from amocrm_assets.entities.record_list import RecordList
from amocrm_assets.entities.shard_names import ShardName
from amocrm_assets.entities.table import Column, Table

_COLUMNS = (
    Column("id", "INTEGER", "The lead's id, unique in the account."),
    Column("name", "STRING", "The lead's name; null when the source does not import names."),
    Column("responsible_user_id", "INTEGER", "User responsible for the lead."),
    Column("created_by", "INTEGER", "User who created the lead; 0 is a robot."),
    Column("created_at", "INTEGER", "When the lead was created, Unix seconds, UTC."),
    Column(
        "updated_at",
        "INTEGER",
        "When the lead was last updated, Unix seconds, UTC. The shard's day is in the source's `timezone`.",
    ),
    Column("account_id", "INTEGER", "The amoCRM account."),
    Column("pipeline_id", "INTEGER", "Pipeline of the lead."),
    Column(
        "status_id",
        "INTEGER",
        "Stage in the pipeline; 142 is won and 143 lost in every pipeline, so join by both ids.",
    ),
    Column("updated_by", "INTEGER", "User who last updated the lead; 0 is a robot."),
    Column(
        "is_deleted",
        "BOOLEAN",
        "True when the lead is in amoCRM's trash; other columns are then of an earlier version, or null.",
    ),
    Column("group_id", "INTEGER", "Group of the responsible user; 0 is the default group."),
    Column("closed_at", "INTEGER", "When the lead was won or lost, Unix seconds, UTC."),
    Column("closest_task_at", "INTEGER", "When the lead's next task is due, Unix seconds, UTC."),
    Column(
        "sale",
        "INTEGER",
        "The lead's price in whole units of the account's currency (`price` in API v4); revenue only if won.",
        api_name="price",
    ),
    Column("loss_reason_id", "INTEGER", "Why the lead was lost."),
    custom_fields_column("lead"),
)

# A capture without embedded details remains without them: by the next reading the lead may have changed.
# https://www.amocrm.ru/developers/content/crm_platform/leads-api#leads-list
_LIVE = RecordList(
    name="leads",
    records="leads",
    path="/api/v4/leads",
    embedded="leads",
    details=("contacts", "loss_reason", "source", "catalog_elements", "source_id", "is_price_modified_by_robot"),
)

_LATEST = Latest(
    warehouse_name="amoCrmLeadsLatest",
    document="leads_latest.md",
    names=(
        STATUS_NAME,
        PIPELINE_NAME,
        *user_names("lead"),
        NameOf(
            "loss_reason_name",
            "Why the lead was lost; from the lead itself if the reason is no longer listed.",
            by=("loss_reason_id",),
            table="amoCrmLossReasons",
            otherwise=Beside(LEAD_DETAILS, "loss_reason", part="name"),
        ),
        STATUS_SORT,
    ),
    flags=(
        Flag("is_won", "Whether the lead is in the stage *won*.", of="status_id", equals=142),
        Flag("is_lost", "Whether the lead is in the stage *lost*.", of="status_id", equals=143),
    ),
    dated=("created_at", "closed_at", "updated_at"),
    amounts=(
        Amount(
            "price",
            "The lead's price, with kopecks or cents if amoCRM has them; revenue only if won.",
            otherwise="sale",
            exact=Beside(LEAD_DETAILS, "price_with_minor_units"),
        ),
    ),
    preview=("id", "name", "pipeline_name", "status_name", "responsible_user_name", "price"),
)

_STATUS_NAME = ShardName(
    Column(
        "status_name",
        "STRING",
        "Name of the stage when the lead was last updated, or the earliest known; null if it is in no list.",
    ),
    behind="status_id",
    by=("pipeline_id", "status_id"),
    table="amoCrmStatuses",
    wanted="leads_status_name",
)

LEADS = Entity(
    name="leads",
    live=_LIVE,
    deleted=_LIVE.trash(),
    tables=(
        Table(
            asset="leads",
            warehouse_name="amoCrmLeads",
            record="lead",
            records="leads",
            columns=_COLUMNS,
            preview=("id", "name", "status_id", "sale", "updated_at", "custom_fields"),
            latest=_LATEST,
            shard_name_column=_STATUS_NAME,
        ),
        LEAD_DETAILS,
    ),
    stubs_lack=("created_at", "status_id", "pipeline_id", "custom_fields"),
    other_properties=(
        "_embedded", "_links", "is_price_computed", "is_price_modified_by_robot", "labor_cost",
        "price_with_minor_units", "score", "source_id", "visitor_uid",
    ),
    choices=Choices(
        imported="import_leads",
        custom_fields="leads_custom_fields",
        properties=(("import_lead_name", "name"),),
        stays=True,
    ),
)  # fmt: skip
