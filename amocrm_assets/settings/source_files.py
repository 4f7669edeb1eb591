"""Reads `defs/<source>/defs.yaml` files to the settings of all sources, and lists every problem.

`documents` reads the files, `source` validates settings. Dagster is not imported, since the commands need the
sources, too: `docs/decisions/0008` says why its loader is not used.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ValidationError

from amocrm_assets.errors import SettingsError
from amocrm_assets.settings import (
    SUBDOMAIN,
    OAuthSettings,
    ScheduleSettings,
    SourceSettings,
    wrong_credentials,
)
from amocrm_assets.settings.documents import NAME, Document, Place, Problem, read_documents
from amocrm_assets.settings.sources_folder import existing_sources_folder
from amocrm_assets.settings.translation import TranslationSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic_core import ErrorDetails

# In a checkout, the only source until the user adds one.
EXAMPLE = Path(__file__).parents[1] / "defs" / "sandbox" / NAME
_NESTED: dict[str, type[BaseModel]] = {
    "oauth": OAuthSettings,
    "schedule": ScheduleSettings,
    "translation": TranslationSettings,
}


@dataclass(frozen=True)
class SourceFound:
    """A source and the place of its settings."""

    settings: SourceSettings
    file: Path
    line: int


@dataclass(frozen=True)
class BrokenSource:
    """A source that cannot be loaded, since its settings are wrong.

    `name` is its subdomain if that is readable, otherwise the name of its folder. `key` is used for names in
    Dagster; it is unique among all sources of a folder.
    """

    name: str
    key: str
    problems: tuple[Problem, ...]
    attributes: Mapping[str, Any]

    @property
    def file(self) -> Path:
        """The file with its settings."""
        return self.problems[0].file

    def error(self) -> SettingsError:
        """An error that lists all problems."""
        problems = sorted(self.problems, key=lambda each: (each.file, each.line))
        listed = "".join(f"\n  {problem}" for problem in problems)
        return SettingsError(
            f"Reading the settings of the source {self.name}",
            cause=f"{len(problems)} problem{'s' if len(problems) > 1 else ''}:{listed}\n",
            fix="Correct the files; docs/settings.md describes every attribute.",
            source=self.name,
        )


@dataclass(frozen=True)
class Sources:
    """The sources of a folder: the valid ones, by subdomain, and the broken ones."""

    found: list[SourceFound]
    broken: list[BrokenSource]


def read_sources(folder: Path | None = None) -> Sources:
    """All sources with their files. A source with wrong settings does not affect the others."""
    read = _without_example(list(read_documents(folder or existing_sources_folder())))
    documents = [entry for entry in read if isinstance(entry, Document)]
    clashes = {(document.file, document.line): problem for document, problem in _clashes(documents)}
    found: list[SourceFound] = []
    wrong: list[tuple[Mapping[str, Any], list[Problem]]] = []
    for document in documents:
        checked = list(read_source(document))
        problems = [entry for entry in checked if isinstance(entry, Problem)]
        if clash := clashes.get((document.file, document.line)):
            problems.append(clash)
        if problems:
            wrong.append((document.attributes, problems))
        else:
            found += [entry for entry in checked if isinstance(entry, SourceFound)]
    of_files: dict[Path, list[Problem]] = {}
    for entry in read:
        if isinstance(entry, Problem):
            of_files.setdefault(entry.file, []).append(entry)
    wrong += [({}, problems) for problems in of_files.values()]
    found.sort(key=lambda each: each.settings.subdomain)
    return Sources(found, named(wrong, taken={each.settings.key.lower() for each in found}))


def _without_example(read: list[Document | Problem]) -> list[Document | Problem]:
    """All entries without the example source of a checkout, unless there is no other."""
    own = [entry for entry in read if entry.file != EXAMPLE]
    return own or read


def named(wrong: list[tuple[Mapping[str, Any], list[Problem]]], *, taken: set[str]) -> list[BrokenSource]:
    """Broken sources, from their attributes and problems; they get keys that are not in `taken`."""
    broken = []
    for attributes, problems in sorted(wrong, key=lambda each: (each[1][0].file, each[1][0].line)):
        subdomain = str(attributes.get("subdomain"))
        readable = "subdomain" in attributes and SUBDOMAIN.fullmatch(subdomain)
        name = subdomain if readable else problems[0].file.parent.name
        key = base = re.sub(r"[^A-Za-z0-9_]", "_", name)
        number = 2
        while key.lower() in taken:
            key, number = f"{base}_{number}", number + 1
        taken.add(key.lower())
        broken.append(BrokenSource(name, key, tuple(problems), attributes))
    return broken


def read_source(document: Document) -> Iterator[SourceFound | Problem]:
    """The source of a document, or every problem in it."""
    try:
        yield SourceFound(SourceSettings.model_validate(document.attributes), document.file, document.line)
    except ValidationError as error:
        # `include_input=False`: values are not repeated, since one may be a secret by mistake.
        details = error.errors(include_url=False, include_input=False)
        for detail in details:
            yield Problem(document.file, _line_of(detail["loc"], document.lines), explain(detail))
        # pydantic runs validators of the whole model only if every attribute is valid.
        credentials = [document.attributes.get(name) for name in ("access_token_env", "oauth")]
        if all(detail["loc"] for detail in details) and (wrong := wrong_credentials(*credentials)):
            yield Problem(document.file, document.line, f"{wrong[0].upper()}{wrong[1:]}.")


def _line_of(location: Place, lines: Mapping[Place, int]) -> int:
    path: Place = ("attributes", *location)
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def explain(detail: ErrorDetails) -> str:
    """A problem with one setting, in terms of the file."""
    location = detail["loc"]
    names = [str(part) for part in location if not isinstance(part, int)]
    field = ".".join(names[:2] if names and names[0] in _NESTED else names[:1])
    if detail["type"] == "extra_forbidden":
        return f"`{field}` is not a setting.{_close_names(location)}"
    if detail["type"] == "missing":
        return f"`{field}` is missing.{_example(location)}"
    if detail["type"] == "value_error":
        message = str(detail["ctx"]["error"])
        return f"`{field}`: {message}." if field else f"{message[0].upper()}{message[1:]}."
    return f"`{field}`: {detail['msg'][0].lower()}{detail['msg'][1:]}.{_example(location)}"


def _fields_at(location: Place) -> Mapping[str, Any]:
    model = _NESTED.get(str(location[0]), SourceSettings) if len(location) > 1 else SourceSettings
    return model.model_fields


def _close_names(location: Place) -> str:
    known = list(_fields_at(location))
    close = difflib.get_close_matches(str(location[-1]), known, n=2)
    if close:
        return f" Did you mean {' or '.join(f'`{name}`' for name in close)}?"
    return f" There are: {', '.join(known)}."


def _example(location: Place) -> str:
    fields = _fields_at(location)
    name = next((str(part) for part in reversed(location) if part in fields), None)
    if name is None or not fields[name].examples:
        return ""
    example = yaml.safe_dump({name: fields[name].examples[0]}, allow_unicode=True, default_flow_style=True)
    return f" For example: `{example.strip()[1:-1]}`."


def _clashes(documents: Iterable[Document]) -> Iterator[tuple[Document, Problem]]:
    """Sources that would have the same asset keys, or the same tables in a case-insensitive warehouse."""
    first: dict[str, Document] = {}
    for document in documents:
        subdomain = str(document.attributes.get("subdomain"))
        other = first.setdefault(subdomain.replace("-", "_").lower(), document)
        if other is not document and SUBDOMAIN.fullmatch(subdomain):
            message = (
                f"`subdomain`: {subdomain!r} is taken: {other.attributes['subdomain']!r} in"
                f" {other.file}:{other.line}. Subdomains must differ in more than letter case and hyphens."
            )
            yield document, Problem(document.file, _line_of(("subdomain",), document.lines), message)
