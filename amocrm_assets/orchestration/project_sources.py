"""The sources of a folder as Dagster loads them: with templates filled in, subclasses, and tested translations.

Most files need none of this and are read without Dagster, by `settings.source_files`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import dagster as dg

from amocrm_assets.orchestration.component import AmoCrmSource
from amocrm_assets.orchestration.source import wrong_translation
from amocrm_assets.settings.guest_sources import needs_dagster
from amocrm_assets.settings.source_files import SourceFound, Sources, read_sources
from amocrm_assets.settings.sources_folder import dagster_project, existing_sources_folder

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.settings.source_files import BrokenSource


def read_project(folder: Path | None = None) -> Sources:
    """All sources of a folder. One whose translation fails is broken; others are not affected."""
    folder = folder or existing_sources_folder()
    read = _loaded(folder) if needs_dagster(folder) else read_sources(folder)
    found: list[SourceFound] = []
    broken = list(read.broken)
    for each in read.found:
        wrong = wrong_translation(each)
        if wrong is None:
            found.append(each)
        else:
            broken.append(wrong)
    return Sources(found, broken)


def _loaded(folder: Path) -> Sources:
    """The components of the folder's project, loaded by Dagster's own loader."""
    project = dagster_project(folder)
    if project is not None and str(project.import_root) not in sys.path:
        # Dagster starts its processes there; a command may have been started in any folder below.
        sys.path.insert(0, str(project.import_root))
    found: list[SourceFound] = []
    broken: list[BrokenSource] = []
    for source in dg.ComponentTree.for_project(folder).get_all_components(AmoCrmSource):
        if source.broken:
            broken.append(source.broken)
        else:
            found.append(SourceFound(source, source.file or folder, 1))
    return Sources(sorted(found, key=lambda each: each.settings.subdomain), broken)
