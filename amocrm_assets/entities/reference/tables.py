"""The reference tables: their columns, their keys, and the list of each record.

Each table has one row per key and time at which a change was first observed. For making the rows of captures see
`rows.reference`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from amocrm_assets.entities.reference.lists import LOST, WON
from amocrm_assets.entities.table import Column, Table

Json = dict[str, Any]
_INCOMING_TYPE = 1
_ENTITY_TYPES = ("leads", "contacts", "companies")

HISTORY_COLUMNS = (
    Column(
        "valid_from",
        "TIMESTAMP",
        "Since when these values are valid: when a reading first had them. The first row of a key begins at the"
        " record's `created_at` if amoCRM has one, otherwise at 1970-01-01.",
    ),
    Column("valid_to", "TIMESTAMP", "Until when these values are valid, exclusive; null if they still are."),
    Column("first_seen_at", "TIMESTAMP", "When a reading first had the record; null for one that is in no list."),
    Column("is_current", "BOOLEAN", "True for exactly one row of each key: its newest."),
    Column("is_deleted", "BOOLEAN", "True when the record is gone from amoCRM's list; the last values are kept."),
    Column("deleted_at", "TIMESTAMP", "When a reading first did not contain it."),
)


@dataclass(frozen=True)
class Part:
    """The source of a table's records: a list, or objects `within` each of the list's records.

    `adds` are properties that the records themselves do not have.
    """

    record_list: str
    within: tuple[str, ...] = ()
    adds: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReferenceTable(Table):
    """One table of an account, with history. `columns` end with `HISTORY_COLUMNS`.

    `derive` returns derived properties; `placeholders` are records that are in no list, but in leads.
    """

    key: tuple[str, ...]
    parts: tuple[Part, ...]
    derive: Callable[[Json], Mapping[str, Any]] | None = None
    placeholders: tuple[tuple[tuple[str, Any], ...], ...] = ()
    from_settings: tuple[str, ...] = ()
    """Columns filled from the source's settings, the last before those of the history."""

    @property
    def unique_columns(self) -> tuple[str, ...]:
        """A record has a row for each of its versions."""
        return (*self.key, "valid_from")

    @property
    def properties(self) -> tuple[Column, ...]:
        """The columns filled from amoCRM's records."""
        return self.columns[: -len(HISTORY_COLUMNS) - len(self.from_settings)]

    def rows_name(self, subdomain: str) -> str:
        """The file of an account's rows in the storage."""
        return f"rows/{subdomain}/{self.asset}/history.parquet"


def _table(name: str, records: str, columns: tuple[Column, ...], **declared: Any) -> ReferenceTable:
    record = records.rstrip("s")
    return ReferenceTable(
        preview=(),
        asset=name,
        warehouse_name=name,
        record=record,
        records=records,
        columns=(*columns, *HISTORY_COLUMNS),
        **{"key": ("id",), **declared},
    )


def _status_properties(status: Json) -> Json:
    status_id = status.get("id")
    outcome = "won" if status_id == WON else "lost" if status_id == LOST else "open"
    return {"outcome": outcome, "is_incoming": status.get("type") == _INCOMING_TYPE}


def _user_properties(user: Json) -> Json:
    rights, roles = _object(user.get("rights")), _object(user.get("_embedded")).get("roles")
    role = _object(roles[0]) if isinstance(roles, list) and roles else {}
    # A lead of a user without group says group 0.
    return rights | {"group_id": rights.get("group_id") or 0, "role_name": role.get("name")}


def _account_properties(account: Json) -> Json:
    settings = _object(_object(account.get("_embedded")).get("datetime_settings"))
    return {"timezone": settings.get("timezone")}


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


