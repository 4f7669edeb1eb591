"""Which tests execute which lines of a module: a mutant is tried by the tests that execute its line."""

from __future__ import annotations

import ast
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from coverage import Coverage, CoverageData

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

# Coverage's name for what is executed outside of any test: when the module is imported.
IMPORT = ""


@dataclass(frozen=True)
class Covering:
    """For each line of a module the ids of the tests that execute it; and how long each test took, in seconds."""

    tests: Mapping[int, frozenset[str]]
    seconds: Mapping[str, float]
    statements: Mapping[int, range] = field(default_factory=dict)

    @classmethod
    def read(cls, written: Path, module: Path) -> Covering:
        """What `Recorder` wrote of a module."""
        found = json.loads(written.read_text())
        tests = {int(line): frozenset(names) for line, names in found["tests"].items()}
        return cls(tests, found["seconds"], dict(_statements(ast.parse(module.read_text()))))

    def tests_of(self, line: int) -> frozenset[str] | None:
        """The tests that execute a line; None where only all of them can tell.

        That is a line that is executed when the module is imported, or by no test in this process.
        """
        lines = self.statements.get(line, range(line, line + 1))
        found = frozenset().union(*(self.tests.get(near, ()) for near in lines))
        return None if IMPORT in found or not found else found

    def seconds_of(self, tests: frozenset[str] | None) -> float:
        """How long tests take; all of them for None."""
        return sum(seconds for name, seconds in self.seconds.items() if tests is None or name in tests)


def _statements(tree: ast.AST) -> Iterator[tuple[int, range]]:
    """For each line the lines of its statement; a compound statement ends where its body begins."""
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            first = getattr(node, "lineno", 0) or node.pattern.lineno  # type: ignore[union-attr]
            body = getattr(node, "body", None)
            end = body[0].lineno if body else (getattr(node, "end_lineno", None) or first) + 1
            lines = range(first, max(end, first + 1))
            yield from ((line, lines) for line in lines)


class Recorder:
    """A plugin of pytest that writes what `Covering` reads."""

    def __init__(self, module: Path, place: Path) -> None:
        self._place = place
        self._module = module
        self._coverage = Coverage(data_file=None, config_file=False, include=[str(module)])
        self._seconds: dict[str, float] = {}
        self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Coverage and time of one test, with its fixtures."""
        self._coverage.switch_context(item.nodeid)
        begun = time.monotonic()
        try:
            return (yield)
        finally:
            self._seconds[item.nodeid] = time.monotonic() - begun
            self._coverage.switch_context(IMPORT)

    def pytest_sessionfinish(self) -> None:
        """Write it."""
        self._coverage.stop()
        data: CoverageData = self._coverage.get_data()
        tests: dict[int, Any] = data.contexts_by_lineno(str(self._module))
        self._place.write_text(json.dumps({"tests": tests, "seconds": self._seconds}))


class Selected:
    """A plugin of pytest that runs some tests only, those of the fastest file first."""

    def __init__(self, tests: frozenset[str], covering: Covering) -> None:
        self._tests = tests
        self._covering = covering

    def files(self) -> Sequence[str]:
        """Where the tests are."""
        return sorted({_file(name) for name in self._tests})

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out and put in order."""
        items[:] = sorted((item for item in items if item.nodeid in self._tests), key=self._seconds_of_file)

    def _seconds_of_file(self, item: pytest.Item) -> float:
        file = _file(item.nodeid)
        return self._covering.seconds_of(frozenset(name for name in self._tests if _file(name) == file))


def _file(name: str) -> str:
    return name.partition("::")[0]
