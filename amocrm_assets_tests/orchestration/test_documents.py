"""How the UI's texts name a page of the documentation: as a link, or by the path of its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
import pytest

from amocrm_assets.errors import ActionRequired
from amocrm_assets.orchestration.documents import folder_of_pages, page_in
from amocrm_assets.orchestration.failures import Retries, fail
from amocrm_assets.settings import docs_folder

if TYPE_CHECKING:
    from pathlib import Path

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
