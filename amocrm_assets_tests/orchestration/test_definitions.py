"""What Dagster loads: exactly these assets, checks, jobs and schedules, each with its description."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

import amocrm_assets
from amocrm_assets.entities.reference import REFERENCE_TABLES
from amocrm_assets.orchestration.documents import listed
from amocrm_assets.orchestration.source import deployment_definitions
from amocrm_assets.settings import SourceSettings
from amocrm_assets_tests.orchestration.sources import ASSETS, LEADS_ASSETS, REFERENCE_ASSETS, SOURCE, write_source
from amocrm_assets_tests.settings.loading import find_sources

ROOT = Path(amocrm_assets.__file__).parents[1]

# Dagster's own loader calls what is deprecated or beta; this project's loader does without it.
OF_DAGSTER = pytest.mark.filterwarnings(
    "ignore:`parse_obj_as` is deprecated", "ignore:Parameter `execution_type` of function `AssetsDefinition"
)


def loaded(folder: Path) -> dg.Definitions:
    return deployment_definitions(find_sources(folder))


def keys(definitions: dg.Definitions) -> set[str]:
    return {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs()}


def test_the_shipped_project_holds_exactly_the_sandbox() -> None:
    from amocrm_assets.definitions import defs

    definitions = defs()
    repository = definitions.get_repository_def()
    assert keys(definitions) == {f"sandbox/{name}" for name in ASSETS}
    checks = {(key.asset_key.path[-1], key.name) for key in repository.asset_graph.asset_check_keys}
    assert checks == {
        ("raw_leads", "reading_complete"),
        ("raw_leads", "timezone"),
        ("raw_leads", "authorisation_lasts"),
        ("leads", "custom_fields_exist"),
        ("leads", "no_oddities"),
        ("leads", "ids_unique"),
        ("amoCrmLeads", "equals_rows"),
        ("lead_details", "no_oddities"),
        ("lead_details", "ids_unique"),
        ("amoCrmLeadDetails", "equals_rows"),
        ("leads", "reference_known"),
        *((table.asset, "reading_complete") for table in REFERENCE_TABLES),
    }
    assert {job.name for job in repository.get_all_jobs()} == {"__ASSET_JOB", "sandbox_leads"}
    assert [schedule.name for schedule in repository.schedule_defs] == ["sandbox_daily"]


def test_a_second_file_is_a_second_source_and_a_disabled_one_is_none(tmp_path: Path) -> None:
    write_source(tmp_path, "my-shop", SOURCE)
    write_source(tmp_path, "off", {**SOURCE, "subdomain": "off", "enabled": False})
    assert keys(loaded(tmp_path)) == {f"my_shop/{name}" for name in ASSETS}


def test_a_source_without_details_and_reference_tables_has_the_assets_of_leads_alone(tmp_path: Path) -> None:
    write_source(tmp_path, "my-shop", {**SOURCE, "import_reference": False, "import_lead_details": False})
    assert keys(loaded(tmp_path)) == {f"my_shop/{name}" for name in LEADS_ASSETS}


def test_a_project_without_any_enabled_source_loads(tmp_path: Path) -> None:
    assert keys(loaded(tmp_path)) == set()


def test_assets_present_themselves(tmp_path: Path) -> None:
    file = write_source(tmp_path, "my-shop", {**SOURCE, "display_name": "My Shop", "tags": {"domain": "sales"}})
    of_reference = set(REFERENCE_ASSETS)
    for spec in loaded(tmp_path).resolve_all_asset_specs():
        assert spec.group_name == ("my_shop_reference" if spec.key.path[-1] in of_reference else "my_shop")
        assert spec.owners == ["team:sales"]
        assert spec.tags["domain"] == "sales"
        assert spec.kinds
        assert "My Shop" in str(spec.description)
        references = spec.metadata["dagster/code_references"].code_references
        assert [reference.label for reference in references] == ["settings", "code"]
        assert references[0].file_path == str(file)
        assert (
            Path(references[1].file_path)
            .read_text(encoding="utf-8")
            .splitlines()[references[1].line_number - 1]
            .startswith("def ")
        )


@pytest.mark.parametrize(
    ("warehouse", "types"),
    [
        ("duckdb:///w.duckdb", ["BIGINT", "VARCHAR", "STRUCT[]"]),
        ("bigquery://p/d", ["INTEGER", "STRING", "RECORD REPEATED"]),
    ],
)
def test_columns_have_the_types_of_the_store_that_holds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warehouse: str, types: list[str]
) -> None:
    monkeypatch.setenv("AMOCRM_WAREHOUSE", warehouse)
    write_source(tmp_path, "my-shop", SOURCE)
    wanted = {"leads": ["int64", "string", "list<struct>"], "amoCrmLeads": types}
    for spec in loaded(tmp_path).resolve_all_asset_specs():
        if spec.key.path[-1] in wanted:
            columns = {column.name: column for column in spec.metadata["dagster/column_schema"].columns}
            assert [columns[name].type for name in ("id", "name", "custom_fields")] == wanted[spec.key.path[-1]]
            # The page shows no other place where a column comes from.
            assert "`price` in API v4" in str(columns["sale"].description)


def test_a_source_that_imports_no_leads_says_so_everywhere(tmp_path: Path) -> None:
    write_source(tmp_path, "my-shop", {**SOURCE, "import_leads": False})
    definitions = loaded(tmp_path)
    shown: list[Any] = [
        *definitions.resolve_all_asset_specs(),
        definitions.resolve_job_def("my_shop_leads"),
        definitions.resolve_schedule_def("my_shop_daily"),
    ]
    assert all(str(each.description).startswith("Leads are not imported") for each in shown)


def test_every_asset_links_to_the_account(tmp_path: Path) -> None:
    write_source(tmp_path, "my-shop", SOURCE)
    for spec in loaded(tmp_path).resolve_all_asset_specs():
        assert spec.metadata["account_url"] == dg.MetadataValue.url("https://my-shop.amocrm.ru")


def test_descriptions_name_only_pages_that_exist(tmp_path: Path) -> None:
    write_source(tmp_path, "my-shop", SOURCE)
    definitions = loaded(tmp_path)
    checks = [check for check in definitions.asset_checks or [] if isinstance(check, dg.AssetChecksDefinition)]
    specs: list[Any] = [
        *definitions.resolve_all_asset_specs(),
        *(spec for check in checks for spec in check.check_specs),
    ]
    named = {name for spec in specs for name in re.findall(r"docs/(\w+\.md)", str(spec.description))}
    assert named
    assert all((ROOT / "docs" / name).is_file() for name in named)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["leads"], "leads"),
        (["leads", "calls"], "leads and calls"),
        (["leads", "tasks", "calls"], "leads, tasks and calls"),
    ],
)
def test_the_entities_of_a_source_are_named_as_a_sentence_has_them(names: list[str], sentence: str) -> None:
    assert listed(names) == sentence


def test_checks_jobs_and_schedules_are_described(tmp_path: Path) -> None:
    write_source(tmp_path, "my-shop", SOURCE)
    definitions = loaded(tmp_path)
    described: list[Any] = [
        definitions.resolve_job_def("my_shop_leads"),
        definitions.resolve_schedule_def("my_shop_daily"),
    ]
    checks = [check for check in definitions.asset_checks or [] if isinstance(check, dg.AssetChecksDefinition)]
    specs = [spec for check in checks for spec in check.check_specs]
    assert specs
    descriptions = [each.description for each in described] + [spec.description for spec in specs]
    assert all(len(str(description)) > 80 for description in descriptions)


@OF_DAGSTER
def test_the_component_reads_a_day_without_quotes() -> None:
    component = amocrm_assets.AmoCrmSource.resolve_from_yaml(
        "{subdomain: acme, access_token_env: A, start_date: 2026-01-01, schedule: {hour: 3}}"
    )
    assert (component.start_date, component.schedule.hour) == ("2026-01-01", 3)


@OF_DAGSTER
def test_somebody_elses_project_uses_the_component_for_several_sources(their_package: Path) -> None:
    package = their_package
    for name in ("one", "two"):
        write_source(package / "defs", name, {**SOURCE, "subdomain": name})
    (package / "__init__.py").touch()
    (package / "defs" / "__init__.py").touch()
    project = '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "theirs"\n'
    (package.parent / "pyproject.toml").write_text(project, encoding="utf-8")

    definitions = dg.load_from_defs_folder(path_within_project=package)

    assert keys(definitions) == {f"{source}/{name}" for source in ("one", "two") for name in ASSETS}
    assert definitions.resolve_job_def("two_leads").partitions_def
    spec = next(iter(definitions.resolve_all_asset_specs()))
    code, settings = spec.metadata["dagster/code_references"].code_references
    assert (code.label, settings.label) == ("code", "settings")
    assert settings.file_path == str(package / "defs" / str(spec.key.path[0]) / "defs.yaml")


@pytest.mark.slow
def test_dg_finds_the_shipped_project_right(tmp_path: Path) -> None:
    shutil.copy(ROOT / "dagster_home" / "dagster.yaml", tmp_path)
    checked = subprocess.run(
        [sys.executable, "-c", "from dagster_dg_cli.cli import main; main()", "check", "defs"],
        cwd=ROOT,
        env={**os.environ, "DAGSTER_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    output = checked.stdout + checked.stderr
    assert checked.returncode == 0, output
    assert "All component YAML validated successfully." in output
    assert "All definitions loaded successfully." in output
    assert "warning" not in output.lower()


def test_the_workspace_names_the_door() -> None:
    (location,) = yaml.safe_load((ROOT / "workspace.yaml").read_text(encoding="utf-8"))["load_from"]
    assert location["python_module"]["module_name"] == "amocrm_assets.definitions"


def test_the_shipped_settings_of_dagster_are_understood() -> None:
    with dg.DagsterInstance.from_config(str(ROOT / "dagster_home")) as instance:
        assert instance.global_op_concurrency_default_limit == 1
        assert not instance.telemetry_enabled


def documented_checks() -> set[tuple[str, str]]:
    """Each asset and check of the table in operations.md; *the same* repeats the assets of the row above."""
    document = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = document.partition("| asset | check | severity |")[2].partition("\n\n")[0].splitlines()[2:]
    found, assets = set[tuple[str, str]](), list[str]()
    for row in rows:
        named, check = row.split(" | ")[:2]
        if not named.startswith("| the same"):
            assets = re.findall(r"`(\w+)`", named.partition(", with ")[0])
        found.update((asset, check.strip("`")) for asset in assets)
    return found


def test_the_documented_checks_are_those_of_a_source_with_everything_on(tmp_path: Path) -> None:
    switches = [name for name in SourceSettings.model_fields if name.startswith("import_")]
    more = {"latest_table": True, "keep_captures_days": 90, "hash_fields": ["phone"]}
    write_source(tmp_path, "my-shop", SOURCE | dict.fromkeys(switches, True) | more)
    keys = loaded(tmp_path).get_repository_def().asset_graph.asset_check_keys
    assert documented_checks() == {(key.asset_key.path[-1], key.name) for key in keys}
