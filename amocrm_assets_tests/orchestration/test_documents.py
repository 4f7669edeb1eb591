"""How the UI's texts name a page of the documentation: as a link, or by the path of its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
import pytest

from amocrm_assets.entities import CONTACTS, LEADS
from amocrm_assets.errors import ActionRequired
from amocrm_assets.orchestration import documents
from amocrm_assets.orchestration.documents import folder_of_pages, listed, not_imported, page, page_in
from amocrm_assets.orchestration.failures import Retries, fail
from amocrm_assets.settings import docs_folder
from amocrm_assets_tests.accounts import source

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.entities import Entity

REFUSED = ActionRequired("Loading", cause="It is refused.", fix="See docs/bigquery.md.")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the installed documents; the working directory has none, as in somebody's own project."""
    project, documents = tmp_path / "project", tmp_path / "share"
    project.mkdir()
    monkeypatch.chdir(project)
    monkeypatch.setattr(docs_folder, "docs_folder", lambda: documents)
    return documents


def test_a_page_is_a_link_where_the_package_names_its_address() -> None:
    urls = ["Changes, https://docs.example/changes", "Documentation, https://docs.example/amocrm/"]
    assert page_in(folder_of_pages(urls), "x.md") == "[docs/x.md](https://docs.example/amocrm/x.md)"


def test_a_page_without_an_address_is_named_by_the_path_of_its_file(elsewhere: Path) -> None:
    assert page_in(folder_of_pages([]), "x.md") == f"`{elsewhere}/x.md`"


def test_a_page_is_named_as_in_the_project_in_a_checkout() -> None:
    assert page_in(folder_of_pages([]), "x.md") == "`docs/x.md`"


def test_a_failure_says_where_the_page_of_its_fix_is(elsewhere: Path) -> None:
    with pytest.raises(dg.Failure) as raised:
        fail(REFUSED, unfinished=(), retries=Retries(), retry_number=0)
    assert str(raised.value.description).endswith(f"See docs/bigquery.md. (docs/ is {elsewhere})")


def test_an_address_of_the_documentation_may_hold_a_comma() -> None:
    assert folder_of_pages(["Documentation, https://docs.example/a, b/"]) == "https://docs.example/a, b"


def test_a_package_that_is_not_installed_has_pages_in_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "DISTRIBUTION", "amocrm-assets-that-nobody-has-installed")
    uncached = documents._installed_folder.__wrapped__  # noqa: SLF001  # what the process has cached stays
    monkeypatch.setattr(documents, "_installed_folder", uncached)
    assert page("x.md") == "`docs/x.md`"


@pytest.mark.parametrize(
    ("names", "sentence"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c", "d"], "a, b, c and d")],
)
def test_names_are_listed_as_in_a_sentence(names: list[str], sentence: str) -> None:
    assert listed(names) == sentence


@pytest.mark.parametrize(
    ("settings", "entities", "note"),
    [
        ({"import_leads": False}, [], ""),
        ({"import_leads": True}, [LEADS, CONTACTS], ""),
        ({"import_leads": False}, [LEADS], "Leads are not imported: "),
        ({"import_leads": False}, [LEADS, CONTACTS], "Leads and contacts are not imported: "),
    ],
)
def test_a_page_says_first_that_nothing_of_it_is_imported(
    settings: dict[str, bool], entities: list[Entity], note: str
) -> None:
    """Where one of its entities is imported, or it belongs to none, it says nothing."""
    said = not_imported(source(**settings), entities)
    assert said.startswith(note)
    assert bool(said) is bool(note)
    assert all(f"`import_{entity.name}: false`" in said for entity in entities if note)
