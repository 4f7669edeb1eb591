"""What an entity declares: where amoCRM lists its records, and the table that they become.

How lists are read is in `crm`, how records are kept in `captures`; both take the entity as a parameter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from amocrm_assets.entities.table import Table


@dataclass(frozen=True)
class Captured:
    """Something that is read from amoCRM and kept in captures. `name` is their folder."""

    name: str

    @property
    def raw_asset(self) -> str:
        """Last part of the key of the asset that keeps captures."""
        return f"raw_{self.name}"

    def captures_folder(self, subdomain: str, day: date | None = None) -> str:
        """Where the captures of an account lie, or those of one day."""
        folder = f"captures/{subdomain}/{self.name}"
        return folder if day is None else f"{folder}/{day.isoformat()}"


@dataclass(frozen=True)
class Entity(Captured):
    """One kind of record of amoCRM, read by `updated_at`.

    `path` is the address of its list, `embedded` the property of `_embedded` that holds the records.
    """

    path: str
    embedded: str
    table: Table
