"""Settings of the deployment, and secrets that settings name. The only reader of the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from amocrm_assets.errors import NotAuthorised, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Deployment:
    """Where this deployment keeps things. Every source shares it."""

    warehouse: str = "duckdb:///data/warehouse.duckdb"
    storage: str = "data"
    tokens: str = "data/tokens"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Deployment:
        """Read `AMOCRM_WAREHOUSE`, `AMOCRM_STORAGE`, `AMOCRM_TOKENS`; an empty variable counts as unset."""
        given = {
            name: value
            for name in ("warehouse", "storage", "tokens")
            if (value := environment.get(f"AMOCRM_{name.upper()}"))
        }
        return cls(**given)


def dagster_home(environment: Mapping[str, str] = os.environ) -> str | None:
    """Where Dagster keeps its history, None when `DAGSTER_HOME` is unset or empty.

    Raises `SettingsError` for what Dagster would refuse with a traceback.
    """
    home = environment.get("DAGSTER_HOME") or None
    if home is None or (Path(home).is_absolute() and Path(home).is_dir()):
        return home
    raise SettingsError(
        "Reading the environment variable DAGSTER_HOME",
        cause=f"{home!r} is not the full path of a folder that exists.",
        fix="`export DAGSTER_HOME=$PWD/dagster_home` takes the folder that comes with the project.",
    )


def google_key_file(environment: Mapping[str, str] = os.environ) -> str | None:
    """The key file that Google's own libraries will read, None where they look for credentials elsewhere."""
    return environment.get("GOOGLE_APPLICATION_CREDENTIALS") or None


def secret(variable: str, environment: Mapping[str, str] = os.environ) -> str:
    """Value of the environment variable that a setting names.

    Raises `NotAuthorised` when it is unset or empty.
    """
    if value := environment.get(variable, "").strip():
        return value
    raise NotAuthorised(
        f"Reading the environment variable {variable}",
        cause="it is not set.",
        fix=f"Set {variable} for the process that runs Dagster (docs/connecting.md).",
        variable=variable,
    )
