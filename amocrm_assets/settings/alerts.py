"""Where alerts about failures are sent (`AMOCRM_ALERTS`), and the UI's address for links (`AMOCRM_UI_URL`)."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from amocrm_assets.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE, UI_VARIABLE = "AMOCRM_ALERTS", "AMOCRM_UI_URL"


@dataclass(frozen=True)
class AlertSettings:
    """Apprise URLs, which contain tokens and passwords, and the Dagster UI's address without a trailing slash."""

    addresses: tuple[str, ...] = field(default=(), repr=False)
    ui_url: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> AlertSettings:
        """Read both variables. Addresses are separated by spaces or line breaks. Raises `SettingsError`."""
        ui_url = environment.get(UI_VARIABLE, "").strip().rstrip("/") or None
        if ui_url and not ui_url.startswith(("http://", "https://")):
            raise SettingsError(
                f"Reading the environment variable {UI_VARIABLE}",
                cause=f"{ui_url!r} does not start with http:// or https://.",
                fix=f"Write it like {UI_VARIABLE}=https://dagster.example.com.",
                variable=UI_VARIABLE,
            )
        return cls(tuple(environment.get(VARIABLE, "").split()), ui_url)
