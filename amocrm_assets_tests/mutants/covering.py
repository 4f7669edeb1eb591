"""Which tests execute which lines of a module: a mutant is tried by the tests that execute its line."""

from __future__ import annotations

import ast
import json
import time
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pytest
from coverage import Coverage, CoverageData

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

# Coverage's name for what is executed outside of any test: when the module is imported.
IMPORT = ""
OTHERS_SECONDS = 10.0


@dataclass(frozen=True)
class Covering:
    """For each line of a module the tests that execute it; and how long each test took, in seconds.

    Args:
        tests: Names of tests by line.
        seconds: Of each test that passed, in the order of the run.
        near: Files of the tests near the module. They are all tried; of the others those that take no longer than
            `OTHERS_SECONDS` together, the fastest first.
        statements: For each line the lines of its statement.
    """

    tests: Mapping[int, frozenset[str]]
    seconds: Mapping[str, float]
    near: frozenset[str]
    statements: Mapping[int, range] = field(default_factory=dict)

    @classmethod
    def read(cls, written: Path, module: Path, near: Sequence[str]) -> Covering:
        """What `Recorder` wrote of a module."""
        found = json.loads(written.read_text())
        tests = {int(line): frozenset(names) for line, names in found["tests"][str(module)].items()}
        return cls(tests, found["seconds"], frozenset(near), dict(_statements(ast.parse(module.read_text()))))

    def needs_import(self, line: int) -> bool:
        """Whether a line is executed when the module is imported, or by no test in this process."""
        found = self._executing(line)
        return IMPORT in found or not found

    def tests_of(self, line: int) -> Sequence[str]:
        """The tests that execute a line, those near the module first, by the time that their file takes.

        Where the import executes it, those that execute anything of the module; where nothing does, those near it.
        """
        found = self._executing(line)
        if IMPORT in found:
            return self.tests_of_module()
        return self._chosen(lambda name: name in found if found else self._is_near(name))

    def tests_of_module(self) -> Sequence[str]:
        """The tests that execute anything of the module, in the same order."""
        found = frozenset[str]().union(*self.tests.values())
        return self._chosen(found.__contains__)

    def _chosen(self, executes: Callable[[str], bool]) -> Sequence[str]:
        known = [name for name in self.seconds if executes(name)]
        near = [name for name in known if self._is_near(name)]
        of_file: dict[str, float] = {}
        for name in near:
            of_file[file_of(name)] = of_file.get(file_of(name), 0.0) + self.seconds[name]
        others = sorted({*known} - {*near}, key=self.seconds.__getitem__)
        until = accumulate(self.seconds[name] for name in others)
        return [
            *sorted(near, key=lambda name: of_file[file_of(name)]),
            *(name for name, seconds in zip(others, until, strict=True) if seconds <= OTHERS_SECONDS),
        ]

    def _executing(self, line: int) -> frozenset[str]:
        lines = self.statements.get(line, range(line, line + 1))
        return frozenset().union(*(self.tests.get(near, ()) for near in lines))

    def _is_near(self, name: str) -> bool:
        return any(name.startswith((f"{path}::", f"{path}/")) for path in self.near)


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
    """A plugin of pytest that writes what `Covering` reads, for several modules and of the tests that pass."""

    def __init__(self, modules: Sequence[Path], place: Path) -> None:
        self._place = place
        self._modules = modules
        self._coverage = Coverage(data_file=None, config_file=False, include=[str(module) for module in modules])
        self._seconds: dict[str, float] = {}
        self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Coverage and time of one test, with its fixtures."""
        self._coverage.switch_context(item.nodeid)
        begun, failed = time.monotonic(), item.session.testsfailed
        try:
            return (yield)
        finally:
            if item.session.testsfailed == failed:
                self._seconds[item.nodeid] = time.monotonic() - begun
            self._coverage.switch_context(IMPORT)

    def pytest_sessionfinish(self) -> None:
        """Write it."""
        self._coverage.stop()
        data: CoverageData = self._coverage.get_data()
        tests: dict[str, Any] = {str(module): data.contexts_by_lineno(str(module)) for module in self._modules}
        self._place.write_text(json.dumps({"tests": tests, "seconds": self._seconds}))


class Selected:
    """A plugin of pytest that runs some tests only, in their order."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def files(self) -> Sequence[str]:
        """Where the tests are."""
        return list(dict.fromkeys(file_of(name) for name in self._names))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out and put in order."""
        found = {item.nodeid: item for item in items}
        items[:] = [found[name] for name in self._names]


class NotSlow:
    """A plugin of pytest that leaves out the slow tests of all files but some."""

    def __init__(self, files: Sequence[str]) -> None:
        self._files = frozenset(files)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out."""
        items[:] = [
            item for item in items if file_of(item.nodeid) in self._files or not item.get_closest_marker("slow")
        ]


def file_of(name: str) -> str:
    """The file of a test."""
    return name.partition("::")[0]
