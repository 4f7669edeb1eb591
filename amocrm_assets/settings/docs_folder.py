"""Finds the folder of the documents that messages refer to: in the checkout, or with the installed package."""

from __future__ import annotations

import sysconfig
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
# `setup.cfg` installs them there.
_INSTALLED = Path("share", "doc", "amocrm-assets")


def docs_folder(*, package: Path = _PACKAGE, data: str | None = None) -> Path | None:
    """The folder of the documents; None if there is none (for example in the container image)."""
    checkout = package.parent / "docs"
    installed = Path(data or sysconfig.get_path("data")) / _INSTALLED
    return next((folder for folder in (checkout, installed) if (folder / "settings.md").is_file()), None)


def documents_note(message: str) -> str | None:
    """Where `docs/` is, if a message refers to a page and `docs/` is not in the working directory."""
    folder = _elsewhere() if "docs/" in message else None
    return f"(docs/ is {folder})" if folder else None


def document_path(name: str) -> str:
    """Path of a page: `docs/NAME` in a checkout and where no documents are, else that of the installed file."""
    return str((_elsewhere() or Path("docs")) / name)


def _elsewhere() -> Path | None:
    return None if Path("docs", "settings.md").is_file() else docs_folder()
