"""Reads the documents of sources in `defs.yaml` files: attributes with lines, or what is wrong outside them.

`source` validates attributes, `defs_file` parses YAML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import yaml

from amocrm_assets.settings.defs_file import Loader, Unreadable, mentions, read_nodes
from amocrm_assets.settings.sources_folder import is_shared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NAME = "defs.yaml"
COMPONENT = "amocrm_assets.AmoCrmSource"
KEYS = ("type", "attributes", "requirements", "template_vars_module", "post_processing")
# Only Dagster's own loader applies them, in a project that loads its `defs` folder with it.
DAGSTER_KEYS = {
    "template_vars_module": "its values are for templates, which are not filled in. Remove it; write the values.",
    "post_processing": "only Dagster's own loader, in your own project, applies it. Remove it; `owners` and"
    " `tags` are attributes.",
}
Place = tuple[str | int, ...]
# Templates here are filled in when definitions are created, and can use only the asset.
TRANSLATION: Place = ("attributes", "translation")
_ENVIRONMENT = re.compile(r"\benv\b")
TEMPLATE = (
    "templates are not filled in here, since Dagster would show their values. Write the value itself or,"
    " if a setting ends in `_env`, the NAME of an environment variable."
)


@dataclass(frozen=True)
class Problem:
    """A problem in a file, and the fix."""

    file: Path
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


@dataclass(frozen=True)
class Document:
    """The attributes of one source in a file, and the line of each."""

    file: Path
    line: int
    attributes: Mapping[str, Any]
    lines: Mapping[Place, int]


def read_documents(folder: Path) -> Iterator[Document | Problem]:
    """All documents of sources. In a project that contains other components, those and their files are skipped."""
    if is_shared(folder):
        for file in sorted(each for each in folder.rglob(NAME) if mentions(each, COMPONENT)):
            yield from read_file(file, shared=True)
    else:
        for file in sorted([*folder.glob(f"*/{NAME}"), *folder.glob("*/defs.yml")]):
            yield from read_file(file)


def read_file(file: Path, *, shared: bool = False) -> list[Document | Problem]:
    """The documents of one file. In a `shared` one, those of other components are skipped."""
    if file.name != NAME:
        return [Problem(file, 1, f"only files named {NAME} are read. Rename it, or move it to another folder.")]
    try:
        nodes = read_nodes(file)
    except Unreadable as error:
        return [Problem(file, error.line, f"this is not readable as YAML: {error}.")]
    ours = [node for node in nodes if not shared or _type_of(node) == COMPONENT]
    read = [entry for node in ours for entry in _read_document(file, node, shared=shared)]
    if shared:
        return read
    return read or [Problem(file, 1, f"the file is empty. Write `type: {COMPONENT}` and `attributes:`.")]


def read_one(file: Path, number: int) -> list[Document | Problem]:
    """The document with that number, counted from 0, of a file in another Dagster project.

    The parsed file is cached for its other documents.
    """
    try:
        state = file.stat()
        nodes = _nodes(file, state.st_mtime_ns, state.st_size)
    except (OSError, Unreadable) as error:
        return [Problem(file, getattr(error, "line", 1), f"this is not readable as YAML: {error}.")]
    return list(_read_document(file, nodes[number], shared=True)) if number < len(nodes) else []


@lru_cache(maxsize=8)
def _nodes(file: Path, modified_ns: int, size: int) -> list[yaml.Node]:  # noqa: ARG001  # cache keys: a changed file is read again
    return read_nodes(file)


def types_in(file: Path) -> list[str]:
    """The types of the components in a file; empty if it cannot be read, which Dagster's loader reports."""
    try:
        return [kind for node in read_nodes(file) if (kind := _type_of(node))]
    except Unreadable:
        return []


def _type_of(node: yaml.Node) -> str | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((str(value.value) for key, value in pairs if key.value == "type"), None)


def _unreadable(file: Path, line: int, error: Exception) -> Problem:
    mark = getattr(error, "problem_mark", None)
    if isinstance(error, yaml.YAMLError):
        message = getattr(error, "problem", None) or str(error)
    else:  # the error's text would repeat the value
        message = "a value does not fit the tag before it, like `!!int`. Remove the tag"
    return Problem(file, mark.line + 1 if mark else line, f"this is not readable as YAML: {message}.")


def _read_document(file: Path, node: yaml.Node, *, shared: bool) -> Iterator[Document | Problem]:
    lines: dict[Place, int] = {}
    try:
        problems = [Problem(file, line, what) for line, what in _find_problems(node, (), lines)]
        document = _construct(node)
    except (yaml.YAMLError, ValueError, LookupError) as error:  # an unknown tag; `!!int soon`, `!!bool soon`
        yield _unreadable(file, node.start_mark.line + 1, error)
        return
    if wrong := _wrong_frame(document, shared=shared):
        problems.append(Problem(file, node.start_mark.line + 1, wrong))
    if problems:
        yield from problems
    else:
        yield Document(file, lines.get(("attributes",), 1), document.get("attributes") or {}, lines)


class _Settings(Loader):  # type: ignore[valid-type,misc]  # the class is chosen at run time
    """Reads dates as texts: YAML's own constructor would fail at 2026-02-30 without the line."""


_Settings.add_constructor("tag:yaml.org,2002:timestamp", yaml.SafeLoader.construct_yaml_str)


def _construct(node: yaml.Node) -> Any:
    return _Settings("").construct_document(node)


def _find_problems(node: yaml.Node, path: Place, lines: dict[Place, int]) -> Iterator[tuple[int, str]]:
    """Store the line of every value in `lines`; yield repeated keys and templates, which YAML itself allows."""
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = (*path, str(key.value))
            if below in lines:
                yield key.start_mark.line + 1, f"`{key.value}` is repeated. Keep one of the two."
            lines[below] = key.start_mark.line + 1
            yield from _find_problems(value, below, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _find_problems(value, (*path, index), lines)
    elif "{{" in str(node.value) and (path[:2] != TRANSLATION or _ENVIRONMENT.search(node.value)):
        yield node.start_mark.line + 1, TEMPLATE


def _wrong_frame(document: Any, *, shared: bool) -> str | None:
    """What is wrong outside the attributes, if anything."""
    if not isinstance(document, dict) or document.get("type") != COMPONENT:
        return f"every document here begins with `type: {COMPONENT}`."
    if unknown := sorted(str(key) for key in document if key not in KEYS):
        return f"`{unknown[0]}` is not allowed next to `type` and `attributes`. Remove or indent it."
    if not shared and (refused := next((key for key in DAGSTER_KEYS if document.get(key)), None)):
        return f"`{refused}` is not applied here: {DAGSTER_KEYS[refused]}"
    if not _are_requirements(document.get("requirements")):
        return "`requirements` must name environment variables. For example: `requirements: {env: [NAME]}`."
    if not isinstance(document.get("attributes") or {}, dict):
        return "`attributes` must contain the settings as `name: value` lines."
    return None


def _are_requirements(value: Any) -> bool:
    """Whether Dagster accepts the value as `requirements`: variables that must be set, which `dg` verifies."""
    if value is None:
        return True
    if not isinstance(value, dict) or set(value) - {"env"}:
        return False
    names = value.get("env") or []
    return isinstance(names, list) and all(isinstance(name, str) for name in names)
