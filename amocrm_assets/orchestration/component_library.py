"""The content of the code location's *Components* tab, and its list of libraries.

Dagster fills both in for projects that it loads itself (`dg.load_from_defs_folder`). The keys are the ones it uses
there.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.settings import SourceSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

DISTRIBUTION, PACKAGE = "amocrm-assets", "amocrm_assets"
_COMPONENT_TYPES = "plugin_component_types_json"
TAGS = ("amocrm", "kommo", "bigquery")
DESCRIPTION = """\
Loads the leads of one amoCRM account into your warehouse every day.

Defines daily partitioned assets, `raw_leads` → `leads` → `amoCrmLeads` and those that its attributes switch
on, their checks, a job, and a schedule that materialises the day that has just ended."""
EXAMPLE = """\
type: amocrm_assets.AmoCrmSource
attributes:
  subdomain: my-shop
  access_token_env: AMOCRM_MY_SHOP_TOKEN
  timezone: Europe/Moscow
  start_date: 2026-01-01
"""


def register_library() -> None:
    """Show the version of this package among those of Dagster's own."""
    # All of Dagster's integrations call it, though it is not exported.
    registry = dg.DagsterLibraryRegistry  # type: ignore[attr-defined]
    registry.register(DISTRIBUTION, version(DISTRIBUTION), is_dagster_package=False)


def component_metadata() -> Mapping[str, Any]:
    """Metadata of a code location with the component's description, example and every attribute.

    Every run loads the location, so it takes 6 ms: the component itself, with the same content, would take 35.
    """
    component = {
        "name": f"{PACKAGE}.AmoCrmSource",
        "description": DESCRIPTION,
        "example": EXAMPLE,
        "schema": json.dumps({**SourceSettings.model_json_schema(), "title": "AmoCrmSource"}),
        "owners": [],
        "tags": list(TAGS),
    }
    return {_COMPONENT_TYPES: [{"name": PACKAGE, "componentTypes": [component]}]}
