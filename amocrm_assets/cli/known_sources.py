"""The sources that commands can use: those of the folder, as Dagster shows them.

Dagster is imported only if the files alone are not enough: for templates, subclasses and translations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.settings.source_files import Sources


def known_sources(folder: Path) -> Sources:
    """The sources of the folder, broken ones apart."""
    from amocrm_assets.settings.guest_sources import needs_dagster
    from amocrm_assets.settings.source_files import read_sources

    if not needs_dagster(folder):
        read = read_sources(folder)
        if not any(found.settings.translation for found in read.found):
            return read
    from amocrm_assets.orchestration.project_sources import read_project

    return read_project(folder)
