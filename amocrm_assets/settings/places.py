"""Resolves the locations in settings (a folder, a bucket, a DuckDB file).

The same setting means the same location in every process of a deployment, independent of the working directory:
a relative path is resolved against the project.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from amocrm_assets.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PACKAGE = Path(__file__).parents[1]
# A folder with one of these files is a project, of this package or of its user.
_MARKERS = ("pyproject.toml", "dg.toml", "workspace.yaml", "setup.py")
_DUCKDB = "duckdb:///"
_FORMS = (
    "a folder (/srv/amocrm, ~/amocrm, or data, relative to the project), file:///srv/amocrm, or gs://bucket/prefix"
)
# Also matches `s3://`, `gcs://`, and `gs:/` by mistake. A folder with such a name is written `./name:`.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_VARIABLE = re.compile(r"\$\w|\$\{|%\w+%")


def folder_or_bucket(variable: str, value: str, environment: Mapping[str, str]) -> str:
    """An absolute path or `gs://bucket/prefix`. Raises `SettingsError` for anything else."""
    scheme = _SCHEME.match(value)
    if scheme is None:
        return str(local_path(variable, value, environment))
    if scheme[1].lower() == "file" and value[len("file:") :].startswith("///"):
        return str(local_path(variable, unquote(value[len("file://") :]), environment))
    if scheme[1].lower() == "gs" and value[len("gs:") :].startswith("//"):
        return _bucket(variable, value)
    raise _wrong(variable, value, f"{value.partition('/')[0]} is not supported", f"Write {_FORMS}.")


def warehouse(variable: str, value: str, environment: Mapping[str, str]) -> str:
    """The address of a warehouse: the path of a DuckDB file becomes absolute; other addresses are not changed."""
    if not value.startswith(_DUCKDB) or value == _DUCKDB:
        return value
    path = value.removeprefix(_DUCKDB)
    # A trailing slash is kept: `open_warehouse` reports it with the right form.
    end = "/" if path.endswith("/") else ""
    return f"{_DUCKDB}{local_path(variable, path, environment, prefix=_DUCKDB)}{end}"


def local_path(
    variable: str, value: str, environment: Mapping[str, str] = os.environ, *, prefix: str = ""
) -> Path:
    """The absolute path. `~` is the user's home; a relative path is resolved against the project.

    `prefix` is the text before the path in the variable, for messages.
    """
    if _VARIABLE.search(value):
        raise _wrong(variable, value, "variables are not filled in here", "Write the path itself.")
    if value[:1] in "'\"" or value[-1:] in "'\"":
        raise _wrong(variable, value, "it begins or ends with a quotation mark", "Write it without.")
    path = _expanded(variable, value)
    if path.is_absolute():
        return path
    return _base(variable, value, environment, prefix) / path


def project_folder(*, package: Path = _PACKAGE, interpreter: Path | None = None) -> Path | None:
    """The project that this code belongs to: a checkout of it, or the project in whose `.venv` it is installed.

    None if it is installed for a whole machine or container. The working directory does not matter.
    """
    if _is_project(package.parent):
        return package.parent
    environment = interpreter or Path(sys.prefix)
    return next((folder for folder in environment.parents if _is_project(folder)), None)


def refuse_data_left_behind(variable: str, value: str, place: str, *, is_data: Callable[[Path], bool]) -> None:
    """Raise `SettingsError` if the working directory contains data that earlier versions would have used.

    They resolved relative paths against the working directory. A run that does not see earlier captures would
    write incomplete shards.
    """
    path = Path(value.removeprefix(_DUCKDB))
    after = Path(place.removeprefix(_DUCKDB))
    before = Path.cwd() / path
    if ":" in str(path) or path.is_absolute() or str(path).startswith("~") or not is_data(before):
        return
    if before.resolve() == after.resolve():
        return
    raise SettingsError(
        f"Reading {variable}",
        cause=f"relative paths are now resolved against the project, so {value!r} is {after}; and {before}"
        " contains data of an earlier version, or of another project, that was started in that folder.",
        fix=f"Move {before} to {after} (if both contain captures, merge the folders: captures have unique names),"
        f" or set {variable} to the absolute path of the intended one.",
        variable=variable,
    )


def _bucket(variable: str, value: str) -> str:
    bucket, _, prefix = value[len("gs://") :].partition("/")
    if not bucket:
        raise _wrong(variable, value, "it has no bucket name", "Write it like gs://my-bucket/amocrm.")
    if not _BUCKET.fullmatch(bucket):
        message = f"{bucket!r} is not a bucket name (lower-case letters, digits, '-', '_' and '.')"
        raise _wrong(variable, value, message, "Write it like gs://my-bucket/amocrm.")
    parts = prefix.rstrip("/").split("/") if prefix.strip("/") else []
    if any(part in ("", ".", "..") for part in parts):
        raise _wrong(variable, value, "a part of the prefix is empty, '.' or '..'", "Write the prefix without it.")
    return "/".join([f"gs://{bucket}", *parts])


def _expanded(variable: str, value: str) -> Path:
    try:
        return Path(value).expanduser()
    except RuntimeError as error:
        raise _wrong(variable, value, "that user's home is not known here", "Write the absolute path.") from error


def _base(variable: str, value: str, environment: Mapping[str, str], prefix: str) -> Path:
    if project := project_folder():
        return project
    if (home := environment.get("DAGSTER_HOME")) and Path(home).is_absolute():
        return Path(home)
    form = f"{prefix}/absolute/path" if prefix else "an absolute path or gs://bucket/prefix"
    raise _wrong(
        variable,
        f"{prefix}{value}",
        "a relative path needs a project, but amocrm-assets is not installed in one",
        f"Set {variable} to {form}, or set DAGSTER_HOME to resolve it.",
    )


def _is_project(folder: Path) -> bool:
    return any((folder / marker).is_file() for marker in _MARKERS)


def _wrong(variable: str, value: str, cause: str, fix: str) -> SettingsError:
    return SettingsError(f"Reading {variable}={value}", cause=f"{cause}.", fix=fix, variable=variable)
