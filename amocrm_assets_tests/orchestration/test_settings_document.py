"""Every setting and every variable of a deployment is described, and `docs/settings.md` says the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import amocrm_assets
from amocrm_assets.settings import OAuthSettings, ScheduleSettings, SourceSettings
from amocrm_assets.settings.translation import TranslationSettings
from amocrm_assets_tests.orchestration.sources import SOURCE, write_source
from amocrm_assets_tests.settings.loading import find_sources

ROOT = Path(amocrm_assets.__file__).parents[1]


@pytest.mark.parametrize("model", [SourceSettings, ScheduleSettings, OAuthSettings, TranslationSettings])
def test_every_setting_has_a_description_and_an_example(model: type[SourceSettings]) -> None:
    for name, field in model.model_fields.items():
        assert field.description, name
        assert field.examples, name


def test_every_attribute_of_the_component_keeps_its_description() -> None:
    model = amocrm_assets.AmoCrmSource.get_model_cls()
    assert model is not None
    schema = model.model_json_schema()
    for name, field in SourceSettings.model_fields.items():
        assert schema["properties"][name]["description"] == field.description
        assert schema["properties"][name]["examples"]


def test_every_setting_is_documented_as_it_is_described() -> None:
    document = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for model in (SourceSettings, ScheduleSettings, OAuthSettings, TranslationSettings):
        for name, field in model.model_fields.items():
            rows = [line for line in document.splitlines() if line.startswith(f"| `{name}` |")]
            assert any(str(field.description) in row for row in rows), name


def test_every_variable_of_the_deployment_is_documented() -> None:
    texts = [file.read_text(encoding="utf-8") for file in (ROOT / "amocrm_assets" / "settings").glob("*.py")]
    named = {name for text in texts for name in re.findall(r'"(AMOCRM_[A-Z_]+)"', text)}
    read = named - {"AMOCRM_TOKEN", "AMOCRM_CLIENT_ID", "AMOCRM_CLIENT_SECRET"}  # examples of a source's own
    document = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert {"AMOCRM_ALERTS", "AMOCRM_WAREHOUSE"} <= read
    assert [name for name in sorted(read) if f"\n| `{name}` |" not in document] == []


def test_the_documented_settings_are_a_source(tmp_path: Path) -> None:
    document = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    file = write_source(tmp_path, "documented", SOURCE)
    file.write_text(document.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    (found,) = find_sources(tmp_path)
    assert found.settings.title == "My Shop"
