"""Where the documents are that messages name."""

from __future__ import annotations

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
    ((place, files),) = setup["options.data_files"].items()
    assert files.strip() == "docs/*.md"
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "settings.md").touch()
    assert docs_folder(package=package, data=str(tmp_path)) == tmp_path / place
