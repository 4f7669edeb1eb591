"""What is read from amoCRM and stored in captures: an entity's records by day, or lists read as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True)
class Captured:
    """Something with captures. `name` is their folder."""

    name: str

    @property
    def raw_asset(self) -> str:
        """Last part of the key of the asset with captures."""
        return f"raw_{self.name}"

    def captures_folder(self, subdomain: str, day: date | None = None) -> str:
        """The folder of an account's captures, or of those of one day."""
        folder = f"captures/{subdomain}/{self.name}"
        return folder if day is None else f"{folder}/{day.isoformat()}"
