"""One limit for all accounts of a deployment that share an address, across processes."""

from __future__ import annotations

import struct
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.crm.http import limiters
from amocrm_assets.crm.http.egress_limit import MAX_AHEAD_SECONDS, EgressLimit
from amocrm_assets.crm.http.limiters import limiter_of
from amocrm_assets.crm.http.rate_limiter import RateLimiter
from amocrm_assets.errors import StorageRefused
from amocrm_assets.settings.egress import EgressSettings
from amocrm_assets_tests.accounts import FreeTime, source
from amocrm_assets_tests.disks import without_locks

# Each process takes instants as quickly as it can and prints when they are.
RESERVING = """
import sys, time
from pathlib import Path
from amocrm_assets.crm.http.egress_limit import EgressLimit
from amocrm_assets.errors import StorageRefused
from amocrm_assets.settings.egress import EgressSettings
limit = EgressLimit(EgressSettings(50, Path(sys.argv[1]), 0o600))
for _ in range(20):
    wait = limit.reserve()
    print(time.time() + wait, flush=True)
    time.sleep(wait)
"""


def limit_in(folder: Path, time: FreeTime, per_second: float = 7) -> EgressLimit:
    return EgressLimit(EgressSettings(per_second, folder / "locks" / ".requests", 0o600), clock=time.clock)


def account_in(folder: Path, time: FreeTime) -> RateLimiter:
    return RateLimiter(7, clock=time.clock, sleep=time.sleep, reserve=limit_in(folder, time).reserve)


@given(pauses=st.lists(st.sampled_from([0.0, 0.0, 0.01, 0.5, 3.0]), min_size=1, max_size=40))
def test_two_accounts_together_keep_the_limit_of_their_address(pauses: list[float]) -> None:
    time = FreeTime()
    time.now = 1_000.0
    sent = []
    with TemporaryDirectory() as folder:
        accounts = [account_in(Path(folder), time) for _ in range(2)]
        for number, pause in enumerate(pauses):
            time.now += pause
            accounts[number % 2].acquire().mark_sent()
            sent.append(time.now)

    assert max(sum(start <= other <= start + 1 for other in sent) for start in sent) <= 7


def test_one_account_alone_loses_nothing_by_the_limit_of_its_address(tmp_path: Path) -> None:
    time = FreeTime()
    time.now = 1_000.0
    limiter = account_in(tmp_path, time)
    for _ in range(100):
        permit = limiter.acquire()
        permit.mark_sent()
        permit.mark_response_started()

    assert 99 / (time.now - 1_000) >= 0.97 * 7


def test_processes_share_the_limit(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RESERVING, str(tmp_path / ".requests")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    instants = sorted(float(line) for each in running for line in each.communicate(timeout=60)[0].splitlines())

    assert len(instants) == 60
    # Nobody gets another's instant; what they print is as wrong as their threads are late.
    assert sum(later - earlier for earlier, later in pairwise(instants)) >= 59 * 0.98 / 50


@pytest.mark.parametrize("written", [b"", b"cut", b"\xff" * 8])
def test_a_file_that_says_nothing_is_begun_anew(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / ".requests").write_bytes(written)
    time = FreeTime()

    assert limit_in(tmp_path, time).reserve() == 0
    assert 0 < limit_in(tmp_path, time).reserve() < 0.2


def test_a_disk_without_locks_is_refused_since_nobody_could_count_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_locks(monkeypatch)
    with pytest.raises(StorageRefused, match="file system with hard links and locks"):
        limit_in(tmp_path, FreeTime()).reserve()


def test_a_clock_that_was_an_hour_ahead_stops_nobody(tmp_path: Path) -> None:
    ahead, right = FreeTime(), FreeTime()
    ahead.now = right.now + 3600
    limit_in(tmp_path, ahead).reserve()

    assert limit_in(tmp_path, right).reserve() <= MAX_AHEAD_SECONDS


def test_the_limiters_of_a_process_take_the_limit_of_the_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiters, "_limiters", {})
    monkeypatch.setenv("AMOCRM_STORAGE", str(tmp_path))
    monkeypatch.setenv("AMOCRM_REQUESTS_PER_SECOND", "2")
    first = limiter_of(source(base_url="http://127.0.0.1:1"))
    second = limiter_of(source(base_url="http://127.0.0.1:2"))

    first.acquire().mark_sent()
    waited = second.waited_seconds
    second.acquire().mark_sent()

    assert second.waited_seconds - waited > 0.2


def test_the_schedule_is_private_and_leaves_no_file_open(tmp_path: Path) -> None:
    limit = limit_in(tmp_path, FreeTime())
    limit.reserve()
    opened = set(Path("/proc/self/fd").iterdir())
    for _ in range(3):
        limit.reserve()
    assert set(Path("/proc/self/fd").iterdir()) == opened
    assert (tmp_path / "locks").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "locks").iterdir()} == {0o600}


def test_a_slot_as_far_ahead_as_the_schedule_reaches_is_believed(tmp_path: Path) -> None:
    time = FreeTime()
    time.now = 1_000.0
    limit = limit_in(tmp_path, time)
    limit.reserve()
    file = tmp_path / "locks" / ".requests"
    file.write_bytes(struct.pack("<d", time.now + MAX_AHEAD_SECONDS))
    assert limit.reserve() == MAX_AHEAD_SECONDS
    file.write_bytes(struct.pack("<d", time.now + MAX_AHEAD_SECONDS + 1))
    assert limit.reserve() == 0
