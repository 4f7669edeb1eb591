"""A custom field with the name of its column in the flat table: `{field: Город, column: city}`."""

from __future__ import annotations

from pydantic import Field

from amocrm_assets.settings.credentials import Settings


class NamedField(Settings):
    """One of the custom fields that a source imports."""

    field: str | int = Field(description="The field's name, code or id.", examples=["Город"])
    column: str = Field(
        description="Name of its column: Latin letters, digits and _, a letter first.", examples=["city"]
    )
