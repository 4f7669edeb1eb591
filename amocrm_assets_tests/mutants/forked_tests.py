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
from pathlib import Path
from typing import TYPE_CHECKING

from cosmic_ray.work_item import TestOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Pytest would rewrite the assertions of its plugins, which are imported already.
OPTIONS = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
PROJECT = ("amocrm_assets", "amocrm_assets_tests")
_FORK = multiprocessing.get_context("fork")


class ForkedTests:
    """Tests of one copy of the project; `arguments` are those of pytest."""

    def __init__(self, tree: Path, arguments: Sequence[str]) -> None:
        self._tree = tree
        self._arguments = [*OPTIONS, *arguments]

    def import_libraries(self, mutated: Path) -> None:
        """Run the tests of the unchanged module, and import the libraries that they import."""
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        with tempfile.NamedTemporaryFile(dir=self._tree.parent) as names:
            self._run(lambda: Path(names.name).write_text("\n".join(sys.modules)), None)
            imported = Path(names.name).read_text().splitlines()
        for name in imported:
            if name.partition(".")[0] not in PROJECT:
                # Some modules exist only under the names that others gave them.
                with suppress(ImportError):
                    importlib.import_module(name)
        # Bytecode is kept of all modules but the one that changes, more than once in a second.
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        for compiled in (mutated.parent / "__pycache__").glob(f"{mutated.stem}.*"):
            compiled.unlink()
        gc.freeze()

    def run(self, _command: str = "", timeout: float | None = None) -> tuple[TestOutcome, str]:
        """As `cosmic_ray.testing.run_tests`: what came of the tests, and their output."""
        return self._run(lambda: None, timeout)

    def _run(self, at_end: Callable[[], object], timeout: float | None) -> tuple[TestOutcome, str]:
        with tempfile.TemporaryFile(dir=self._tree.parent) as output:
            process = _FORK.Process(target=self._child, args=(output.fileno(), at_end))
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

    def _child(self, output: int, at_end: Callable[[], object]) -> None:
        os.setsid()
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(self._tree)
        sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in os.environ
        sys.path[0] = str(self._tree)
        for name in [name for name in sys.modules if name.partition(".")[0] in PROJECT]:
            del sys.modules[name]
        import pytest

        status = pytest.main(self._arguments)
        at_end()
        sys.stdout.flush()
        os._exit(status)
