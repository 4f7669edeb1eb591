"""Runs pytest in a fork of this process, which has already imported the libraries that the tests import.

Importing Dagster, pandas and the rest takes several seconds, and most tests near a module take less.
"""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import re
import signal
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from cosmic_ray.work_item import TestOutcome

from amocrm_assets_tests.mutants.collected_tests import NEEDS_IMPORT, CollectedTests
from amocrm_assets_tests.mutants.covering import Covering, Recorder, Selected

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

# Pytest would rewrite the assertions of its plugins, which are imported already.
OPTIONS = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
PROJECT = ("amocrm_assets", "amocrm_assets_tests")
# On a busy machine every test is slower than the first time.
TIMES_SLOWER, MIN_SECONDS, IMPORT_SECONDS = 5, 4.0, 20.0
_FORK = multiprocessing.get_context("fork")


class ForkedTests:
    """Tests of one copy of the project, for some of its modules: `options` and `paths` are pytest's."""

    def __init__(self, tree: Path, modules: Sequence[Path], options: Sequence[str], paths: Sequence[str]) -> None:
        self._tree = tree
        self._modules = modules
        self._options = [*OPTIONS, *options]
        self._paths = paths
        self._record = tree.parent / "covering.json"
        self._collected: Connection | None = None
        self._mutated = (modules[0], Covering({}, {}, frozenset()))
        self._kills: Counter[str] = Counter()

    def start(self, files: Sequence[str]) -> None:
        """Run the tests of the unchanged modules: note what they execute, import the libraries that they import.

        Of slow tests only those in `files` are run.
        """
        if self._collected is not None:
            return
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        names = self._tree.parent / "modules"
        _, output = self._run(
            lambda: _pytest([*self._options, *self._paths], Recorder(self._modules, self._record, files)),
            lambda: names.write_text("\n".join(sys.modules)),
        )
        self._record.with_suffix(".txt").write_text(output)
        for name in names.read_text().splitlines():
            if name.partition(".")[0] not in PROJECT:
                # Some modules exist only under the names that others gave them.
                with suppress(ImportError):
                    importlib.import_module(name)
        # Bytecode is kept of all modules but those that change, more than once in a second.
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        for module in self._modules:
            for compiled in (module.parent / "__pycache__").glob(f"{module.stem}.*"):
                compiled.unlink()
        gc.freeze()
        self._collect()

    def _collect(self) -> None:
        """Start the process that collects the tests and waits for requests."""
        self._collected, requests = _FORK.Pipe()

        def serve() -> int:
            cast("Connection", self._collected).close()
            plugin = CollectedTests(self._modules, requests, self._forked)
            return self._imported_again(lambda: _pytest(["-s", *self._options, *self._paths], plugin))

        process = _FORK.Process(target=self._child, args=(os.open(os.devnull, os.O_WRONLY), serve, int))
        process.start()
        requests.close()

    def mutate(self, module: Path, near: Sequence[str]) -> None:
        """The module that is changed from now on, and the tests near it; without a change they must pass."""
        covering = Covering.read(self._record, module, near)
        self._mutated = (module, covering)
        self._kills.clear()
        # There may be none that execute more than an import does.
        names = covering.tests_of_module()
        status, output = self._answer(names) if names else (0, "")
        if status != 0:
            raise SystemExit(f"Without any change these tests fail:\n{output}")

    def _answer(self, names: Sequence[str]) -> tuple[int | None, str]:
        collected = cast("Connection", self._collected)
        module, covering = self._mutated
        collected.send((module, {name: _limit(covering.seconds[name]) for name in names}))
        return cast("tuple[int | None, str]", collected.recv())

    def close(self) -> None:
        """End the process that has collected the tests."""
        if self._collected is not None:
            self._collected.close()

    def run(self, line: str, timeout: float | None = None) -> tuple[TestOutcome, str]:  # noqa: ARG002
        """As `cosmic_ray.testing.run_tests`: what came of the tests that execute a line, and their output."""
        _, covering = self._mutated
        # What killed others is tried first, by kills in a second.
        names = sorted(
            covering.tests_of(int(line)), key=lambda name: -self._kills[name] / (covering.seconds[name] + 0.1)
        )
        if not covering.needs_import(int(line)):
            status, output = self._answer(names)
            if status != NEEDS_IMPORT:
                if status != 0:
                    self._kills.update(re.findall(r"^tried: (.*)$", output, re.MULTILINE)[-1:])
                return _outcome(status), output
        selected = Selected(names)
        seconds = IMPORT_SECONDS + _limit(sum(covering.seconds[name] for name in names))
        return self._run(lambda: _pytest([*self._options, "-x", *selected.files()], selected), timeout=seconds)

    def _run(
        self, tests: Callable[[], int], at_end: Callable[[], object] = int, timeout: float | None = None
    ) -> tuple[TestOutcome, str]:
        status, output = self._forked(lambda: self._imported_again(tests), timeout, at_end)
        return _outcome(status), output

    def _forked(
        self, tests: Callable[[], int], timeout: float | None, at_end: Callable[[], object] = int
    ) -> tuple[int | None, str]:
        with tempfile.TemporaryFile(dir=self._tree.parent) as output:
            process = _FORK.Process(target=self._child, args=(output.fileno(), tests, at_end))
            process.start()
            try:
                process.join(timeout)
            finally:
                with suppress(ProcessLookupError):  # with what it started, too
                    os.killpg(process.pid or 0, signal.SIGKILL)
                process.join()
            output.seek(0)
            return process.exitcode, output.read().decode(errors="replace")

    def _child(self, output: int, tests: Callable[[], int], at_end: Callable[[], object]) -> None:
        os.setsid()
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(self._tree)
        status = tests()
        at_end()
        sys.stdout.flush()
        os._exit(status)

    def _imported_again(self, tests: Callable[[], int]) -> int:
        sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in os.environ
        sys.path[0] = str(self._tree)
        for name in [name for name in sys.modules if name.partition(".")[0] in PROJECT]:
            del sys.modules[name]
        return tests()


def _limit(seconds: float) -> float:
    return MIN_SECONDS + TIMES_SLOWER * seconds


def _outcome(status: int | None) -> TestOutcome:
    return TestOutcome.SURVIVED if status == 0 else TestOutcome.KILLED


def _pytest(arguments: Sequence[str], *plugins: object) -> int:
    import pytest

    return pytest.main([*arguments], plugins=plugins)
