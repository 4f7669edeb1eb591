"""Where the documents are that messages name."""

from __future__ import annotations

import os
import re
from configparser import ConfigParser
from pathlib import Path

from amocrm_assets.settings.docs_folder import docs_folder

ROOT = Path(__file__).parents[2]


def test_the_documents_of_a_checkout_are_its_own() -> None:
    assert docs_folder() == ROOT / "docs"


def test_an_installed_package_has_them_where_setup_puts_them(tmp_path: Path) -> None:
    package = tmp_path / "lib" / "site-packages" / "amocrm_assets"
    assert docs_folder(package=package, data=str(tmp_path)) is None
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    places = {files.strip(): place for place, files in setup["options.data_files"].items()}
    place = places["docs/*.md"]
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "settings.md").touch()
    assert docs_folder(package=package, data=str(tmp_path)) == tmp_path / place


def test_a_link_of_a_document_leads_to_one_that_is_installed_beside_it() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    installed = {
        Path(place) / file.name: file
        for place, files in setup["options.data_files"].items()
        for file in ROOT.glob(files.strip())
    }
    assert {file for file in installed.values() if file.parent.name == "decisions"}
    lost = {
        (file.name, link)
        for place, file in installed.items()
        if file.suffix == ".md"
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", file.read_text("utf-8"))
        if "://" not in link and Path(os.path.normpath(place.parent / link)) not in installed
    }
    assert lost == set()
