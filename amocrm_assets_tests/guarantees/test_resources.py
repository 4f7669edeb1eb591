"""Many runs in one process leave no file handle, no thread and no connection behind."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
import requests

from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.errors import AccountUnpaid
from amocrm_assets_tests.accounts import DAY, FixedToken, leads_of
from amocrm_assets_tests.guarantees.commands import served

if TYPE_CHECKING:
    from amocrm_assets_tests.guarantees.whole_way import WholeWay

pytestmark = pytest.mark.slow

RUNS = 9
OPTIONS = {"populations": (leads_of(DAY, 60),), "requests_per_second": None, "page_limit_max": 25}


def held() -> tuple[int, int, int]:
    """Open files, sockets included; threads; connections."""
    connections = psutil.Process().net_connections(kind="inet")
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), len(connections)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files in /proc, which only Linux has")
@pytest.mark.usefixtures("without_collector")
@pytest.mark.rounds(1, 56)
def test_nothing_is_held_after_many_runs_good_and_bad(way: WholeWay, seed: int) -> None:
    # In a process of its own, so that its handles do not count.
    process, url, token = served(OPTIONS, port=0)

    def run(*faults: dict[str, object]) -> None:
        requests.post(f"{url}/sandbox/control", json={"faults": faults}, timeout=30).raise_for_status()
        with AmoCrmClient(url, FixedToken(token), requests_per_second=1000) as client:
            way.go(client, [DAY])

    try:
        run()  # what is loaded and made once stays
        before = held()
        for number in range(RUNS):
            if number % 3 == 0:
                with pytest.raises(AccountUnpaid):
                    run({"kind": "402", "after": (number + seed) % 5})
            else:
                run({"kind": "reset", "times": 1}, {"kind": "cut-short", "times": 2, "after": seed % 3})
        deadline = time.monotonic() + 10  # a thread ends a moment after it is waited for
        while _more(held(), before) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not _more(held(), before), (before, held())
    finally:
        process.kill()
        process.join()


def _more(now: tuple[int, ...], before: tuple[int, ...]) -> bool:
    return any(each > then for each, then in zip(now, before, strict=True))
