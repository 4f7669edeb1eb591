"""Oddities: values from amoCRM that do not fit a column, counted by kind with an example.

Notes are made while versions of records are read; only those of the versions that became rows count. They come
from `malformed` and `value_formatter`.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@dataclass(frozen=True)
class Oddity:
    """One kind of oddity: its count, and the smallest id of a record, or a line, that has it."""

    kind: str
    count: int
    example: str


class OddityCounter:
    """Notes by kind: the version they belong to, or the line if it gave no version."""

    def __init__(self) -> None:
        self._versions: dict[str, array[int]] = {}
        self._lines: dict[str, list[str]] = {}

    def of_version(self, version: int, notes: Iterable[str]) -> None:
        """Add a note about the version with this number."""
        for note in notes:
            self._versions.setdefault(note, array("q")).append(version)

    def of_line(self, line: str, notes: Iterable[str]) -> None:
        """Add a note about a line that gave no version."""
        for note in notes:
            self._lines.setdefault(note, []).append(line)

    def counted(self, picked: Mapping[int, int], called: Callable[[int], str] = str) -> tuple[Oddity, ...]:
        """Oddities of all lines without a version, and of the picked versions, given with their records' ids.

        `called` is the key of a record with such an id.
        """
        counted = [Oddity(kind, len(lines), lines[0]) for kind, lines in self._lines.items()]
        for kind, versions in self._versions.items():
            if ids := [picked[version] for version in versions if version in picked]:
                counted.append(Oddity(kind, len(ids), called(min(ids))))
        return tuple(sorted(counted, key=lambda oddity: oddity.kind))
