"""The component in somebody's own project, apart from what a source's definitions are."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from amocrm_assets import AmoCrmSource
from amocrm_assets.orchestration.claims import Load
from amocrm_assets.settings import SourceSettings
from amocrm_assets.settings.source_files import BrokenSource
from amocrm_assets_tests.orchestration.sources import LEADS_ASSETS, write_source
from amocrm_assets_tests.orchestration.sources import SOURCE_OF_LEADS as GOOD

if TYPE_CHECKING:
    from pathlib import Path

IN_PYTHON = """\
import dagster as dg

from amocrm_assets import AmoCrmSource

LEADS = {"access_token_env": "A", "import_reference": False, "import_lead_details": False}


@dg.component_instance
def one(context: dg.ComponentLoadContext) -> AmoCrmSource:
    return AmoCrmSource(subdomain="one", start_date="2026-01-01", **LEADS)


@dg.component_instance
def two(context: dg.ComponentLoadContext) -> AmoCrmSource:
    return AmoCrmSource(subdomain="SECOND", start_date="2026-01-01", **LEADS)
"""

# Dagster's own loader calls what is deprecated or beta.
pytestmark = pytest.mark.filterwarnings(
    "ignore:`parse_obj_as` is deprecated", "ignore:Parameter `execution_type` of function `AssetsDefinition"
)


def shown(defs: Path) -> dict[str, str]:
    """The assets with their descriptions."""
    specs = dg.load_from_defs_folder(path_within_project=defs.parent).resolve_all_asset_specs()
    return {spec.key.to_user_string(): str(spec.description) for spec in specs}


def test_every_attribute_is_described_as_in_the_settings_of_a_source() -> None:
    described = AmoCrmSource.model().model_json_schema()["properties"]
    for name, field in SourceSettings.model_fields.items():
        assert described[name].get("description") == field.description, name
        assert described[name].get("examples") == field.examples, name


def test_sources_in_python_are_two_and_have_one_sensor(defs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMOCRM_ALERTS", "json://127.0.0.1:1")
    (defs / "sources.py").write_text(IN_PYTHON.replace("SECOND", "two"), encoding="utf-8")
    definitions = dg.load_from_defs_folder(path_within_project=defs.parent)
    assert definitions.get_repository_def()
    assert len(list(definitions.sensors or [])) == 1
    assert set(shown(defs)) == {f"{source}/{name}" for source in ("one", "two") for name in LEADS_ASSETS}


def test_of_two_sources_in_python_with_one_key_the_second_is_shown_as_broken(defs: Path) -> None:
    file = defs / "sources.py"
    file.write_text(IN_PYTHON.replace("SECOND", "One"), encoding="utf-8")
    found = shown(defs)
    (broken,) = found.keys() - {f"one/{name}" for name in LEADS_ASSETS}
    assert f"'One' is taken by `one` of {file}" in found[broken]


def test_a_taken_subdomain_names_the_document_that_has_it(defs: Path) -> None:
    file = write_source(defs, "a", GOOD)
    text = file.read_text(encoding="utf-8")
    file.write_text(f"{text.replace('my-shop', 'other')}---\n{text}", encoding="utf-8")
    write_source(defs, "b", {**GOOD, "subdomain": "My-Shop"})
    found = shown(defs)
    (broken,) = [key for key in found if key.endswith("/broken_settings")]
    assert f"`subdomain`: 'My-Shop' is taken by document 2 of {file}." in found[broken]


def test_broken_sources_of_one_name_are_numbered(defs: Path) -> None:
    for folder in ("a", "b", "c"):
        write_source(defs, folder, {**GOOD, "start_date": "soon"})
    assert set(shown(defs)) == {f"my_shop{end}/broken_settings" for end in ("", "_2", "_3")}


def test_a_translation_that_fails_is_shown_with_the_place_of_its_settings(defs: Path) -> None:
    file = write_source(defs, "mine", {**GOOD, "translation": {"key": "{{ 'crm' }}/all"}})
    assert f"{file}:1: `translation` or" in shown(defs)["my_shop/broken_settings"]


def test_a_template_that_fails_is_in_the_log_with_its_error(defs: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = write_source(defs, "mine", {**GOOD, "start_date": "{{ what_is_this }}"})
    with caplog.at_level(logging.ERROR, logger="amocrm_assets"):
        assert "a template cannot be filled in (" in shown(defs)["mine/broken_settings"]
    (record,) = [each for each in caplog.records if each.exc_info]
    assert record.getMessage().startswith(f"A template of {file.parent}")


def test_alerts_know_each_source_by_its_settings_or_as_broken(defs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, type] = {}

    def alerts(self: Load, place: Any, source: Any) -> dg.Definitions:
        del self, place
        told[getattr(source, "subdomain", None) or source.name] = type(source)
        return dg.Definitions()

    monkeypatch.setattr(Load, "alerts", alerts)
    write_source(defs, "a", GOOD)
    write_source(defs, "b", {**GOOD, "subdomain": "wrong", "start_date": "soon"})
    assert shown(defs)
    assert told == {"my-shop": AmoCrmSource, "wrong": BrokenSource}
