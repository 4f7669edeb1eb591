"""Parses and validates the URLs of `AMOCRM_WAREHOUSE`.

This opens nothing and imports no warehouse's library. For the warehouses see `duckdb` and `bigquery`.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from amocrm_assets.errors import SettingsError
from amocrm_assets.settings.places import local_path

DUCKDB_FORM = "duckdb:///data/warehouse.duckdb (four slashes before an absolute path)"
BIGQUERY_FORM = "bigquery://PROJECT/DATASET?location=EU"

_PROJECT = re.compile(r"[a-z0-9][a-z0-9.:-]*")  # `example.com:project` is a legal, old form
_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
_LOCATION = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


@dataclass(frozen=True)
class DuckDbAddress:
    """A DuckDB file."""

    path: Path

    def table(self, name: str) -> str:
        """`warehouse.main.amoCrmLeads_acme_20260101`, where `warehouse` is the file's name."""
        return f"{self.path.stem}.main.{name}"


@dataclass(frozen=True)
class BigQueryAddress:
    """A dataset. `endpoint` is an emulator's address; without it Google's service is used."""

    project: str
    dataset: str
    location: str | None = None
    endpoint: str | None = None

    def table(self, name: str) -> str:
        """`project.dataset.table`."""
        return f"{self.project}.{self.dataset}.{name}"


def read_address(url: str) -> DuckDbAddress | BigQueryAddress:
    """The warehouse of a URL. Raises `SettingsError` with the correct form."""
    if url.startswith("duckdb:"):
        return _duckdb(url)
    if url.startswith("bigquery:"):
        return _bigquery(url)
    raise _wrong(url, f"write {DUCKDB_FORM} or {BIGQUERY_FORM}")


def _duckdb(url: str) -> DuckDbAddress:
    path = url.removeprefix("duckdb:///")
    # DuckDB itself parses the text after a question mark as options, and then loses its log next to the file.
    if path == url or not path or path.endswith("/") or "?" in path:
        raise _wrong(url, f"write {DUCKDB_FORM}")
    return DuckDbAddress(Path(path) if Path(path).is_absolute() else local_path("AMOCRM_WAREHOUSE", path))


def _bigquery(url: str) -> BigQueryAddress:
    parts = urlsplit(url)
    project, dataset = parts.netloc, parts.path.removeprefix("/")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if not _PROJECT.fullmatch(project):
        raise _wrong(url, f"{project!r} is not a project id; write {BIGQUERY_FORM}")
    if not _DATASET.fullmatch(dataset):
        raise _wrong(url, f"{dataset!r} is not a dataset name, which has letters, digits and _ only (no hyphen)")
    if unknown := sorted(options.keys() - {"location", "endpoint"}):
        raise _wrong(url, f"unknown: {', '.join(unknown)}; location and endpoint may follow the question mark")
    location, endpoint = options.get("location"), options.get("endpoint")
    if location is not None and not _LOCATION.fullmatch(location):
        raise _wrong(url, f"{location!r} is not a location; write EU, US or a region like europe-west3")
    if endpoint is not None:
        _check_endpoint(url, endpoint)
    return BigQueryAddress(project, dataset, location, endpoint)


def _check_endpoint(url: str, endpoint: str) -> None:
    """An endpoint is used without credentials, so it can only be an emulator, and rows stay on this machine."""
    parts = urlsplit(endpoint)
    if parts.scheme != "http" or not _is_loopback(parts.hostname):
        raise _wrong(url, "endpoint is for an emulator on this machine; write endpoint=http://127.0.0.1:PORT")


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:  # a name; its address may change between this check and the use
        return False


def _wrong(url: str, what: str) -> SettingsError:
    return SettingsError(
        f"Reading AMOCRM_WAREHOUSE={url}",
        cause="it is not a supported warehouse.",
        fix=f"{what[0].upper()}{what[1:]}, in AMOCRM_WAREHOUSE.",
        variable="AMOCRM_WAREHOUSE",
    )
