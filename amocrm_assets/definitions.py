"""Dagster's door: the code location with all sources of the project, or of the folder `AMOCRM_SOURCES`."""

from __future__ import annotations

import dagster as dg

from amocrm_assets.orchestration.source import deployment_definitions
from amocrm_assets.settings.source_files import find_sources


@dg.definitions
def defs() -> dg.Definitions:
    """Everything that the sources' files describe. Raises `SettingsError` with every problem in them."""
    return deployment_definitions(find_sources())
