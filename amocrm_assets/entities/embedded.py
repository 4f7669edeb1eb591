"""The embedded objects of a record (`_embedded`): its tags, its company, the ids of linked records."""

from __future__ import annotations

from typing import Any

from amocrm_assets.entities.table import Column

Json = dict[str, Any]


def tags_column(record: str) -> Column:
    """The column with the tags of a `record`."""
    parts = (
        Column("id", "INTEGER", "The tag's id."),
        Column("name", "STRING", f"Its text when the {record} was read."),
        Column("color", "STRING", "Its colour, if amoCRM has one."),
    )
    return Column("tags", "RECORD", f"The {record}'s tags.", "REPEATED", parts, api_name="_embedded.tags")


def objects(value: Any) -> list[Json]:
    """The objects of a list; PHP writes a list with gaps as an object of its numbers."""
    items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, dict)]


def company_id(companies: Any) -> Any:
    """The id of the only company in a list; anything else is returned unchanged, so that it is noted."""
    if companies is None or companies in ([], {}):
        return None
    found = objects(companies)
    return found[0].get("id") if found else [companies]  # no integer, whatever it is


def ids(linked: Any) -> Any:
    """The ids of linked records; anything else is returned unchanged, so that it is noted."""
    if linked is None or linked in ([], {}):
        return []
    found = objects(linked)
    return [each.get("id") for each in found] if found else linked


def given(embedded: Any) -> Json:
    """`_embedded` as an object: PHP writes an empty one as a list."""
    return embedded if isinstance(embedded, dict) else {}
