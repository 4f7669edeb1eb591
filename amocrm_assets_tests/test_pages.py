"""Pages that list entities, folders, packages or steps name all that there are."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from amocrm_assets.entities import ENTITIES
from amocrm_assets.orchestration.source import source_definitions
from amocrm_assets.settings import SourceSettings

ROOT = Path(__file__).parents[1]
WORDS = {"three": 3, "five": 5}


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["docs/rows.md", "docs/downstream.md"])
def test_every_asset_with_rows_is_named(name: str) -> None:
    head = page(name).partition("\n## ")[0]
    assert [table.asset for entity in ENTITIES for table in entity.tables if f"`{table.asset}`" not in head] == []


def test_captures_of_every_entity_have_a_path() -> None:
    paths = page("docs/captures.md").partition("## Where they are")[2].partition("\n## ")[0]
    assert [entity.name for entity in ENTITIES if f"`{entity.name}`" not in paths] == []


def test_every_folder_of_the_storage_is_named_with_what_may_be_deleted() -> None:
    texts = [file.read_text(encoding="utf-8") for file in (ROOT / "amocrm_assets").rglob("*.py")]
    folders = {name for text in texts for name in re.findall(r'f"(\w+)/\{[\w.]*subdomain\}', text)}
    assert folders >= {"privacy", "locks", "rows"}
    assert [name for name in sorted(folders) if f"\n| `{name}/` |" not in page("docs/storage.md")] == []


def test_the_chain_of_imports_is_that_of_the_contract() -> None:
    """In the order of its layers, without some small modules."""
    contracts = tomllib.loads(page("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (layers,) = [each["layers"] for each in contracts if each.get("containers") == ["amocrm_assets"]]
    places = {name: place for place, layer in enumerate(layers) for name in layer.split(" | ")}
    chain = page("CONTRIBUTING.md").partition("import-linter enforces it: ")[2].partition(". ")[0]
    told = re.findall(r"`(\w+)`", chain)
    assert [places[name] for name in told] == sorted(places[name] for name in told)
    packages = {name for name in places if (ROOT / "amocrm_assets" / name).is_dir()}
    assert packages <= set(told)


def test_the_steps_of_a_default_source_are_counted() -> None:
    source = SourceSettings(subdomain="my-shop", start_date="2026-01-01", access_token_env="A")
    job = source_definitions(source).resolve_job_def("my_shop_leads")
    steps = {node.name.removeprefix("my_shop__") for node in job.nodes}
    checks = {step for step in steps if step.endswith(("_ids_unique", "_equals_rows", "_reference_known"))}
    whole = {"raw_reference", "reference_tables", "amoCrmLoads"} & steps
    told = re.search(
        r"(\w+) steps for leads.*?, (\w+) for reference.*?, and (\w+) for checks", page("docs/guest.md")
    )
    assert told
    assert [WORDS[word] for word in told.groups()] == [len(steps - checks - whole), len(whole), len(checks)]
