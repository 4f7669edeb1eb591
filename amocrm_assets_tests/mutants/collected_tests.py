"""Runs tests in a fork of a process that has collected them.

A mutant costs the time of its tests, then, and neither imports nor the collection.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from functools import partial
from typing import TYPE_CHECKING

import pytest

from amocrm_assets_tests.mutants.changed_code import Functions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

    # Runs a function in a fork: its status at the end, and what it printed.
    Forked = Callable[[Callable[[], int], float | None], tuple[int | None, str]]

# The status of a fork whose change needs an import.
NEEDS_IMPORT = 100


class CollectedTests:
    """A plugin of pytest: instead of running what was collected it answers `requests` for some of those tests.

    Each request is the module that has changed, and the names of tests in their order, each with its time limit in
    seconds; the response is the fork's status and output, with `NEEDS_IMPORT` as status if the change needs an
    import.
    """

    def __init__(self, modules: Sequence[Path], requests: Connection, forked: Forked) -> None:
        self._modules = modules
        self._requests = requests
        self._forked = forked

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Answer until the other side is gone."""
        functions = Functions(self._modules)
        items = {item.nodeid: item for item in session.items}
        while (request := _received(self._requests)) is not None:
            module, limits = request
            chosen = [(items[name], seconds) for name, seconds in limits.items()]
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                run = partial(_run, session, chosen, partial(functions.apply_change, module), folder)
                self._requests.send(self._forked(run, None))
        return True


def _received(requests: Connection) -> tuple[Path, dict[str, float]] | None:
    try:
        return requests.recv()  # type: ignore[no-any-return]
    except EOFError:
        return None


def _run(
    session: pytest.Session,
    items: Sequence[tuple[pytest.Item, float]],
    apply_change: Callable[[], bool],
    folder: str,
) -> int:
    if not apply_change():
        return NEEDS_IMPORT
    # Where pytest makes its folders for tests.
    os.environ["PYTEST_DEBUG_TEMPROOT"] = folder
    following = [item for item, _ in items[1:]]
    for (item, seconds), after in zip(items, [*following, None], strict=True):
        # A mutant may wait for ever: its signal ends the process.
        print(f"tried: {item.nodeid}", file=sys.stderr)  # noqa: T201
        signal.setitimer(signal.ITIMER_REAL, seconds)
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        if session.testsfailed:
            return 1
    return 0 if items else int(pytest.ExitCode.NO_TESTS_COLLECTED)
