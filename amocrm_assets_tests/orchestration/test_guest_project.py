"""Somebody's own Dagster project, as `dg` knows it: scaffolding a source, and wrong attributes in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest

import amocrm_assets
from amocrm_assets.errors import SettingsError
from amocrm_assets.settings.source_files import find_sources
from amocrm_assets_tests.orchestration.sources import write_source

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(amocrm_assets.__file__).parents[1]
GOOD = {"subdomain": "my-shop", "start_date": "2026-01-01", "access_token_env": "SHOP_TOKEN"}
PROJECT = """\
[project]
name = "theirs"
version = "0.1.0"
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "theirs"
registry_modules = ["amocrm_assets"]
[tool.dg.cli]
suppress_warnings = ["project_and_activated_venv_mismatch"]
"""
DEFINITIONS = """\
from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
"""

# Dagster's own loader calls what is deprecated or beta.
pytestmark = pytest.mark.filterwarnings(
    "ignore:`parse_obj_as` is deprecated", "ignore:Parameter `execution_type` of function `AssetsDefinition"
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for package in ("theirs", "theirs/defs"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "theirs" / "definitions.py").write_text(DEFINITIONS, encoding="utf-8")
    (tmp_path / "home").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "theirs"]:  # each test has its own
        del sys.modules[name]


def dg_command(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from dagster_dg_cli.cli import main; main()", *arguments],
        cwd=folder,
        env={**os.environ, "DAGSTER_HOME": str(folder / "home"), "PYTHONPATH": f"{ROOT}:{folder}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def cause_of(error: BaseException | None) -> SettingsError:
    while error is not None and not isinstance(error, SettingsError):
        error = error.__cause__ or error.__context__
    assert error
    return error


def test_dg_scaffolds_what_new_writes(project: Path) -> None:
    ran = dg_command("scaffold", "defs", "amocrm_assets.AmoCrmSource", "my_shop", folder=project)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    scaffolded = (project / "theirs" / "defs" / "my_shop" / "defs.yaml").read_text(encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "amocrm_assets.cli", "new", "my-shop", "--folder", str(project / "new")]
    subprocess.run(command, check=True, env=environment, stdin=subprocess.DEVNULL, capture_output=True)
    assert scaffolded == (project / "new" / "my-shop" / "defs.yaml").read_text(encoding="utf-8")
    checked = dg_command("check", "defs", folder=project)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        {"timezone": "Moon", "start_date": "soon"},
        {"import_lead": True},
        {"owners": ["ivan@shop.technology"]},
        {"schedule": {"hours": 3}},
        {"leads_custom_fields": "Город"},
        {"subdomain": 5},
        {"access_token_env": None},
    ],
)
def test_wrong_attributes_have_the_message_of_our_own_loader(project: Path, wrong: dict[str, object]) -> None:
    file = write_source(project / "theirs" / "defs", "mine", {**GOOD, **wrong})
    with pytest.raises(SettingsError) as ours:
        find_sources(project / "theirs" / "defs")
    with pytest.raises(Exception, match=r".") as theirs:  # Dagster wraps it as it likes
        dg.load_from_defs_folder(path_within_project=project / "theirs")
    said = cause_of(theirs.value)
    assert said.cause == ours.value.cause
    assert str(file) in said.cause


def test_a_source_without_attributes_has_the_message_too(project: Path) -> None:
    file = write_source(project / "theirs" / "defs", "mine", GOOD)
    file.write_text("type: amocrm_assets.AmoCrmSource\nattributes: {}\n", encoding="utf-8")
    with pytest.raises(Exception, match=r".") as theirs:
        dg.load_from_defs_folder(path_within_project=project / "theirs")
    assert "`start_date` is missing. For example" in cause_of(theirs.value).cause


def test_what_dagster_fills_in_and_adds_is_left_to_dagster(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_ZONE", "Europe/Moscow")
    file = write_source(project / "theirs" / "defs", "mine", {**GOOD, "timezone": "{{ env.SHOP_ZONE }}"})
    more = (
        "requirements: {env: [SHOP_ZONE]}\npost_processing: {assets: [{attributes: {owners: ['team:sales']}}]}\n"
    )
    file.write_text(more + file.read_text(encoding="utf-8"), encoding="utf-8")
    specs = list(dg.load_from_defs_folder(path_within_project=project / "theirs").resolve_all_asset_specs())
    assert len(specs) == 3
    assert {owner for spec in specs for owner in spec.owners} == {"team:sales"}
