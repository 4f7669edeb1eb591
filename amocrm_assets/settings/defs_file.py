"""Parses a `defs.yaml` into YAML nodes, or reports the line and the reason why it is not valid.

Reading any file takes little time and memory: its size, its nesting, and the number of its values after expanding
aliases are limited, far above those of real settings. For the meaning of the values see `source_files`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path

# LibYAML takes a tenth of the time, but is not available everywhere.
Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A source with all settings has a hundred values in three kilobytes; a file may contain many sources.
MAX_BYTES = 1_000_000
MAX_VALUES = 20_000
MAX_LEVELS = 20
TOO_DEEP = f"it is nested more than {MAX_LEVELS} levels deep. Write it out flat"
ITSELF = "something in it holds itself. Write it out without anchors"


class Unreadable(Exception):
    """Why a file cannot be parsed as YAML, without a full stop, and the line."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line


def read_nodes(file: Path) -> list[yaml.Node]:
    """The non-empty documents of a file. Raises `Unreadable`."""
    try:
        if not file.is_file():  # opening a pipe would block
            raise Unreadable(1, "it is no file. Move it away")
        with file.open("rb") as opened:
            held = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise Unreadable(1, str(error)) from error
    if len(held) > MAX_BYTES:
        raise Unreadable(1, f"it holds more than {MAX_BYTES:,} bytes. Write only settings into it")
    try:
        text = held.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(_line_at(held, error.start), "it is not in UTF-8. Save it in that encoding") from error
    try:
        _check_bounds(text)
        return [node for node in yaml.compose_all(text, Loader=Loader) if node is not None]
    except yaml.YAMLError as error:
        raise _unreadable(error, held) from error


def mentions(file: Path, text: str) -> bool:
    """Whether a text occurs in a file, which need not be valid YAML. True if the file cannot be opened."""
    try:
        with file.open("rb") as opened:
            return text.encode() in opened.read(MAX_BYTES + 1)
    except OSError:  # `read_nodes` reports why
        return True


def _check_bounds(text: str) -> None:
    """Scan the file value by value, in bounded memory."""
    values: list[int] = [0]  # of each open node, and of the whole file
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
                f"here it comes to more than {MAX_VALUES:,} values, those that aliases repeat included. Remove"
                " aliases (`*name`), or split the file",
            )


def _line_of(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _remember(known: dict[str, int], anchor: str | None, size: int) -> None:
    if anchor is not None:
        known[anchor] = size


def _unreadable(error: yaml.YAMLError, held: bytes) -> Unreadable:
    if isinstance(error, yaml.reader.ReaderError):
        return Unreadable(
            _line_at(held, error.position), f"it holds a character that YAML forbids ({error.reason})"
        )
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    # libyaml reads further ahead than the events requested, and has its own limit.
    return Unreadable(mark.line + 1 if mark else 1, TOO_DEEP if "nesting depth" in problem else problem)


def _line_at(held: bytes, position: int) -> int:
    return held.count(b"\n", 0, position) + 1
