"""Somebody's own Dagster project, as `dg` knows it: scaffolding a source, and wrong attributes in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

import amocrm_assets
from amocrm_assets.orchestration.markdown import code
from amocrm_assets.settings import documents
from amocrm_assets.settings.defs_file import read_nodes
from amocrm_assets.settings.source_files import read_sources
from amocrm_assets_tests.orchestration.alerts.services import chat_service
from amocrm_assets_tests.orchestration.sources import LEADS_ASSETS, write_source
from amocrm_assets_tests.orchestration.sources import SOURCE_OF_LEADS as GOOD

ROOT = Path(amocrm_assets.__file__).parents[1]
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

THEIR_ASSET = """\
import dagster as dg


@dg.asset
def their_asset() -> None: ...
"""

# Dagster's own loader calls what is deprecated or beta.
pytestmark = pytest.mark.filterwarnings(
    "ignore:`parse_obj_as` is deprecated", "ignore:Parameter `execution_type` of function `AssetsDefinition"
)


@pytest.fixture
def project(their_package: Path) -> Path:
    for package in (their_package, their_package / "defs"):
        package.mkdir()
        (package / "__init__.py").touch()
    root = their_package.parent
    (root / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    (their_package / "definitions.py").write_text(DEFINITIONS, encoding="utf-8")
    (root / "home").mkdir()
    return root


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


def loaded(project: Path) -> dg.Definitions:
    return dg.load_from_defs_folder(path_within_project=project / "theirs")


def keys(definitions: dg.Definitions) -> set[str]:
    return {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs()}


def shown_of_broken(definitions: dg.Definitions) -> list[str]:
    """Descriptions of the assets that stand for broken sources."""
    specs = [spec for spec in definitions.resolve_all_asset_specs() if spec.key.path[-1] == "broken_settings"]
    assert definitions.get_repository_def()  # Dagster takes all of it together
    return [spec.description or "" for spec in specs]


@pytest.mark.slow
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
    (project / "theirs" / "defs" / "theirs.py").write_text(THEIR_ASSET, encoding="utf-8")
    (ours,) = read_sources(project / "theirs" / "defs").broken
    definitions = loaded(project)
    assert "their_asset" in keys(definitions)
    (shown,) = shown_of_broken(definitions)
    for problem in ours.problems:
        assert code(problem) in shown
    assert str(file) in shown


def test_a_source_without_attributes_is_shown_too(project: Path) -> None:
    file = write_source(project / "theirs" / "defs", "mine", GOOD)
    file.write_text("type: amocrm_assets.AmoCrmSource\nattributes: {}\n", encoding="utf-8")
    (shown,) = shown_of_broken(loaded(project))
    assert "`start_date` is missing. For example" in shown


def test_one_broken_document_of_a_file_leaves_the_others(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = write_source(project / "theirs" / "defs", "mine", GOOD)
    sound, other = file.read_text(encoding="utf-8"), {**GOOD, "subdomain": "other", "timezone": "Moon"}
    broken = write_source(project / "theirs" / "defs", "mine", other).read_text(encoding="utf-8")
    file.write_text(f"{broken}---\n{sound}", encoding="utf-8")
    assert keys(loaded(project)) == {
        "other/broken_settings",
        *(f"my_shop/{name}" for name in LEADS_ASSETS),
    }
    assert "'Moon' is not a time zone" in caplog.text


@pytest.mark.slow
def test_of_two_sources_with_one_name_the_second_is_shown_as_broken(project: Path) -> None:
    for name, subdomain in (("a", "my-shop"), ("b", "My-Shop"), ("c", "my-shop")):
        write_source(project / "theirs" / "defs", name, {**GOOD, "subdomain": subdomain})
    shown = shown_of_broken(loaded(project))
    assert len(shown) == 2
    assert all("is taken by document 1 of" in each for each in shown)
    assert {"my_shop/raw_leads"} <= keys(loaded(project))


def test_values_that_templates_gave_are_judged_without_repeating_them(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_START", "secret")
    for name, changes in (("zone", "timezone"), ("rate", "requests_per_second")):
        attributes = {**GOOD, "subdomain": name, changes: "{{ env.SHOP_START }}"}
        write_source(project / "theirs" / "defs", name, attributes)
    write_source(project / "theirs" / "defs", "date", {**GOOD, "start_date": "{{ what_is_this }}"})
    shown = " ".join(shown_of_broken(loaded(project)))
    for expected in ("`timezone`", "`requests_per_second`", "a template cannot be filled in ("):
        assert expected in shown
    assert "secret" not in shown


@pytest.mark.slow
def test_a_file_is_parsed_once_however_many_sources_it_holds(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_source(project / "theirs" / "defs", "mine", GOOD)
    text = file.read_text(encoding="utf-8")
    file.write_text("---\n".join(text.replace("my-shop", f"shop-{n}") for n in range(20)), encoding="utf-8")
    parsed: list[Path] = []

    def counted(each: Path) -> list[yaml.Node]:
        parsed.append(each)
        return read_nodes(each)

    monkeypatch.setattr(documents, "read_nodes", counted)
    assert len(keys(loaded(project))) == 60
    assert parsed == [file]


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


@pytest.mark.slow
def test_one_sensor_tells_of_all_sources_of_the_project_broken_ones_included(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a-shop", "b-shop"):
        write_source(project / "theirs" / "defs", name, {**GOOD, "subdomain": name})
    write_source(project / "theirs" / "defs", "off", {**GOOD, "subdomain": "off", "enabled": False})
    write_source(project / "theirs" / "defs", "wrong", {**GOOD, "subdomain": "wrong", "start_date": "soon"})
    assert list(loaded(project).sensors or []) == []  # nobody is to be told
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    with chat_service() as service:
        monkeypatch.setenv("AMOCRM_ALERTS", f"json://{service.address}")
        definitions = loaded(project)
        assert definitions.get_repository_def()  # Dagster takes all of it together
        (sensor,) = definitions.sensors or []
        with dg.DagsterInstance.ephemeral() as instance, dg.build_sensor_context(instance=instance) as context:
            assert isinstance(sensor, dg.SensorDefinition)
            sensor.evaluate_tick(context)
    sent = " ".join(service.received)
    for problem in ("amoCRM wrong: the settings are wrong", "amoCRM a-shop: the auth", "amoCRM b-shop: the auth"):
        assert problem in sent
    assert "amoCRM off" not in sent
