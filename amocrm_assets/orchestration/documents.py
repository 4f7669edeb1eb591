"""Texts that several pages of the UI have: links to the documentation, and the note that nothing is imported.

A page is a link if the installed package has the URL of its documentation, otherwise the path of its file.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from typing import TYPE_CHECKING

from amocrm_assets.settings.docs_folder import document_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from amocrm_assets.entities import Entity
    from amocrm_assets.settings import SourceSettings

DISTRIBUTION = "amocrm-assets"


def page(name: str) -> str:
    """A page of the documentation as Markdown: a link, or the path of its file if no URL is known."""
    return page_in(_installed_folder(), name)


def page_in(folder: str | None, name: str) -> str:
    """A page as Markdown, with the URL of the folder of the pages, if it is known."""
    return f"[docs/{name}]({folder}/{name})" if folder else f"`{document_path(name)}`"


def folder_of_pages(project_urls: Iterable[str]) -> str | None:
    """The URL of the folder of the pages: the project URL `Documentation` in the package's metadata."""
    named = dict(url.split(", ", 1) for url in project_urls if ", " in url)
    return named["Documentation"].rstrip("/") if "Documentation" in named else None


@cache
def _installed_folder() -> str | None:
    try:
        return folder_of_pages(metadata(DISTRIBUTION).get_all("Project-URL") or [])
    except PackageNotFoundError:  # only its own files, without those of the installer
        return None


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: `leads, contacts and calls`."""
    return " and ".join([", ".join(names[:-1]), *names[-1:]] if names[1:] else names)


def not_imported(source: SourceSettings, entities: Sequence[Entity]) -> str:
    """A first paragraph if the source imports none of the entities; otherwise nothing."""
    if not entities or any(entity.choices.is_imported(source) for entity in entities):
        return ""
    named = listed([entity.table.records for entity in entities])
    switches = ", ".join(f"`{entity.choices.imported}: false`" for entity in entities)
    return f"{named.capitalize()} are not imported: the source's defs.yaml says {switches}.\n\n"
