"""Settings of the deployment, and secrets that settings name. The only reader of the environment."""

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

# Straight and typographic ones, from word processors.
QUOTES = "\"'`“”„«»‘’"


@dataclass(frozen=True)
class Deployment:
    """The storage and the warehouse of this deployment, shared by all sources."""

    warehouse: str = "duckdb:///data/warehouse.duckdb"
    storage: str = "data"
    tokens: str = "data/tokens"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Deployment:
        """Read `AMOCRM_WAREHOUSE`, `AMOCRM_STORAGE`, `AMOCRM_TOKENS`; an empty variable counts as unset.

        Folders and files are absolute paths. Raises `SettingsError` for an invalid location, and for data that an
        earlier version left in the working directory.
        """
        given = cls(
            **{
                name: value
                for name in ("warehouse", "storage", "tokens")
                if (value := environment.get(f"AMOCRM_{name.upper()}", "").strip())
            }
        )
        found = cls(
            warehouse=places.warehouse("AMOCRM_WAREHOUSE", given.warehouse, environment),
            storage=places.folder_or_bucket("AMOCRM_STORAGE", given.storage, environment),
            tokens=places.folder_or_bucket("AMOCRM_TOKENS", given.tokens, environment),
        )
        given.refuse_data_left_behind(found)
        return found

    def refuse_data_left_behind(self, found: Deployment) -> None:
        """Raise `SettingsError` if relative paths of this deployment were data below the working directory."""
        for variable, value, place, is_data in (
            ("AMOCRM_STORAGE", self.storage, found.storage, _holds_captures),
            ("AMOCRM_TOKENS", self.tokens, found.tokens, _holds_files),
            ("AMOCRM_WAREHOUSE", self.warehouse, found.warehouse, Path.is_file),
        ):
            places.refuse_data_left_behind(variable, value, place, is_data=is_data)

    def in_words(self) -> str:
        """The locations, in a sentence: it shows a second deployment that was set up by mistake."""
        return f"Captures and rows are in {self.storage}, shards in {self.warehouse}."

    @staticmethod
    def warehouse_address(environment: Mapping[str, str] = os.environ) -> str:
        """The unparsed value of `AMOCRM_WAREHOUSE`, for loading a code location."""
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
    """Dagster's home folder, None if `DAGSTER_HOME` is unset or empty.

    Raises `SettingsError` for a value that Dagster would refuse with a traceback.
    """
    home = environment.get("DAGSTER_HOME") or None
    if home is None or (Path(home).is_absolute() and Path(home).is_dir()):
        return home
    raise SettingsError(
        "Reading the environment variable DAGSTER_HOME",
        cause=f"{home!r} is not the full path of a folder that exists.",
        fix="`export DAGSTER_HOME=$PWD/dagster_home` takes the folder that comes with the project.",
    )


def history_not_kept(environment: Mapping[str, str] = os.environ) -> str | None:
    """Why Dagster's UI will not show the runs of this process, with the fix; None if it will."""
    if dagster_home(environment):
        return None
    project = places.project_folder()
    shipped = project / "dagster_home" if project else None
    fix = f"`export DAGSTER_HOME={shipped}`" if shipped and shipped.is_dir() else "The DAGSTER_HOME of your UI"
    return f"Dagster's UI does not show this run, because DAGSTER_HOME is not set. {fix} shows the next ones."


def file_mode(environment: Mapping[str, str] = os.environ) -> int:
    """The mode of written files, from `AMOCRM_FILE_MODE`: 0600, or one that gives a group access.

    Raises `SettingsError` for an invalid mode, one without access for the owner, or with access for everybody.
    """
    written = environment.get("AMOCRM_FILE_MODE", "").strip() or "0600"
    if not re.fullmatch(r"(0|0o)?6[046]0", written):
        raise SettingsError(
            f"Reading AMOCRM_FILE_MODE={written}",
            cause="it is not the mode of a file for its owner and a group.",
            fix="Set AMOCRM_FILE_MODE to 0600 (the owner alone),"
            " 0640 (a group may read) or 0660 (a group may read and write).",
            variable="AMOCRM_FILE_MODE",
        )
    return int(written[-3:], 8)


def google_key_file(environment: Mapping[str, str] = os.environ) -> str | None:
    """The key file that Google's libraries will read, None if they use other credentials."""
    return environment.get("GOOGLE_APPLICATION_CREDENTIALS") or None


def secret(variable: str, environment: Mapping[str, str] = os.environ) -> str:
    """The value of the environment variable that a setting names.

    Raises `NotAuthorised` when it is unset, empty, or in quotation marks.
    """
    value = environment.get(variable, "").strip()
    if not value:
        cause, fix = (
            f"{variable} is not set.",
            f"Set {variable} for the process that runs Dagster (docs/connecting.md).",
        )
    elif value[0] in QUOTES or value[-1] in QUOTES:
        cause = "its value begins or ends with a quotation mark, which no id, secret or token has."
        fix = f"Write {variable} without quotation marks: Docker's `--env-file` keeps them (docs/connecting.md)."
    else:
        return value
    raise NotAuthorised(f"Reading the environment variable {variable}", cause=cause, fix=fix, variable=variable)
