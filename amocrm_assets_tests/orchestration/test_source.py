"""The definitions of a source in code: its links, retries and checks, and what is said of a wrong translation."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from amocrm_assets import AmoCrmAsset, AmoCrmResource, build_source_definitions
from amocrm_assets.entities import AGREEMENT, ENTITIES, Entity
from amocrm_assets.errors import SettingsError
from amocrm_assets.orchestration import source as module
from amocrm_assets.orchestration.assets.raw import raw_of
from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.orchestration.source import alert_definitions, source_definitions, wrong_translation
from amocrm_assets.orchestration.translation import TranslatedSource
from amocrm_assets.settings import SourceSettings
from amocrm_assets.settings.source_files import SourceFound

GOOD = {"subdomain": "my-shop", "start_date": "2026-01-01", "access_token_env": "SHOP_TOKEN"}
LEADS_ALONE = {**GOOD, "import_reference": False, "import_lead_details": False}
FILE = Path("/project/defs/my-shop/defs.yaml")


def names_of(definitions: dg.Definitions) -> set[str]:
    return {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs()}


def translating(translation: Any, **changes: Any) -> SourceFound:
    return SourceFound(TranslatedSource(**{**LEADS_ALONE, **changes}, translation=translation), FILE, 7)


def test_an_asset_links_to_its_settings_first_and_then_to_its_code() -> None:
    for spec in source_definitions(SourceSettings(**LEADS_ALONE), file=FILE).resolve_all_asset_specs():
        settings, code = spec.metadata["dagster/code_references"].code_references
        assert (settings.file_path, settings.line_number, settings.label) == (str(FILE), 1, "settings")
        assert code.label == "code"


def test_the_version_of_this_package_is_registered_with_the_first_source(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = dg.DagsterLibraryRegistry  # type: ignore[attr-defined]
    monkeypatch.setattr(registry, "_libraries", {})
    source_definitions(SourceSettings(**LEADS_ALONE, enabled=False))
    assert "amocrm-assets" not in registry.get()
    source_definitions(SourceSettings(**LEADS_ALONE))
    assert "amocrm-assets" in registry.get()


@pytest.mark.parametrize(
    ("given", "used"), [(None, Retries()), (Retries(7, 0.5), Retries(7, 0.5))], ids=["none", "own"]
)
def test_the_assets_retry_as_they_are_told_or_by_default(
    monkeypatch: pytest.MonkeyPatch, given: Retries | None, used: Retries
) -> None:
    seen: list[Retries] = []

    def watched(entity: Entity, source: SourceSettings, retries: Retries) -> dg.AssetsDefinition:
        seen.append(retries)
        return raw_of(entity, source, retries)

    monkeypatch.setattr(module, "raw_of", watched)
    source_definitions(SourceSettings(**LEADS_ALONE), retries=given)
    assert set(seen) == {used}


def test_two_assets_with_one_key_are_refused() -> None:
    def alike(spec: dg.AssetSpec, asset: AmoCrmAsset) -> dg.AssetSpec:
        return spec if asset.name == "leads" else spec.replace_attributes(key="all")

    with pytest.raises(SettingsError, match="several of them get the key all"):
        source_definitions(translating(alike).settings)


@pytest.mark.parametrize("left_out", [None, AGREEMENT.of, AGREEMENT.events])
def test_events_are_compared_wherever_both_sides_are_imported(left_out: Any) -> None:
    wanted = {AGREEMENT.of, AGREEMENT.events} - {left_out}
    switches = {f"import_{entity.name}": entity in wanted for entity in ENTITIES}
    graph = source_definitions(SourceSettings(**{**LEADS_ALONE, **switches})).get_repository_def().asset_graph
    assert any(key.name == "events_agree" for key in graph.asset_check_keys) is (left_out is None)


def built(**changes: Any) -> dg.Definitions:
    resource = AmoCrmResource(subdomain="my-shop", access_token=dg.EnvVar("SHOP_TOKEN"))
    of_leads = {"import_reference": False, "import_lead_details": False}
    return build_source_definitions(resource, **{"start_date": "2026-01-01", **of_leads, **changes})


def by_code(spec: dg.AssetSpec, asset: AmoCrmAsset) -> dg.AssetSpec:
    return spec.replace_attributes(key=["crm", asset.name])


@pytest.mark.parametrize("translation", [by_code, {"key": "crm/{{ asset.name }}"}], ids=["code", "mapping"])
def test_definitions_in_code_have_translated_keys(translation: Any) -> None:
    assert names_of(built(translation=translation)) == {"crm/raw_leads", "crm/leads", "crm/amoCrmLeads"}
    assert names_of(built()) == {"my_shop/raw_leads", "my_shop/leads", "my_shop/amoCrmLeads"}


@pytest.mark.parametrize("translation", [None, by_code])
def test_wrong_arguments_in_code_are_an_error_with_all_of_them(translation: Any) -> None:
    with pytest.raises(SettingsError, match=r"my-shop(?s:.*)start_date: (?s:.*)colour: "):
        built(translation=translation, start_date="soon", colour="red")


def test_without_addresses_there_are_no_alerts_and_with_one_there_is_a_sensor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AMOCRM_ALERTS", raising=False)
    assert not alert_definitions([SourceSettings(**GOOD)]).sensors
    monkeypatch.setenv("AMOCRM_ALERTS", "json://127.0.0.1:1")
    assert len(list(alert_definitions([SourceSettings(**GOOD)]).sensors or [])) == 1


def raising(error: BaseException, cause: BaseException | None = None) -> Any:
    def translate(spec: dg.AssetSpec, _: AmoCrmAsset) -> dg.AssetSpec:
        del spec
        raise error from cause

    return translate


SECRET = "token-of-a-template"
OURS = SettingsError("Translating", cause="it is wrong.", fix="First line.\nmiddle\nCorrect it.")


@pytest.mark.parametrize(
    ("error", "cause", "said"),
    [
        (OURS, None, "Correct it."),
        (dg.DagsterInvariantViolationError("first\nmiddle\nthe last"), None, "the last"),
        (RuntimeError(SECRET), OURS, "Correct it."),
        (OURS, RuntimeError(f"{SECRET}\nnot found in scope\n{SECRET}"), "RuntimeError; the code location's log"),
        (RuntimeError(f"{SECRET}\nmiddle\n'x' not found in scope"), None, "'x' not found in scope"),
        (
            RuntimeError(f"'x' not found in scope\n{SECRET}\n{SECRET}"),
            None,
            "RuntimeError; the code location's log",
        ),
        (RuntimeError(), None, "RuntimeError; the code location's log"),
        (KeyError(SECRET), None, "KeyError; the code location's log"),
    ],
)
def test_a_translation_that_fails_breaks_its_source_with_the_cause_and_without_a_secret(
    error: Exception, cause: Exception | None, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, logger="amocrm_assets"):
        broken = wrong_translation(translating(raising(error, cause), timezone="Asia/Omsk"))
    assert broken
    assert (broken.name, broken.key, broken.attributes["timezone"]) == ("my-shop", "my_shop", "Asia/Omsk")
    (problem,) = broken.problems
    assert (problem.file, problem.line) == (FILE, 7)
    assert problem.what.startswith(f"`translation` or `get_asset_spec` does not work: {said}")
    assert SECRET not in problem.what
    # The log has the whole error, which the page does not show.
    (record,) = [each for each in caplog.records if each.exc_info]
    assert record.getMessage() == "The assets of my-shop cannot be translated"


def test_a_translation_that_works_breaks_nothing() -> None:
    assert wrong_translation(translating(by_code)) is None


def test_a_source_without_a_translation_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "source_definitions", raising(AssertionError("tried")))
    assert wrong_translation(SourceFound(SourceSettings(**GOOD), FILE, 1)) is None
