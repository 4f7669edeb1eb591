"""Reads a `defs.yaml` as YAML nodes, or returns the line and the reason why it cannot be read.

Reading any file takes little time and memory: file size, nesting, and the number of values after expanding aliases
are limited, far above what settings need. `source_files` interprets the values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path

# LibYAML is ten times as fast, but some builds of PyYAML do not include it.
Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A source with every setting has about a hundred values in three kilobytes; a file may hold many sources.
MAX_BYTES = 1_000_000
MAX_VALUES = 20_000
MAX_LEVELS = 20
TOO_DEEP = f"it has more than {MAX_LEVELS} levels of nesting. Reduce the nesting"
ITSELF = "an alias refers to a value that contains it. Remove the alias"


class Unreadable(Exception):
    """Why a file cannot be read as YAML (a text without a final full stop), and the line of the problem."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line


def read_nodes(file: Path) -> list[yaml.Node]:
    """The documents of a file that are not empty. Raises `Unreadable`."""
    try:
        if not file.is_file():  # reading a pipe would wait
            raise Unreadable(1, "it is not a file. Move it to another place")
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise Unreadable(1, str(error)) from error
    if len(content) > MAX_BYTES:
        raise Unreadable(1, f"it has more than {MAX_BYTES:,} bytes. Write only settings into it")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(_line_at(content, error.start), "it is not UTF-8. Save it in that encoding") from error
    try:
        _check_bounds(text)
        return [node for node in yaml.compose_all(text, Loader=Loader) if node is not None]
    except yaml.YAMLError as error:
        raise _unreadable(error, content) from error


def mentions(file: Path, text: str) -> bool:
    """Whether a text occurs in a file, which may be invalid YAML. True if the file cannot be opened."""
    try:
        with file.open("rb") as opened:
            return text.encode() in opened.read(MAX_BYTES + 1)
    except OSError:  # `read_nodes` reports the reason
        return True


def _check_bounds(text: str) -> None:
    """Raise `Unreadable` if the file exceeds a limit. Parses event by event, so that memory stays small."""
    values: list[int] = [0]  # counts: of the whole file, and of each open node
    anchors: list[str | None] = []
    known: dict[str, int] = {}
    for event in yaml.parse(text, Loader=Loader):
        line = _line_of(event)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in anchors:
                raise Unreadable(line, ITSELF)
            values[-1] += known.get(str(event.anchor), 0)
        elif isinstance(event, yaml.ScalarEvent):
            values[-1] += 1
            _remember(known, event.anchor, 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            values.append(1)
            anchors.append(event.anchor)
        elif isinstance(event, yaml.CollectionEndEvent):
            size = values.pop()
            values[-1] += size
            _remember(known, anchors.pop(), size)
        if len(anchors) > MAX_LEVELS:
            raise Unreadable(line, TOO_DEEP)
        if sum(values) > MAX_VALUES:
            raise Unreadable(
                line,
                f"up to here it has more than {MAX_VALUES:,} values, including those that aliases repeat. Remove"
                " aliases (`*name`), or split the file",
            )


def _line_of(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _remember(known: dict[str, int], anchor: str | None, size: int) -> None:
    if anchor is not None:
        known[anchor] = size


def _unreadable(error: yaml.YAMLError, content: bytes) -> Unreadable:
    if isinstance(error, yaml.reader.ReaderError):
        return Unreadable(
            _line_at(content, error.position), f"it has a character that YAML does not allow ({error.reason})"
        )
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    # LibYAML parses ahead of the events and may reach its own limit of nesting first.
    return Unreadable(mark.line + 1 if mark else 1, TOO_DEEP if "nesting depth" in problem else problem)


def _line_at(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1
