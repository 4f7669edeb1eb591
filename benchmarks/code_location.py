"""What Dagster's processes do with a folder of sources. `loading` runs each function in a separate process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagster as dg


def load_all(folder: str) -> None:
    """What the UI and the daemon do: build, validate and combine the definitions of the repository."""
    _repository(folder).load_all_definitions()


def load_one_job(folder: str) -> None:
    """What a run does: build only the job of its source."""
    _repository(folder).get_job("shop_0_leads")


def _repository(folder: str) -> dg.RepositoryDefinition:
    from amocrm_assets.orchestration.project_sources import read_project
    from amocrm_assets.orchestration.source import deployment_definitions

    sources = read_project(Path(folder))
    if sources.broken:
        raise RuntimeError(sources.broken)
    return deployment_definitions(sources.found).get_repository_def()
