"""Many runs in one process leave no file handle, no thread and no connection behind."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from amocrm_assets.errors import AccountUnpaid
from amocrm_assets.sandbox import Fault, SandboxOptions, running_sandbox
from amocrm_assets_tests.accounts import DAY, leads_of, source
from amocrm_assets_tests.guarantees.whole_way import WholeWay, hurried_client

if TYPE_CHECKING:
    from amocrm_assets.storage import Storage

RUNS = 9
OPTIONS = SandboxOptions(populations=(leads_of(DAY, 60),), requests_per_second=None, page_limit_max=25)


def held() -> tuple[int, int, int]:
    """Open files, sockets included; threads; connections."""
    connections = psutil.Process().net_connections(kind="inet")
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), len(connections)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files in /proc, which only Linux has")
@pytest.mark.rounds(1, 56)
def test_nothing_is_held_after_many_runs_good_and_bad(tmp_path: Path, storage: Storage, seed: int) -> None:
    way = WholeWay(tmp_path, storage, source())
    with running_sandbox(OPTIONS) as sandbox:

        def run(*faults: Fault) -> None:
            sandbox.configure(faults=faults)
            with hurried_client(sandbox) as client:
                way.go(client, [DAY])

        run()  # what is loaded and made once stays
        before = held()
        for number in range(RUNS):
            if number % 3 == 0:
                with pytest.raises(AccountUnpaid):
                    run(Fault("402", after=(number + seed) % 5))
            else:
                run(Fault("reset", rate=0.1), Fault("cut-short", rate=0.1))
        deadline = time.monotonic() + 10  # the sandbox notices a closed connection a moment later
        while _more(held(), before) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not _more(held(), before), (before, held())


def _more(now: tuple[int, ...], before: tuple[int, ...]) -> bool:
    return any(each > then for each, then in zip(now, before, strict=True))
