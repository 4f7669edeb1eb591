"""What the *Components* tab and the list of libraries of the code location show of this package."""

from __future__ import annotations

import json
from importlib.metadata import version

import dagster as dg
import yaml

from amocrm_assets.orchestration.component import AmoCrmSource
from amocrm_assets.orchestration.component_library import component_metadata
from amocrm_assets.orchestration.source import deployment_definitions
from amocrm_assets.settings import SourceSettings


def test_the_components_tab_shows_what_dagster_would_of_the_component() -> None:
    from dagster.components.core.snapshot import get_package_entry_snap
    from dagster_shared.serdes.objects.package_entry import EnvRegistryKey, json_for_all_components

    snap = get_package_entry_snap(EnvRegistryKey("amocrm_assets", "AmoCrmSource"), AmoCrmSource)
    (dagsters,) = json_for_all_components([snap])

    (ours,) = component_metadata().values()

    (namespace,) = ours
    assert namespace["name"] == dagsters["name"]
    ((shown,), (wanted,)) = (namespace["componentTypes"], dagsters["componentTypes"])
    assert shown.keys() >= {name for name, value in wanted.items() if value}
    for name in ("name", "description", "owners", "tags"):
        assert shown[name] == wanted[name], name
    assert json.loads(shown["schema"])["properties"].keys() == json.loads(wanted["schema"])["properties"].keys()


def test_the_example_of_the_components_tab_is_a_source() -> None:
    (((namespace),),) = component_metadata().values()
    (component,) = namespace["componentTypes"]
    example = yaml.safe_load(component["example"])
    assert example["type"] == component["name"]
    SourceSettings.model_validate(example["attributes"])


def test_a_code_location_carries_them_both() -> None:
    definitions = deployment_definitions([])
    metadata = definitions.metadata or {}
    assert metadata["plugin_component_types_json"].value == component_metadata()["plugin_component_types_json"]


def test_our_version_stands_beside_those_of_dagster() -> None:
    from amocrm_assets.orchestration.source import source_definitions

    source_definitions(SourceSettings(subdomain="acme", start_date="2026-01-01", access_token_env="TOKEN"))
    registry = dg.DagsterLibraryRegistry  # type: ignore[attr-defined]
    assert registry.get()["amocrm-assets"] == version("amocrm-assets")
