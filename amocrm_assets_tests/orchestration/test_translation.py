"""Keys, groups and texts of one's own: `translation` in a file and in code, and `get_asset_spec` of a subclass."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

import amocrm_assets
from amocrm_assets import AmoCrmAsset, AmoCrmResource, AmoCrmSource, build_source_definitions
from amocrm_assets.errors import SettingsError
from amocrm_assets.orchestration.project_sources import read_project
from amocrm_assets.orchestration.source import deployment_definitions, source_definitions
from amocrm_assets.orchestration.translation import TranslatedSource
from amocrm_assets.settings import SourceSettings
from amocrm_assets.settings.source_files import read_sources
from amocrm_assets_tests.orchestration.conftest import LAST
from amocrm_assets_tests.orchestration.sources import ASSETS as NAMES
from amocrm_assets_tests.orchestration.sources import TOKEN_VARIABLE, write_source

if TYPE_CHECKING:
    from amocrm_assets_tests.orchestration.conftest import Pipeline

GOOD = {"subdomain": "my-shop", "start_date": "2026-01-01", "access_token_env": "SHOP_TOKEN"}
OWN = {
    "key_prefix": ["crm", "raw"],
    "group_name": "sales",
    "owners": ["team:sales"],
    "tags": {"tier": "gold"},
    "metadata": {"contact": "sales"},
    "description": "{{ asset.name }} of {{ asset.subdomain }}",
}
MODULE = """\
from amocrm_assets import AmoCrmSource


class MyShops(AmoCrmSource):
    team: str = "nobody"

    def get_asset_spec(self, asset):
        return asset.spec.replace_attributes(key=["shops", asset.name], owners=[f"team:{self.team}"])
