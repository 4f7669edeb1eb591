"""Finds the folder of the sources' `defs.yaml` files: `AMOCRM_SOURCES`, or the `defs` folder of a Dagster project.

As in `dg`, a Dagster project has `[tool.dg.project]` in its `pyproject.toml` (or `[project]` in a `dg.toml`).
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amocrm_assets.errors import SettingsError
from amocrm_assets.settings.places import local_path

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "AMOCRM_SOURCES"
_PACKAGE = Path(__file__).parents[1]
# `dg` uses the second if only that one exists.
_DEFS_NAMES = ("defs", "definitions")


@dataclass(frozen=True)
class DagsterProject:
    """A Dagster project: its package, the folder of its definitions, and its name in the UI."""

    root_module: str
    defs: Path
    import_root: Path
    """The folder that the package is imported from."""
    code_location: str


def sources_folder(
    environment: Mapping[str, str] = os.environ, *, start: Path | None = None, package: Path = _PACKAGE
) -> Path:
    """The folder of the sources: `AMOCRM_SOURCES`, or that of the Dagster project around `start`, or our own.

    `start` is the working directory by default. Our own exists only in a checkout, not in an installed package.
    Raises `SettingsError` if none of the three exists.
    """
    if value := environment.get(VARIABLE, "").strip():
        return local_path(VARIABLE, value, environment)
    if project := dagster_project(start or Path.cwd()):
        return project.defs
    if own := dagster_project(package.parent, upwards=False):
        return own.defs
    raise SettingsError(
        "Looking for the folder of the sources",
        cause=f"{VARIABLE} is not set, {start or Path.cwd()} is not in a Dagster project (a pyproject.toml with"
        " [tool.dg.project]), and the installed amocrm-assets has no folder of sources.",
        fix=f"Set {VARIABLE} to the folder that contains <source>/defs.yaml, or run this in the project's folder.",
        variable=VARIABLE,
    )


def code_location(*, start: Path | None = None, package: Path = _PACKAGE) -> str:
    """The name of the code location of the sources in the UI, as in `dg dev` and in the shipped workspaces."""
    project = dagster_project(start or Path.cwd()) or dagster_project(package.parent, upwards=False)
    return project.code_location if project else _PACKAGE.name


def existing_sources_folder() -> Path:
    """The folder of the sources. Raises `SettingsError` if `AMOCRM_SOURCES` names one that does not exist."""
    folder = sources_folder()
    if os.environ.get(VARIABLE, "").strip() and not folder.is_dir():
        raise SettingsError(
            f"Reading the environment variable {VARIABLE}",
            cause=f"there is no folder {folder}.",
            fix=f"Correct {VARIABLE}, or create the first source there with `amocrm-assets new`.",
            variable=VARIABLE,
        )
    return folder


def is_shared(folder: Path) -> bool:
    """Whether a folder belongs to another Dagster project, which may have other components there, too."""
    project = dagster_project(folder)
    return (
        project is not None
        and project.root_module != _PACKAGE.name
        and folder.resolve().is_relative_to(project.defs.resolve())
    )


def dagster_project(start: Path, *, upwards: bool = True) -> DagsterProject | None:
    """The nearest Dagster project whose folder is `start` or, with `upwards`, one of its parents.

    Raises `SettingsError` for a `pyproject.toml` or `dg.toml` that cannot be read.
    """
    start = start.absolute()
    for folder in [start, *start.parents] if upwards else [start]:
        for name, below in (("dg.toml", ("project",)), ("pyproject.toml", ("tool", "dg", "project"))):
            settings = _table(folder / name, below)
            if isinstance(root := settings.get("root_module"), str):
                base = folder / "src" if (folder / "src").is_dir() else folder
                defs = _defs_of(base, root, settings.get("defs_module"))
                return DagsterProject(root, defs, base, str(settings.get("code_location_name") or folder.name))
    return None


def _table(file: Path, names: tuple[str, ...]) -> Mapping[str, Any]:
    if not file.is_file():
        return {}
    try:
        table: Any = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(
            "Looking for the folder of the sources",
            cause=f"{file} cannot be read: {error}.",
            fix=f"Correct the file, or set {VARIABLE} to the folder that contains <source>/defs.yaml.",
        ) from error
    for name in names:
        table = table.get(name) if isinstance(table, dict) else None
    return table if isinstance(table, dict) else {}


def _defs_of(base: Path, root_module: str, defs_module: object) -> Path:
    """The folder of the definitions, found as in `dg`; `base` is the project's `src` if it has one."""
    if isinstance(defs_module, str):
        return base.joinpath(*defs_module.split("."))
    package = base.joinpath(*root_module.split("."))
    return next((package / name for name in _DEFS_NAMES if (package / name).is_dir()), package / _DEFS_NAMES[0])
