"""Tests of `settings.sources_folder`, alone and through the commands of somebody who installed the package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import amocrm_assets
from amocrm_assets.errors import SettingsError
from amocrm_assets.settings.source_files import read_sources
from amocrm_assets.settings.sources_folder import (
    code_location,
    existing_sources_folder,
    is_shared,
    sources_folder,
)
from amocrm_assets_tests.orchestration.sources import ASSETS, write_source
from amocrm_assets_tests.settings.loading import find_sources

PACKAGE = Path(amocrm_assets.__file__).parent
GOOD = {"subdomain": "my-shop", "start_date": "2026-01-01", "access_token_env": "SHOP_TOKEN"}
PROJECT = '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "theirs"\n'
OTHER = """\
type: theirs.Warehouse
attributes:
  token: "{{ env.TOKEN }}"
  token: twice
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Somebody's Dagster project, as `create-dagster project` lays it out."""
    folder = tmp_path / "project"
    (folder / "src" / "theirs" / "defs").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages that holds ours as a wheel brings it: no project around it, and no sources."""
    packages = tmp_path_factory.mktemp("site-packages")
    ignored = shutil.ignore_patterns("__pycache__", "defs")
    shutil.copytree(PACKAGE, packages / PACKAGE.name, ignore=ignored)
    return packages


def command(*arguments: str, packages: Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `amocrm-assets` from these packages in a folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AMOCRM_")}
    return subprocess.run(
        [sys.executable, "-m", "amocrm_assets.cli", *arguments],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(packages), "COLUMNS": "200", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def files_of(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


def test_the_variable_goes_before_the_project_one_stands_in(project: Path, tmp_path: Path) -> None:
    assert sources_folder({"AMOCRM_SOURCES": str(tmp_path)}, start=project) == tmp_path


@pytest.mark.parametrize("below", [".", "src", "src/theirs/defs"])
def test_the_project_one_stands_in_is_found_from_any_folder_of_it(project: Path, below: str) -> None:
    assert sources_folder({}, start=project / below) == project / "src" / "theirs" / "defs"


@pytest.mark.parametrize(
    ("name", "text", "defs"),
    [
        ("pyproject.toml", PROJECT, "theirs/defs"),
        ("pyproject.toml", f'{PROJECT}defs_module = "theirs.deep.sources"\n', "theirs/deep/sources"),
        ("dg.toml", 'directory_type = "project"\n[project]\nroot_module = "theirs"\n', "theirs/defs"),
    ],
)
def test_a_project_says_where_its_definitions_are(tmp_path: Path, name: str, text: str, defs: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert sources_folder({}, start=tmp_path) == tmp_path / defs


def test_the_folder_of_definitions_is_the_one_that_dg_takes(tmp_path: Path) -> None:
    from dagster_dg_core.context import DgContext

    projects = {
        "plain": ("", "theirs/defs"),
        "src": ("", "src/theirs/defs"),
        "alternative": ("", "theirs/definitions"),
        "named": ('defs_module = "theirs.other"\n', "theirs/other"),
    }
    for name, (more, defs) in projects.items():
        (tmp_path / name / defs).mkdir(parents=True)
        (tmp_path / name / defs).parent.joinpath("__init__.py").touch()
        (tmp_path / name / "pyproject.toml").write_text(PROJECT + more, encoding="utf-8")
        context = DgContext.for_project_environment(tmp_path / name, {})
        assert sources_folder({}, start=tmp_path / name) == context.defs_path, name


@pytest.mark.parametrize("more", ["", 'code_location_name = "shop"\n'])
def test_the_code_location_is_called_as_dg_calls_it(tmp_path: Path, more: str) -> None:
    from dagster_dg_core.context import DgContext

    (tmp_path / "pyproject.toml").write_text(PROJECT + more, encoding="utf-8")
    context = DgContext.for_project_environment(tmp_path, {})
    assert code_location(start=tmp_path) == context.code_location_name


def test_the_code_location_of_a_checkout_is_called_as_in_the_shipped_workspaces(tmp_path: Path) -> None:
    shipped = [PACKAGE.parent / "workspace.yaml", PACKAGE.parent / "deploy" / "workspace.yaml"]
    names = {
        place["location_name"]
        for file in shipped
        for entry in yaml.safe_load(file.read_text(encoding="utf-8"))["load_from"]
        for place in entry.values()
    }
    assert names == {code_location(start=tmp_path)}


def test_a_pyproject_without_dagster_is_passed_by(project: Path) -> None:
    (project / "src" / "pyproject.toml").write_text("[project]\nname = 'inner'\n", encoding="utf-8")
    assert sources_folder({}, start=project / "src") == project / "src" / "theirs" / "defs"


def test_a_checkout_is_found_from_any_folder(tmp_path: Path) -> None:
    assert sources_folder({}, start=tmp_path) == PACKAGE / "defs"


def test_an_installed_package_has_no_folder_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not in a Dagster project") as caught:
        sources_folder({}, start=tmp_path, package=tmp_path / "site-packages" / "amocrm_assets")
    assert "Set AMOCRM_SOURCES" in caught.value.fix


def test_a_project_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        sources_folder({}, start=tmp_path)
    assert str(tmp_path / "pyproject.toml") in caught.value.cause


def test_a_variable_that_names_no_folder_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMOCRM_SOURCES", str(tmp_path / "typo"))
    with pytest.raises(SettingsError, match=r"there is no folder .*typo"):
        existing_sources_folder()


def test_only_a_foreign_project_shares_its_folder(project: Path, tmp_path: Path) -> None:
    assert is_shared(project / "src" / "theirs" / "defs")
    assert not is_shared(project)
    assert not is_shared(tmp_path)
    assert not is_shared(PACKAGE / "defs")


def test_other_components_of_a_project_are_passed_over(project: Path) -> None:
    defs = project / "src" / "theirs" / "defs"
    (defs / "theirs").mkdir()
    (defs / "theirs" / "defs.yaml").write_text(OTHER, encoding="utf-8")
    (defs / "broken").mkdir()
    (defs / "broken" / "defs.yaml").write_text("type: a: b", encoding="utf-8")
    mixed = write_source(defs / "below", "mine", GOOD)
    mixed.write_text(f"{OTHER}---\n{mixed.read_text(encoding='utf-8')}", encoding="utf-8")
    assert [(found.settings.subdomain, found.file) for found in find_sources(defs)] == [("my-shop", mixed)]


def test_what_dagsters_loader_does_in_a_project_is_left_to_it(project: Path) -> None:
    file = write_source(project / "src" / "theirs" / "defs", "mine", GOOD)
    more = "template_vars_module: .vars\npost_processing: {assets: [{attributes: {owners: ['team:a']}}]}\n"
    file.write_text(more + file.read_text(encoding="utf-8"), encoding="utf-8")
    assert len(find_sources(project / "src" / "theirs" / "defs")) == 1


def test_a_wrong_source_in_a_project_is_a_problem(project: Path) -> None:
    defs = project / "src" / "theirs" / "defs"
    file = write_source(defs, "mine", {**GOOD, "timezone": "Moon"})
    (broken,) = read_sources(defs).broken
    assert f"{file}:5: `timezone`: 'Moon' is not a time zone" in broken.error().cause


def test_from_a_wheel_new_writes_nothing_among_the_packages(installed: Path, tmp_path: Path) -> None:
    before = files_of(installed)
    ran = command("new", "my-shop", packages=installed, folder=tmp_path)
    assert ran.returncode == 1
    assert "Set AMOCRM_SOURCES" in ran.stderr
    assert (files_of(installed), list(tmp_path.iterdir())) == (before, [])


def test_from_a_wheel_new_writes_into_the_folder_of_the_variable(installed: Path, tmp_path: Path) -> None:
    there = tmp_path / "sources"
    ran = command("new", "my-shop", packages=installed, folder=tmp_path, AMOCRM_SOURCES=str(there))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [found.settings.subdomain for found in find_sources(there)] == ["my-shop"]


@pytest.mark.parametrize("name", ["check", "fields", "connect", "disconnect", "run"])
def test_every_command_finds_the_source_of_the_project_one_stands_in(
    installed: Path, project: Path, name: str
) -> None:
    write_source(project / "src" / "theirs" / "defs", "mine", GOOD)
    places = {"AMOCRM_STORAGE": str(project / "data"), "AMOCRM_TOKENS": str(project / "tokens")}
    places["AMOCRM_WAREHOUSE"] = f"duckdb:///{project}/warehouse.duckdb"
    ran = command(name, "nobody", packages=installed, folder=project, **places)
    assert ran.returncode == 2
    assert "There are: my-shop." in " ".join(ran.stderr.split())


@pytest.mark.slow
def test_a_project_makes_and_lists_its_source_from_its_own_folder(installed: Path, project: Path) -> None:
    places = {"AMOCRM_STORAGE": str(project / "data"), "AMOCRM_TOKENS": str(project / "tokens")}
    places["AMOCRM_WAREHOUSE"] = f"duckdb:///{project}/warehouse.duckdb"
    assert command("new", "my-shop", packages=installed, folder=project).returncode == 0
    assert (project / "src/theirs/defs/my-shop/defs.yaml").is_file()
    listed = command("sources", packages=installed, folder=project, **places)
    assert (listed.returncode, "my-shop" in listed.stdout) == (0, True), listed.stderr


def test_the_code_location_takes_the_folder_of_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from amocrm_assets.definitions import defs

    write_source(tmp_path, "mine", GOOD)
    monkeypatch.setenv("AMOCRM_SOURCES", str(tmp_path))
    keys = {spec.key.to_user_string() for spec in defs().resolve_all_asset_specs()}
    assert keys == {f"my_shop/{name}" for name in ASSETS}
