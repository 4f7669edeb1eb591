"""A pool does what an executor does; stopped, it leaves behind what does not end."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError, as_completed
from contextlib import ExitStack

import pytest

from amocrm_assets import cancellation
from amocrm_assets.cancellation import Cancelled, CancelScope
from amocrm_assets.daemon_pool import DaemonPool


def test_calls_give_what_they_return_and_raise_what_they_raise() -> None:
    with DaemonPool(3, name="test") as pool:
        futures = [pool.submit(int, text) for text in ("1", "x", "3")]
        assert list(pool.map(str, range(20))) == [str(number) for number in range(20)]
        assert set(as_completed(futures)) == set(futures)
    assert [futures[0].result(), futures[2].result()] == [1, 3]
    with pytest.raises(ValueError, match="invalid literal"):
        futures[1].result()


def test_no_more_threads_run_than_there_are_calls_or_than_allowed_and_all_end() -> None:
    before, running, most = threading.active_count(), threading.Semaphore(2), 0
    with DaemonPool(2, name="test") as pool:

        def call() -> None:
            nonlocal most
            assert running.acquire(blocking=False)
            most = max(most, threading.active_count() - before)
            time.sleep(0.01)
            running.release()

        for future in [pool.submit(call) for _ in range(10)]:
            future.result()
    assert most == 2
    assert threading.active_count() == before


def test_a_call_that_cannot_be_interrupted_is_left_behind() -> None:
    released, begun = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        released.wait(60)

    pool = DaemonPool(1, name="test", stop_seconds=0.2)
    hanging, never = pool.submit(hang), pool.submit(hang)
    assert 0.2 <= seconds_to_stop(begun, pool) < 5
    assert not hanging.done()
    released.set()
    hanging.result(10)
    with pytest.raises(CancelledError):
        never.result(10)


def test_a_call_that_pauses_ends_when_its_pool_is_left_by_an_exception() -> None:
    begun = threading.Event()

    def pause() -> None:
        begun.set()
        cancellation.sleep(60)

    pool = DaemonPool(1, name="test")
    pausing = pool.submit(pause)
    assert seconds_to_stop(begun, pool) < 30
    with pytest.raises(Cancelled):
        pausing.result(0)


def test_pools_of_one_scope_share_the_seconds_that_stopping_takes() -> None:
    released, scope, begun = threading.Event(), CancelScope(), threading.Barrier(3)

    def hang() -> None:
        begun.wait(10)
        released.wait(60)

    pools = [DaemonPool(1, name="test", scope=scope, stop_seconds=1.8) for _ in range(2)]
    for pool in pools:
        pool.submit(hang)
    begun.wait(10)
    assert 1.8 <= seconds_to_stop(None, *pools) < 3.5
    released.set()


def seconds_to_stop(begun: threading.Event | None, *pools: DaemonPool) -> float:
    """How long leaving pools by an interruption takes, once a call has begun."""

    def interrupted() -> None:
        with ExitStack() as stack:
            for pool in pools:
                stack.enter_context(pool)
            assert begun is None or begun.wait(10)
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    return time.monotonic() - started