PIPELINES = _table(
    "amoCrmPipelines",
    "pipelines",
    (
        Column("id", "INTEGER", "The pipeline's id: `pipeline_id` of leads."),
        Column("name", "STRING", "Its name."),
        Column("sort", "INTEGER", "Its position among the pipelines."),
        Column("is_main", "BOOLEAN", "Whether it is the account's main pipeline."),
        Column("is_unsorted_on", "BOOLEAN", "Whether it accepts incoming leads."),
        Column("is_archive", "BOOLEAN", "Whether it is archived; leads may still be in it."),
    ),
    parts=(Part("pipelines"),),
)
STATUSES = _table(
    "amoCrmStatuses",
    "statuses",
    (
        Column("pipeline_id", "INTEGER", "The pipeline. 142 and 143 exist in each one: join by both ids."),
        Column("id", "INTEGER", "The stage's id: `status_id` of leads."),
        Column("name", "STRING", "Its name."),
        Column("sort", "INTEGER", "Its position in the pipeline."),
        Column("color", "STRING", "Its colour."),
        Column("outcome", "STRING", "`won` (142), `lost` (143), or `open`."),
        Column("is_incoming", "BOOLEAN", "Whether it is for incoming leads that are not accepted yet."),
        Column("is_editable", "BOOLEAN", "Whether users can change it."),
    ),
    key=("pipeline_id", "id"),
    parts=(Part("pipelines", within=("_embedded", "statuses")),),
    derive=_status_properties,
)
USERS = _table(
    "amoCrmUsers",
    "users",
    (
        Column("id", "INTEGER", "The user's id: `responsible_user_id`, `created_by`, `updated_by` of leads."),
        Column("name", "STRING", "The user's name."),
        Column("email", "STRING", "E-mail address, which is also the login."),
        Column("phone_number", "STRING", "Phone number."),
        Column("lang", "STRING", "Language of the user's interface."),
        Column("group_id", "INTEGER", "The user's group; 0 is the default group (amoCRM sends null)."),
        Column("role_id", "INTEGER", "The user's role."),
        Column("role_name", "STRING", "Name of the role."),
        Column("is_admin", "BOOLEAN", "Whether the user is an administrator."),
        Column("is_free", "BOOLEAN", "Whether the user has free access."),
        Column("is_active", "BOOLEAN", "False after the user was deactivated."),
        Column("user_rank", "STRING", "The user's rank in amoCRM (newbie, candidate, master)."),
    ),
    parts=(Part("users"),),
    derive=_user_properties,
    placeholders=((("id", 0), ("name", "Robot")),),
)
GROUPS = _table(
    "amoCrmGroups",
    "groups",
    (
        Column("id", "INTEGER", "The group's id: `group_id` of leads and users; 0 is the default group."),
        Column("name", "STRING", "Its name."),
        Column("uuid", "STRING", "Its id in amoCRM's chats."),
    ),
    parts=(Part("account", within=("_embedded", "users_groups")),),
    placeholders=((("id", 0), ("name", "Default group")),),
)
LOSS_REASONS = _table(
    "amoCrmLossReasons",
    "loss reasons",
    (
        Column("id", "INTEGER", "The reason's id: `loss_reason_id` of leads."),
        Column("name", "STRING", "Its text."),
        Column("sort", "INTEGER", "Its position in the list."),
        Column("created_at", "INTEGER", "When it was created, Unix seconds, UTC."),
        Column("updated_at", "INTEGER", "When it was last changed, Unix seconds, UTC."),
    ),
    parts=(Part("loss_reasons"),),
)
TASK_TYPES = _table(
    "amoCrmTaskTypes",
    "task types",
    (
        Column("id", "INTEGER", "The type's id: `task_type_id` of tasks."),
        Column("name", "STRING", "Its name."),
        Column("code", "STRING", "amoCRM's code of its own types."),
        Column("color", "STRING", "Its colour."),
        Column("icon_id", "INTEGER", "Its icon."),
    ),
    parts=(Part("account", within=("_embedded", "task_types")),),
)
CUSTOM_FIELDS = _table(
    "amoCrmCustomFields",
    "custom fields",
    (
        Column("entity_type", "STRING", "Entity of the field: `leads`, `contacts`, `companies`."),
        Column("id", "INTEGER", "The field's id: `custom_fields.id` of leads."),
        Column("name", "STRING", "Its name."),
        Column("code", "STRING", "Its code, if it has one."),
        Column("type", "STRING", "Its type in API v4 (`text`, `select`, …)."),
        Column("sort", "INTEGER", "Its position in the card."),
        Column("group_id", "STRING", "The tab of the card that shows it."),
        Column("is_predefined", "BOOLEAN", "Whether amoCRM made the field itself (`is_system` of leads' fields)."),
        Column("is_api_only", "BOOLEAN", "Whether it is read-only for users."),
        Column(
            "enums",
            "RECORD",
            "The options of a select field.",
            "REPEATED",
            (
                Column("id", "INTEGER", "The option's id: `enum` of leads' values."),
                Column("value", "STRING", "Its text."),
                Column("sort", "INTEGER", "Its place."),
            ),
        ),
        Column("latest_column", "STRING", "Its column in the flat table; null if it has none."),
    ),
    key=("entity_type", "id"),
    from_settings=("latest_column",),
    parts=tuple(Part(f"{each}_custom_fields", adds=(("entity_type", each),)) for each in _ENTITY_TYPES),
)
TAGS = _table(
    "amoCrmTags",
    "tags",
    (
        Column("entity_type", "STRING", "Entity of the tag: `leads`, `contacts`, `companies`."),
        Column("id", "INTEGER", "The tag's id."),
        Column("name", "STRING", "Its text."),
        Column("color", "STRING", "Its colour; only tags of leads have one."),
    ),
    key=("entity_type", "id"),
    parts=tuple(Part(f"{each}_tags", adds=(("entity_type", each),)) for each in _ENTITY_TYPES),
)
ACCOUNTS = _table(
    "amoCrmAccounts",
    "accounts",
    (
        Column("id", "INTEGER", "The account's id: `account_id` of leads."),
        Column("name", "STRING", "Its name."),
        Column("subdomain", "STRING", "Its subdomain."),
        Column("currency", "STRING", "The currency of `sale`, for example RUB."),
        Column("country", "STRING", "Its country."),
        Column("timezone", "STRING", "Its time zone."),
        Column("is_loss_reason_enabled", "BOOLEAN", "Whether a loss reason is requested when a lead is lost."),
    ),
    parts=(Part("account"),),
    derive=_account_properties,
)

REFERENCE_TABLES = (PIPELINES, STATUSES, USERS, GROUPS, LOSS_REASONS, TASK_TYPES, CUSTOM_FIELDS, TAGS, ACCOUNTS)
_BY_NAME = {table.asset: table for table in REFERENCE_TABLES}


def reference_table(asset: str) -> ReferenceTable:
    """The table of that asset."""
    return _BY_NAME[asset]
