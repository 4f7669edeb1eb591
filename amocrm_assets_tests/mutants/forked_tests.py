"""Runs pytest in a fork of this process, which has already imported the libraries that the tests import.

Importing Dagster, pandas and the rest takes several seconds, and most tests near a module take less.
"""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import signal
import sys
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

from cosmic_ray.work_item import TestOutcome

from amocrm_assets_tests.mutants.covering import Covering, Recorder, Selected

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

# Pytest would rewrite the assertions of its plugins, which are imported already.
OPTIONS = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
PROJECT = ("amocrm_assets", "amocrm_assets_tests")
_FORK = multiprocessing.get_context("fork")


class ForkedTests:
    """Tests of one copy of the project: `options` and `paths` are pytest's."""

    def __init__(self, tree: Path, options: Sequence[str], paths: Sequence[str]) -> None:
        self._tree = tree
        self._options = [*OPTIONS, *options]
        self._paths = paths
        self.covering = Covering({}, {})

    def record(self, mutated: Path) -> None:
        """Run the tests of the unchanged module: note what they execute, import the libraries that they import."""
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        names, lines = self._tree.parent / "modules", self._tree.parent / "covering.json"
        outcome, output = self._run(
            lambda: _pytest([*self._options, *self._paths], Recorder(mutated, lines)),
            lambda: names.write_text("\n".join(sys.modules)),
        )
        if outcome is not TestOutcome.SURVIVED:
            raise SystemExit(f"Without any change these tests fail already:\n{output}")
        self.covering = Covering.read(lines, mutated)
        for name in names.read_text().splitlines():
            if name.partition(".")[0] not in PROJECT:
                # Some modules exist only under the names that others gave them.
                with suppress(ImportError):
                    importlib.import_module(name)
        # Bytecode is kept of all modules but the one that changes, more than once in a second.
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        for compiled in (mutated.parent / "__pycache__").glob(f"{mutated.stem}.*"):
            compiled.unlink()
        gc.freeze()

    def run(self, line: str, timeout: float | None = None) -> tuple[TestOutcome, str]:
        """As `cosmic_ray.testing.run_tests`: what came of the tests that execute a line, and their output."""
        tests = self.covering.tests_of(int(line))
        if tests is None:
            return self._run(lambda: _pytest([*self._options, *self._paths]), timeout=timeout)
        selected = Selected(tests, self.covering)
        return self._run(lambda: _pytest([*self._options, *selected.files()], selected), timeout=timeout)

    def _run(
        self, tests: Callable[[], int], at_end: Callable[[], object] = int, timeout: float | None = None
    ) -> tuple[TestOutcome, str]:
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
            survived = process.exitcode == 0
            return TestOutcome.SURVIVED if survived else TestOutcome.KILLED, output.read().decode(errors="replace")

    def _child(self, output: int, tests: Callable[[], int], at_end: Callable[[], object]) -> None:
        os.setsid()
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(self._tree)
        sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in os.environ
        sys.path[0] = str(self._tree)
        for name in [name for name in sys.modules if name.partition(".")[0] in PROJECT]:
            del sys.modules[name]
        status = tests()
        at_end()
        sys.stdout.flush()
        os._exit(status)


def _pytest(arguments: Sequence[str], *plugins: object) -> int:
    import pytest

    return pytest.main([*arguments], plugins=plugins)
