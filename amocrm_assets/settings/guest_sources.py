"""What is wrong with a source in another Dagster project, whose files Dagster's own loader reads.

The messages are those of `source_files`. `orchestration` defines what Dagster shows instead of such a source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.settings.documents import (
    COMPONENT,
    NAME,
    TEMPLATE,
    Document,
    Problem,
    read_documents,
    read_one,
    types_in,
)
from amocrm_assets.settings.source_files import BrokenSource, explain, named, read_source, read_sources
from amocrm_assets.settings.sources_folder import dagster_project, is_shared

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


def broken_document(file: Path, number: int) -> BrokenSource | None:
    """What is wrong with a document of a file, if anything; documents are counted from 0.

    Also None for a document with templates: Dagster fills them in, and `broken_values` reports what is wrong then.
    """
    read = read_one(file, number)
    if any(isinstance(entry, Problem) and entry.what == TEMPLATE for entry in read):
        return None
    checked = [each for entry in read if isinstance(entry, Document) for each in read_source(entry)]
    problems = [entry for entry in [*read, *checked] if isinstance(entry, Problem)]
    attributes = next((entry.attributes for entry in read if isinstance(entry, Document)), {})
    return _broken(file, attributes, problems) if problems else None


def needs_dagster(folder: Path) -> bool:
    """Whether only Dagster's loader can read a folder's sources: some have templates, or may be of a subclass.

    Components of Dagster's own packages are not subclasses of `AmoCrmSource`; any other must be imported to know.
    """
    if not is_shared(folder):
        return False
    if any(isinstance(entry, Problem) and entry.what == TEMPLATE for entry in read_documents(folder)):
        return True
    kinds = {kind for file in folder.rglob(NAME) for kind in types_in(file)}
    return any(kind != COMPONENT and not kind.startswith("dagster") for kind in kinds)


def broken_values(file: Path, number: int, error: ValidationError) -> BrokenSource:
    """A source whose values are wrong after Dagster has filled in its templates."""
    details = error.errors(include_url=False, include_input=False)
    return broken_because(file, number, *dict.fromkeys(_explain_unseen(detail) for detail in details))


def _explain_unseen(detail: ErrorDetails) -> str:
    """A problem without the value: a template may contain a secret, and the UI shows this text."""
    if detail["type"] in ("missing", "extra_forbidden"):
        return explain(detail)
    name = str(detail["loc"][0]) if detail["loc"] else "attributes"
    return f"`{name}`: its value, or the value of its template, is not valid; see docs/settings.md."


def broken_because(file: Path, number: int, *messages: str) -> BrokenSource:
    """A source with problems that do not belong to a single attribute."""
    documents = [entry for entry in read_one(file, number) if isinstance(entry, Document)]
    attributes, line = (documents[0].attributes, documents[0].line) if documents else ({}, 1)
    return _broken(file, attributes, [Problem(file, line, each) for each in messages])


def _broken(file: Path, attributes: Mapping[str, Any], problems: list[Problem]) -> BrokenSource:
    (broken,) = named([(attributes, problems)], taken=_loadable_keys(file))
    return broken


def _loadable_keys(file: Path) -> set[str]:
    """Keys of the project's sources that can be loaded: a broken source must not use their names."""
    project = dagster_project(file.parent)
    if project is None or not project.defs.is_dir():
        return set()
    return {found.settings.key.lower() for found in read_sources(project.defs).found}
