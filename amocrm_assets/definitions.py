"""Dagster's entry point: the code location with all sources of the project, or of the folder `AMOCRM_SOURCES`."""

from __future__ import annotations

import dagster as dg

from amocrm_assets.orchestration.project_sources import read_project
from amocrm_assets.orchestration.source import deployment_definitions


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions of all sources; a source with wrong settings is shown as broken."""
    sources = read_project()
    return deployment_definitions(sources.found, sources.broken)
