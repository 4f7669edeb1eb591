"""Which tests execute which lines of a module: a mutant is tried by the tests that execute its line."""

from __future__ import annotations

import ast
import hashlib
import json
import time
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pytest
from coverage import Coverage, CoverageData

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

# Coverage's name for what is executed outside of any test: when the module is imported.
IMPORT = ""
# Of the tests that execute a line those are tried that take no longer than this together, the fastest first: of
# those near the module, and then of the others. Long simulations execute nearly every line of the reading, and
# would be tried for every survivor. Some tests are tried however long they take.
NEAR_SECONDS, OTHER_SECONDS, MIN_TESTS = 30.0, 2.0, 3


@dataclass(frozen=True)
class Covering:
    """For each line of a module the tests that execute it; and how long each test took, in seconds.

    Args:
        tests: Names of tests by line.
        seconds: Of each test that passed.
        near: Files or folders of the tests near the module.
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
        """The tests that execute a line, those near the module first, and of each the fastest first.

        Where the import executes it, those near the module that execute anything of it; where no test does, those
        near the module.
        """
        found = self._executing(line)
        if IMPORT in found:
            every = frozenset[str]().union(*self.tests.values())
            found = frozenset(filter(self._is_near, every)) or every
        tests = found & self.seconds.keys()
        return self._fastest(tests or frozenset(filter(self._is_near, self.seconds)))

    def tests_of_module(self) -> Sequence[str]:
        """The tests that execute anything of the module, in the same order."""
        return self._fastest(frozenset[str]().union(*self.tests.values()))

    def _fastest(self, names: frozenset[str]) -> Sequence[str]:
        ordered = sorted(names & self.seconds.keys(), key=self.seconds.__getitem__)
        near = [name for name in ordered if self._is_near(name)]
        others = [name for name in ordered if not self._is_near(name)]
        tried = [*self._within(NEAR_SECONDS, near), *self._within(OTHER_SECONDS, others)]
        return tried if len(tried) >= MIN_TESTS else ordered[:MIN_TESTS]

    def _within(self, seconds: float, names: Sequence[str]) -> Sequence[str]:
        until = accumulate(self.seconds[name] for name in names)
        return names[: sum(each <= seconds for each in until)]

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
    """A plugin of pytest that writes what `Covering` reads, for several modules and of the tests that pass.

    What `place` holds already is run again only if the modules or the file of a test have changed.
    """

    def __init__(self, modules: Sequence[Path], place: Path, slow_in: Sequence[str]) -> None:
        self._place = place
        self._modules = modules
        self._slow_in = frozenset(slow_in)
        self._coverage = Coverage(data_file=None, config_file=False, include=[str(module) for module in modules])
        code = hashlib.sha256(b"".join(module.read_bytes() for module in modules)).hexdigest()
        known = json.loads(place.read_text()) if place.exists() else {}
        nothing = {"code": code, "files": {}, "tests": {}, "seconds": {}}
        self._known: dict[str, Any] = known if known.get("code") == code else nothing
        self._changed: set[str] = set()
        self._coverage.start()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what is known, and the slow tests of all files but `slow_in`."""
        files = {file_of(item.nodeid): item.path for item in items}
        digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
        self._changed = {name for name, digest in digests.items() if self._known["files"].get(name) != digest}
        self._known["files"] |= digests
        items[:] = [
            item
            for item in items
            if (name := file_of(item.nodeid)) in self._changed
            and (name in self._slow_in or not item.get_closest_marker("slow"))
        ]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Coverage and time of one test, with its fixtures."""
        self._coverage.switch_context(item.nodeid)
        begun, failed = time.monotonic(), item.session.testsfailed
        try:
            return (yield)
        finally:
            if item.session.testsfailed == failed:
                self._known["seconds"][item.nodeid] = time.monotonic() - begun
            self._coverage.switch_context(IMPORT)

    def pytest_sessionfinish(self) -> None:
        """Write it."""
        self._coverage.stop()
        data: CoverageData = self._coverage.get_data()
        for module in map(str, self._modules):
            lines = self._known["tests"].setdefault(module, {})
            found = {str(line): names for line, names in data.contexts_by_lineno(module).items()}
            for line in {*lines, *found}:
                kept = [name for name in lines.get(line, ()) if file_of(name) not in self._changed]
                lines[line] = sorted({*kept, *found.get(line, ())})
        self._place.write_text(json.dumps(self._known))


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


def file_of(name: str) -> str:
    """The file of a test."""
    return name.partition("::")[0]
