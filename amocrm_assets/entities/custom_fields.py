"""The column `custom_fields`, which is the same in every table of records with custom fields."""

from __future__ import annotations

from amocrm_assets.entities.table import Column

CUSTOM_FIELDS = "custom_fields"

_PARTS = (
    Column("id", "INTEGER", "The custom field's id (`field_id` in API v4)."),
    Column("name", "STRING", "The custom field's name when the {record} was read (`field_name`)."),
    Column(
        "is_system",
        "BOOLEAN",
        "Whether amoCRM made the field itself (`is_predefined` in amoCRM's list of fields); null when unknown.",
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
)


def custom_fields_column(record: str) -> Column:
    """The column of a table whose records are called `record`."""
    parts = tuple(
        Column(each.name, each.type, each.description.format(record=record), each.mode, each.columns)
        for each in _PARTS
    )
    description = f"The filled custom fields of the {record} that the source imports."
    return Column(CUSTOM_FIELDS, "RECORD", description, "REPEATED", parts, api_name="custom_fields_values")
