from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.http.arrival_times import RECENT_ANSWERS, ArrivalTimes

if TYPE_CHECKING:
    from collections.abc import Iterator

THREADS, ANSWERS = 8, 16_000


@pytest.fixture
def threads_that_switch_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("threads_that_switch_often")
def test_answers_that_come_at_the_same_moment_are_all_counted() -> None:
    """A limiter lives as long as its process: what a race broke once would fail every later request."""
    times, together = ArrivalTimes(), threading.Barrier(THREADS)

    def respond(seed: int) -> None:
        random = Random(seed)
        together.wait()
        for _ in range(ANSWERS):
            times.add(random.random())

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(respond, range(THREADS)))

    for _ in range(RECENT_ANSWERS):
        times.add(0.2)
    assert times.lateness(0.2) == times.lateness(0.2 - 1e-9) < 0.02
