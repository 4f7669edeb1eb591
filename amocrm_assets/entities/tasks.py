"""Tasks: the list of API v4, and the columns of the shard.

https://www.amocrm.ru/developers/content/crm_platform/tasks-api
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amocrm_assets.entities.choices import Choices
from amocrm_assets.entities.entity import Entity
from amocrm_assets.entities.record_list import RecordList
from amocrm_assets.entities.table import Column, Derived, Table

_COLUMNS = (
    Column("id", "INTEGER", "The task's id, unique in the account."),
    Column("entity_type", "STRING", "Type of its entity: `leads`, `contacts`, `companies`; null if it has none."),
    Column("entity_id", "INTEGER", "The id of that entity."),
    Column("responsible_user_id", "INTEGER", "User responsible for the task."),
    Column("created_by", "INTEGER", "User who created it; 0 is a robot."),
    Column("created_at", "INTEGER", "When the task was created, Unix seconds, UTC."),
    Column(
        "updated_at",
        "INTEGER",
        "When the task was last updated, Unix seconds, UTC. The shard's day is in the source's `timezone`.",
    ),
    Column("account_id", "INTEGER", "The amoCRM account."),
    Column("updated_by", "INTEGER", "User who last updated the task; 0 is a robot."),
    Column("group_id", "INTEGER", "Group of the responsible user; 0 is the default group."),
    Column("task_type_id", "INTEGER", "Its type: 1 is a call, 2 a meeting, others are the account's own."),
    Column("is_completed", "BOOLEAN", "True if it is done. amoCRM does not record when."),
    Column("complete_till", "INTEGER", "The deadline, Unix seconds, UTC."),
    Column("duration", "INTEGER", "Planned duration in seconds."),
    Column("text", "STRING", "Text of the task."),
    Column("result", "STRING", "Text of the result; null without one (`result.text`)."),
)


def _values(sent: Mapping[str, Any]) -> dict[str, Any]:
    """The result's text; PHP writes a missing result as an empty list."""
    result = sent.get("result")
    if isinstance(result, dict):
        return {"result": result.get("text")}
    return {"result": None if result == [] else result}


# Deleted tasks leave the list; only an event `task_deleted` remains.
TASKS = Entity(
    name="tasks",
    live=RecordList(name="tasks", records="tasks", path="/api/v4/tasks", embedded="tasks", kind="by_id"),
    tables=(
        Table(
            asset="tasks",
            warehouse_name="amoCrmTasks",
            record="task",
            records="tasks",
            columns=_COLUMNS,
            preview=("id", "text", "responsible_user_id", "is_completed", "complete_till", "entity_id"),
            derived=Derived(properties=("result",), columns=("result",), values=_values, is_whole=lambda _: True),
        ),
    ),
    other_properties=("_embedded", "_links"),
    choices=Choices(imported="import_tasks"),
    has_cards=False,
)
