"""Oddities: values from amoCRM that do not fit their column, counted by kind with an example.

Notes are made while records are read (`malformed`, `column_values`, `value_formatter`); only notes of versions
that became rows are counted.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@dataclass(frozen=True)
class Oddity:
    """One kind of oddity: how often it occurred, and an example: the smallest key of a record, or a line."""

    kind: str
    count: int
    example: str


class OddityCounter:
    """Counts notes by kind. A note belongs to a version, or to a line that could not be decoded to a version."""

    def __init__(self) -> None:
        self._versions: dict[str, array[int]] = {}
        self._lines: dict[str, list[str]] = {}

    def of_version(self, version: int, notes: Iterable[str]) -> None:
        """Add notes of the version with this number."""
        for note in notes:
            self._versions.setdefault(note, array("q")).append(version)

    def of_line(self, line: str, notes: Iterable[str]) -> None:
        """Add notes of a line without a version."""
        for note in notes:
            self._lines.setdefault(note, []).append(line)

    def counted(self, picked: Mapping[int, int], called: Callable[[int], str] = str) -> tuple[Oddity, ...]:
        """Oddities of all lines without a version and of the picked versions.

        `picked` maps version numbers to record ids, `called` a record id to the text of an example.
        """
        counted = [Oddity(kind, len(lines), lines[0]) for kind, lines in self._lines.items()]
        for kind, versions in self._versions.items():
            if ids := [picked[version] for version in versions if version in picked]:
                counted.append(Oddity(kind, len(ids), called(min(ids))))
        return tuple(sorted(counted, key=lambda oddity: oddity.kind))
