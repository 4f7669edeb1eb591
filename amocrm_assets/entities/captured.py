"""What is read from amoCRM and kept in captures: an entity's records day by day, or lists that are read whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True)
class Captured:
    """Something that has captures. `name` is their folder."""

    name: str

    @property
    def raw_asset(self) -> str:
        """Last part of the key of the asset that keeps captures."""
        return f"raw_{self.name}"

    def captures_folder(self, subdomain: str, day: date | None = None) -> str:
        """Where the captures of an account are, or those of one day."""
        folder = f"captures/{subdomain}/{self.name}"
        return folder if day is None else f"{folder}/{day.isoformat()}"
