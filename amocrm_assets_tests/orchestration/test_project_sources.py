"""The sources of somebody's own project as the commands read them: with templates, from any working directory."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.orchestration.project_sources import read_project
from amocrm_assets_tests.orchestration.sources import write_source

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {
    "subdomain": "my-shop",
    "start_date": "2026-01-01",
    "access_token_env": "SHOP_TOKEN",
    "timezone": "{{ env.SHOP_ZONE }}",
}

# Dagster's own loader calls what is deprecated or beta.
pytestmark = pytest.mark.filterwarnings(
    "ignore:`parse_obj_as` is deprecated", "ignore:Parameter `execution_type` of function `AssetsDefinition"
)


@pytest.fixture
def defs(defs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the definitions of a project whose sources have a template."""
    monkeypatch.setenv("SHOP_ZONE", "Europe/Moscow")
    return defs


@pytest.mark.parametrize("is_known", [True, False])
def test_the_package_of_the_project_is_imported_from_its_folder_wherever_a_command_starts(
    defs: Path, monkeypatch: pytest.MonkeyPatch, *, is_known: bool
) -> None:
    root = str(defs.parents[1])
    others = [each for each in sys.path if each != root]
    # The fixture has put it first; as the last it would stay there.
    monkeypatch.setattr(sys, "path", [*others, root] if is_known else others.copy())
    file = write_source(defs, "mine", GOOD)
    (found,) = read_project(defs).found
    assert (found.settings.timezone, found.file, found.line) == ("Europe/Moscow", file, 1)
    assert sys.path == ([*others, root] if is_known else [root, *others])


def test_what_dagster_cannot_load_is_broken_and_leaves_the_others_in_the_order_of_their_names(defs: Path) -> None:
    for folder, subdomain in (("a", "third"), ("b", "first"), ("c", "second")):
        write_source(defs, folder, {**GOOD, "subdomain": subdomain})
    write_source(defs, "wrong", {**GOOD, "subdomain": "wrong", "timezone": "{{ no_such_thing }}"})
    write_source(defs, "keys", {**GOOD, "subdomain": "keys", "translation": {"key": "{{ 'crm' }}/all"}})
    read = read_project(defs)
    assert [each.settings.subdomain for each in read.found] == ["first", "second", "third"]
    assert {each.name for each in read.broken} == {"wrong", "keys"}


def test_a_folder_is_needed_only_of_another_project(defs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_source(defs, "mine", GOOD)
    monkeypatch.setenv("AMOCRM_SOURCES", str(defs))
    assert [each.settings.subdomain for each in read_project().found] == ["my-shop"]
