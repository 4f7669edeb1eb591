"""The attributes of a source's settings for an entity: its switch, its custom fields, its properties.

Settings are read by the names in here only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Choices:
    """Names of attributes of `SourceSettings`. None or empty: there is no such choice.

    `imported` is the switch, `custom_fields` the list of the fields to import, `properties` pairs of a switch and
    the property of API v4 that is dropped if it is off. If the entity is not imported and its assets `stay`, they
    are shown nevertheless, and refuse to be materialised.
    """

    imported: str | None = None
    custom_fields: str | None = None
    properties: tuple[tuple[str, str], ...] = ()
    stays: bool = False

    def is_imported(self, source: object) -> bool:
        """Whether a source imports the entity."""
        return self.imported is None or bool(getattr(source, self.imported))

    def fields(self, source: object) -> Sequence[str | int] | None:
        """The custom fields that a source selects; None is all."""
        return fields_in(getattr(source, self.custom_fields) if self.custom_fields else None)

    def columns(self, source: object) -> dict[str, str]:
        """Columns of the flat table that a source names, by its name for the field, in its order."""
        found: Sequence[Any] | None = getattr(source, self.custom_fields) if self.custom_fields else None
        return {str(each.field): each.column for each in found or () if hasattr(each, "field")}

    def dropped(self, source: object) -> tuple[str, ...]:
        """The properties that are dropped before anything is written."""
        return tuple(name for switch, name in self.properties if not getattr(source, switch))


NO_CHOICES = Choices()


def fields_in(chosen: Sequence[Any] | None) -> Sequence[str | int] | None:
    """The custom fields that an attribute of a source selects, without the columns it may name for them."""
    return None if chosen is None else [getattr(each, "field", each) for each in chosen]
