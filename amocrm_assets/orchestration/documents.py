"""Sentences of the UI that are in several places: links to the documentation, and that nothing is imported.

A page is linked where the installed package says where its documentation is; a wheel brings no pages.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from amocrm_assets.entities import Entity
    from amocrm_assets.settings import SourceSettings

DISTRIBUTION = "amocrm-assets"


def page(name: str) -> str:
    """A page of the documentation as Markdown: a link, or its path in the project where no address is known."""
    return page_in(_installed_folder(), name)


def page_in(folder: str | None, name: str) -> str:
    """A page as Markdown, given the address of the folder that holds the pages, if it is known."""
    return f"[docs/{name}]({folder}/{name})" if folder else f"`docs/{name}`"


def folder_of_pages(project_urls: Iterable[str]) -> str | None:
    """The address of the folder of the pages: the project URL `Documentation`, of those that metadata lists."""
    named = dict(url.split(", ", 1) for url in project_urls if ", " in url)
    return named["Documentation"].rstrip("/") if "Documentation" in named else None


@cache
def _installed_folder() -> str | None:
    try:
        return folder_of_pages(metadata(DISTRIBUTION).get_all("Project-URL") or [])
    except PackageNotFoundError:  # its files alone, without what an installer writes beside them
        return None


def listed(names: Sequence[str]) -> str:
    """Names as a sentence has them: `leads, contacts and calls`."""
    return " and ".join([", ".join(names[:-1]), *names[-1:]] if names[1:] else names)


def not_imported(source: SourceSettings, entities: Sequence[Entity]) -> str:
    """A first paragraph for what is about entities of which a source imports none; otherwise nothing."""
    if not entities or any(entity.choices.is_imported(source) for entity in entities):
        return ""
    named = listed([entity.table.records for entity in entities])
    switches = ", ".join(f"`{entity.choices.imported}: false`" for entity in entities)
    return f"{named.capitalize()} are not imported: the source's defs.yaml says {switches}.\n\n"
