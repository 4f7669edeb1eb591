"""Leads: the list of API v4, and the columns of the shard."""

from __future__ import annotations

from amocrm_assets.entities.entity import Entity
from amocrm_assets.entities.table import Column, Table

_COLUMNS = (
    Column("id", "INTEGER", "The lead's id, unique in the account."),
    Column("name", "STRING", "The lead's name; null when the source does not import names."),
    Column("responsible_user_id", "INTEGER", "User responsible for the lead."),
    Column("created_by", "INTEGER", "User who created the lead; 0 is a robot."),
    Column("created_at", "INTEGER", "When the lead was created, Unix seconds, UTC."),
    Column("updated_at", "INTEGER", "When the lead was last updated, Unix seconds, UTC."),
    Column("account_id", "INTEGER", "The amoCRM account."),
    Column("pipeline_id", "INTEGER", "Pipeline of the lead."),
    Column("status_id", "INTEGER", "Stage in the pipeline; 142 is won and 143 is lost in every pipeline."),
    Column("updated_by", "INTEGER", "User who last updated the lead; 0 is a robot."),
    Column("is_deleted", "BOOLEAN", "True when the lead lies in amoCRM's trash."),
    Column("group_id", "INTEGER", "Group of the responsible user; 0 is the default group."),
    Column("closed_at", "INTEGER", "When the lead was won or lost, Unix seconds, UTC."),
    Column("closest_task_at", "INTEGER", "When the lead's next task is due, Unix seconds, UTC."),
    Column(
        "sale",
        "INTEGER",
        "The lead's price in whole units of the account's currency (`price` in API v4).",
        api_name="price",
    ),
    Column("loss_reason_id", "INTEGER", "Why the lead was lost."),
    Column(
        "custom_fields",
        "RECORD",
        "The filled custom fields of the lead that the source imports.",
        "REPEATED",
        (
            Column("id", "INTEGER", "The custom field's id (`field_id` in API v4)."),
            Column("name", "STRING", "The custom field's name when the lead was read (`field_name`)."),
            Column(
                "is_system",
                "BOOLEAN",
                "Whether amoCRM made the field itself (`is_predefined` in the catalogue); null when unknown.",
            ),
            Column(
                "values",
                "RECORD",
                "The field's values.",
                "REPEATED",
                (
                    Column("value", "STRING", "The value as text."),
                    Column("enum", "INTEGER", "Id of the chosen option (`enum_id` in API v4)."),
                ),
            ),
        ),
        api_name="custom_fields_values",
    ),
)

LEADS = Entity(
    name="leads",
    path="/api/v4/leads",
    embedded="leads",
    table=Table(asset="leads", warehouse_name="amoCrmLeads", record="lead", records="leads", columns=_COLUMNS),
)
