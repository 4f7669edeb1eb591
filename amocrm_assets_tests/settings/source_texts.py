"""Texts of source files, and the problems that are found in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amocrm_assets.settings.source_files import read_sources
from amocrm_assets_tests.orchestration.sources import write_source

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {"subdomain": "acme", "start_date": "2026-01-01", "access_token_env": "ACME_TOKEN"}
HEAD = "type: amocrm_assets.AmoCrmSource\nattributes:\n"


def problems_of(folder: Path) -> list[str]:
    """What is said of the broken sources of a folder, each with its place."""
    broken = read_sources(folder).broken
    assert broken
    return sorted(line.strip() for each in broken for line in each.error().cause.splitlines()[1:])


def problems_with(tmp_path: Path, **changes: Any) -> list[str]:
    attributes = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    write_source(tmp_path, "acme", attributes)
    return problems_of(tmp_path)