"""
DOCUMENT = (Path(amocrm_assets.__file__).parents[1] / "docs" / "guest.md").read_text(encoding="utf-8")
OF_DAGSTER = pytest.mark.filterwarnings(
    "ignore:`parse_obj_as` is deprecated", "ignore:Parameter `execution_type` of function `AssetsDefinition"
)


def specs_of(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def load(folder: Path) -> dg.Definitions:
    return dg.load_from_defs_folder(path_within_project=folder.parent)


@pytest.mark.slow
@OF_DAGSTER
def test_dagsters_loader_and_ours_translate_alike(defs: Path) -> None:
    write_source(defs, "mine", {**GOOD, "translation": OWN})
    (found,) = read_sources(defs).found
    theirs, ours = specs_of(load(defs)), specs_of(source_definitions(found.settings))
    assert set(theirs) == {f"crm/raw/my_shop/{name}" for name in NAMES}
    for key, spec in theirs.items():
        assert spec.group_name == "sales"
        assert spec.owners == ["team:sales"]
        assert spec.tags["tier"] == "gold"
        assert spec.metadata["contact"] == "sales"
        assert spec.description == f"{key.rpartition('/')[2]} of my-shop"
        assert ours[key].replace_attributes(metadata={}) == spec.replace_attributes(metadata={})
        assert ours[key].kinds == spec.kinds != set()


def test_what_belongs_to_an_asset_goes_with_its_key() -> None:
    definitions = source_definitions(SourceSettings(**GOOD, translation=OWN))
    repository = definitions.get_repository_def()
    graph = repository.asset_graph
    raw, leads, shards, details, more_shards, raw_reference, *tables, loads = (
        dg.AssetKey(["crm", "raw", "my_shop", name]) for name in NAMES
    )
    assert graph.get(leads).parent_keys == {raw}
    assert graph.get(shards).parent_keys == {leads}
    assert graph.get(details).parent_keys == {raw}
    assert graph.get(more_shards).parent_keys == {details}
    assert all(graph.get(table).parent_keys == {raw_reference} for table in tables)
    assert not graph.get(loads).parent_keys
    assert {key.asset_key for key in graph.asset_check_keys} == {
        raw,
        leads,
        shards,
        details,
        more_shards,
        *tables,
    }
    assert repository.get_job("my_shop_leads").asset_layer.selected_asset_keys == {
        raw,
        leads,
        shards,
        details,
        more_shards,
        raw_reference,
        *tables,
        loads,
    }


@OF_DAGSTER
def test_a_subclass_of_the_component_decides_in_code(defs: Path) -> None:
    (defs.parent / "shops.py").write_text(MODULE, encoding="utf-8")
    file = write_source(defs, "mine", {**GOOD, "team": "moscow"})
    text = file.read_text(encoding="utf-8").replace("amocrm_assets.AmoCrmSource", "theirs.shops.MyShops")
    file.write_text(text, encoding="utf-8")
    shown = specs_of(load(defs))
    assert set(shown) == {f"shops/{name}" for name in NAMES}
    assert {owner for spec in shown.values() for owner in spec.owners} == {"team:moscow"}
    # The commands find it, and know it by the same keys.
    (found,) = read_project(defs).found
    assert isinstance(found.settings, AmoCrmSource)
    assert (found.settings.subdomain, found.file) == ("my-shop", file)
    assert set(specs_of(source_definitions(found.settings))) == set(shown)


@pytest.mark.slow
@OF_DAGSTER
def test_the_documented_translations_do_what_is_said(defs: Path) -> None:
    written = re.findall(r"```(?:yaml|python)\n# my_project/(\S+)\n(.*?)```", DOCUMENT, re.DOTALL)
    for name, text in written:
        if name == "shops.py" or name.endswith("shop/defs.yaml"):
            file = defs.parent / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text.replace("my_project.", "theirs."), encoding="utf-8")
    shown = specs_of(load(defs))
    assert set(shown) == {
        *(f"crm/raw/my_shop/{name}" for name in NAMES),
        *(f"shops/second_shop/{name}" for name in NAMES),
    }
    assert shown["crm/raw/my_shop/leads"].group_name == "sales"
    assert shown["crm/raw/my_shop/leads"].description == "leads of my-shop"
    assert shown["shops/second_shop/leads"].tags["tier"] == "gold"


@OF_DAGSTER
def test_commands_know_a_source_with_templates_as_dagster_fills_them_in(
    defs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_ZONE", "Europe/Moscow")
    templates = {"timezone": "{{ env.SHOP_ZONE }}", "translation": {"key": "crm/{{ spec.key.path[-1] }}"}}
    write_source(defs, "mine", {**GOOD, **templates})
    (found,) = read_project(defs).found
    assert found.settings.timezone == "Europe/Moscow"
    assert set(specs_of(source_definitions(found.settings))) == {f"crm/{name}" for name in NAMES}


def by_code(spec: dg.AssetSpec, asset: AmoCrmAsset) -> dg.AssetSpec:
    return spec.replace_attributes(key=["crm", asset.name])


@pytest.mark.slow
@pytest.mark.parametrize("translation", [by_code, {"key": "crm/{{ asset.name }}"}], ids=["code", "mapping"])
def test_plain_python_takes_a_translation(pipeline: Pipeline, translation: Any) -> None:
    resource = AmoCrmResource(
        subdomain="acme",
        base_url=pipeline.sandbox.url,
        access_token=dg.EnvVar(TOKEN_VARIABLE),
        timezone="Europe/Moscow",
        requests_per_second=50,
    )
    built = build_source_definitions(resource, start_date="2025-01-01", translation=translation)
    assert set(specs_of(built)) == {f"crm/{name}" for name in NAMES}
    # A launch may change the resource.
    config = {
        "subdomain": "acme",
        "base_url": pipeline.sandbox.url,
        "access_token": {"env": TOKEN_VARIABLE},
        "timezone": "Europe/Moscow",
        "requests_per_second": 40,
    }
    result = built.resolve_job_def("acme_leads").execute_in_process(
        instance=pipeline.instance,
        partition_key=LAST,
        run_config={"resources": {"amocrm_acme": {"config": config}}},
    )
    assert result.success


@OF_DAGSTER
@pytest.mark.parametrize(
    ("translation", "expected"),
    [
        ({"key": "{{ no_such_thing }}"}, "no_such_thing"),
        ({"key": "{{ 'crm' }}/all"}, "several of them get the key crm/all"),
        ({"kinds": [f"kind{number}" for number in range(11)]}, "ten kinds"),
    ],
)
def test_a_translation_that_does_not_work_breaks_its_source_alone(
    defs: Path, translation: dict[str, Any], expected: str
) -> None:
    write_source(defs, "mine", {**GOOD, "translation": translation})
    write_source(defs, "other", {**GOOD, "subdomain": "other"})
    for definitions in (load(defs), deployment_definitions(*_read(defs))):
        shown = specs_of(definitions)
        assert set(shown) == {"my_shop/broken_settings", *(f"other/{name}" for name in NAMES)}
        assert expected in str(shown["my_shop/broken_settings"].description)


def _read(defs: Path) -> tuple[Any, Any]:
    read = read_project(defs)
    return read.found, read.broken


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"partitions_def": dg.DailyPartitionsDefinition("2026-01-02")}, "partitions_def"),
        ({"deps": []}, "deps"),
        ({"skippable": True}, "skippable"),
    ],
)
def test_what_assets_rely_on_is_not_to_be_translated(changes: dict[str, Any], named: str) -> None:
    source = TranslatedSource(**GOOD, translation=lambda spec, _: spec.replace_attributes(**changes))
    with pytest.raises(SettingsError, match=named):
        source_definitions(source)


def test_whose_data_an_asset_holds_is_not_to_be_translated() -> None:
    source = TranslatedSource(**GOOD, translation=lambda spec, _: spec.replace_attributes(metadata={}))
    for spec in source_definitions(source).resolve_all_asset_specs():
        assert spec.metadata["subdomain"] == "my-shop"


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"key": "all"}, "would be the key of every asset"),
        ({"group_name": "our sales"}, "is not the name of a group"),
        ({"owners": ["somebody"]}, "is not an owner"),
        ({"tags": {"a b": "c"}}, "is not a tag"),
        ({"groupname": "sales"}, "Did you mean `group_name`?"),
        ({"metadata": {"token": "{{ env.TOKEN }}"}}, "templates are not filled in here"),
    ],
)
def test_a_wrong_translation_names_its_fix(tmp_path: Path, wrong: dict[str, Any], expected: str) -> None:
    file = write_source(tmp_path, "mine", {**GOOD, "translation": wrong})
    (broken,) = read_sources(tmp_path).broken
    assert expected in str(broken.error())
    assert f"{file}:" in str(broken.error())


def test_a_broken_source_is_shown_where_its_assets_were(tmp_path: Path) -> None:
    write_source(tmp_path, "mine", {**GOOD, "start_date": "soon", "translation": OWN})
    (spec,) = specs_of(deployment_definitions([], read_sources(tmp_path).broken)).values()
    assert spec.key.to_user_string() == "crm/raw/my_shop/broken_settings"
    assert spec.group_name == "sales"
