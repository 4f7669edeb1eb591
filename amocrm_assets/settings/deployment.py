"""Settings of the deployment, and secrets whose variables are named in settings, read from the environment."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from amocrm_assets.errors import NotAuthorised, SettingsError
from amocrm_assets.settings import places

if TYPE_CHECKING:
    from collections.abc import Mapping

# Straight and typographic quotation marks; word processors insert the latter.
QUOTES = "\"'`“”„«»‘’"


@dataclass(frozen=True)
class Deployment:
    """Where this deployment stores data. All sources share it."""

    warehouse: str = "duckdb:///data/warehouse.duckdb"
    storage: str = "data"
    tokens: str = "data/tokens"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Deployment:
        """Read `AMOCRM_WAREHOUSE`, `AMOCRM_STORAGE`, `AMOCRM_TOKENS`; an empty variable counts as unset.

        Folders and files become absolute paths. Raises `SettingsError` for an invalid location, and for data that
        an earlier version left in the working directory.
        """
        written = cls(
            **{
                name: value
                for name in ("warehouse", "storage", "tokens")
                if (value := environment.get(f"AMOCRM_{name.upper()}", "").strip())
            }
        )
        resolved = cls(
            warehouse=places.warehouse("AMOCRM_WAREHOUSE", written.warehouse, environment),
            storage=places.folder_or_bucket("AMOCRM_STORAGE", written.storage, environment),
            tokens=places.folder_or_bucket("AMOCRM_TOKENS", written.tokens, environment),
        )
        written.refuse_data_left_behind(resolved)
        return resolved

    def refuse_data_left_behind(self, resolved: Deployment) -> None:
        """Raise `SettingsError` if there is data at this deployment's relative paths in the working directory."""
        for variable, value, place, is_data in (
            ("AMOCRM_STORAGE", self.storage, resolved.storage, _holds_captures),
            ("AMOCRM_TOKENS", self.tokens, resolved.tokens, _holds_files),
            ("AMOCRM_WAREHOUSE", self.warehouse, resolved.warehouse, Path.is_file),
        ):
            places.refuse_data_left_behind(variable, value, place, is_data=is_data)

    def in_words(self) -> str:
        """A sentence with the locations: it shows if a second deployment was set up by mistake."""
        return f"Captures and rows are in {self.storage}, shards in {self.warehouse}."

    @staticmethod
    def warehouse_address(environment: Mapping[str, str] = os.environ) -> str:
        """The value of `AMOCRM_WAREHOUSE` or its default, not resolved; loading a code location needs no more."""
        return environment.get("AMOCRM_WAREHOUSE", "").strip() or Deployment.warehouse

    @staticmethod
    def storage_address(environment: Mapping[str, str] = os.environ) -> str:
        """The unparsed value of `AMOCRM_STORAGE`, for loading a code location."""
        return environment.get("AMOCRM_STORAGE", "").strip() or Deployment.storage


def _holds_captures(folder: Path) -> bool:
    return (folder / "captures").is_dir()


def _holds_files(folder: Path) -> bool:
    return folder.is_dir() and any(path.is_file() for path in folder.glob("[!.]*/[!.]*"))


def dagster_home(environment: Mapping[str, str] = os.environ) -> str | None:
    """The folder where Dagster stores its history; None if `DAGSTER_HOME` is unset or empty.

    Raises `SettingsError` for a value that Dagster would reject with a traceback.
    """
    home = environment.get("DAGSTER_HOME") or None
    if home is None or (Path(home).is_absolute() and Path(home).is_dir()):
        return home
    raise SettingsError(
        "Reading the environment variable DAGSTER_HOME",
        cause=f"{home!r} is not the absolute path of an existing folder.",
        fix="`export DAGSTER_HOME=$PWD/dagster_home` uses the folder that comes with the project.",
    )


def history_not_kept(environment: Mapping[str, str] = os.environ) -> str | None:
    """Why Dagster's UI will not show the runs of this process, with the fix; None if it will."""
    if dagster_home(environment):
        return None
    project = places.project_folder()
    shipped = project / "dagster_home" if project else None
    fix = f"Run `export DAGSTER_HOME={shipped}`" if shipped and shipped.is_dir() else "Set it as for your UI"
    return f"Dagster's UI does not show this run, because DAGSTER_HOME is not set. {fix} to see later runs there."


def file_mode(environment: Mapping[str, str] = os.environ) -> int:
    """The mode of written files, from `AMOCRM_FILE_MODE`: 0600 by default, or one with access for a group.

    Raises `SettingsError` for an invalid mode, and for one that excludes the owner or allows everybody.
    """
    written = environment.get("AMOCRM_FILE_MODE", "").strip() or "0600"
    if not re.fullmatch(r"(0|0o)?6[046]0", written):
        raise SettingsError(
            f"Reading AMOCRM_FILE_MODE={written}",
            cause="it is not the mode of a file for its owner and a group.",
            fix="Set AMOCRM_FILE_MODE to 0600 (only the owner),"
            " 0640 (a group may read) or 0660 (a group may read and write).",
            variable="AMOCRM_FILE_MODE",
        )
    return int(written[-3:], 8)


def google_key_file(environment: Mapping[str, str] = os.environ) -> str | None:
    """The key file that Google's libraries read; None if they find credentials elsewhere."""
    return environment.get("GOOGLE_APPLICATION_CREDENTIALS") or None


def secret(variable: str, environment: Mapping[str, str] = os.environ) -> str:
    """Value of an environment variable that a setting names.

    Raises `NotAuthorised` if it is unset, empty, or in quotation marks.
    """
    value = environment.get(variable, "").strip()
    if not value:
        cause, fix = (
            f"{variable} is not set.",
            f"Set {variable} for the process that runs Dagster (docs/connecting.md).",
        )
    elif value[0] in QUOTES or value[-1] in QUOTES:
        cause = "its value begins or ends with a quotation mark; no id, secret or token does."
        fix = f"Write {variable} without quotation marks: Docker's `--env-file` keeps them (docs/connecting.md)."
    else:
        return value
    raise NotAuthorised(f"Reading the environment variable {variable}", cause=cause, fix=fix, variable=variable)
