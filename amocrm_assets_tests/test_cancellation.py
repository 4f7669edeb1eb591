"""What waits in a scope ends with it, and only with it."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from amocrm_assets import cancellation
from amocrm_assets.cancellation import Cancelled, CancelScope
from amocrm_assets.daemon_pool import DaemonPool, as_completed
from amocrm_assets.storage import open_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def test_a_pause_without_a_scope_is_an_ordinary_one() -> None:
    begun = time.monotonic()
    cancellation.sleep(0.05)
    assert time.monotonic() - begun >= 0.05
    assert not cancellation.is_cancelled()


def test_a_pause_ends_when_another_thread_cancels_its_scope() -> None:
    scope = CancelScope()
    threading.Timer(0.2, scope.cancel).start()
    begun = time.monotonic()
    with scope.entered(), pytest.raises(Cancelled):
        cancellation.sleep(60)
    assert time.monotonic() - begun < 30


def test_a_callback_is_called_once_cancelled_and_not_after_its_body() -> None:
    scope, called = CancelScope(), []
    with scope.on_cancel(lambda: called.append("over")):
        pass
    with scope.on_cancel(lambda: called.append("during")):
        scope.cancel()
    with scope.on_cancel(lambda: called.append("late")):
        pass
    assert called == ["during", "late"]


def test_scopes_nest_and_end_with_their_body() -> None:
    outer, inner = CancelScope(), CancelScope()
    with outer.entered():
        with inner.entered():
            inner.cancel()
            assert cancellation.is_cancelled()
        assert not cancellation.is_cancelled()


def test_a_lock_that_another_holds_is_not_waited_for_any_more(tmp_path: Path) -> None:
    storage, scope = open_storage(str(tmp_path)), CancelScope()
    threading.Timer(0.2, scope.cancel).start()
    again = storage.lock("x", wait_seconds=600)
    with storage.lock("x", wait_seconds=0), scope.entered(), pytest.raises(Cancelled), again:
        raise AssertionError("held twice")


@contextmanager
def signal_overlooked(*, after_seconds: float) -> Iterator[None]:
    """SIGINT comes while this thread waits, and does not wake it: another thread takes it from the system.

    To Python this is the signal that comes between its last look and the wait.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    restored = signal.signal(signal.SIGINT, signal.default_int_handler)
    taker = threading.Timer(after_seconds, lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT}))
    taker.start()
    threading.Timer(after_seconds / 2, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        yield
    finally:
        taker.join()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGINT, restored)


def pause() -> None:
    cancellation.sleep(60)


def pause_in_a_scope() -> None:
    with CancelScope().entered():
        cancellation.sleep(60)


def wait_for_a_call() -> None:
    with DaemonPool(1, name="test", stop_seconds=0) as pool:
        pool.submit(time.sleep, 60).result()


def wait_for_one_of_some_calls() -> None:
    with DaemonPool(2, name="test", stop_seconds=0) as pool:
        list(as_completed([pool.submit(time.sleep, 60) for _ in range(2)]))


def leave_a_pool() -> None:
    with DaemonPool(1, name="test", stop_seconds=0) as pool:
        pool.submit(time.sleep, 60)


@pytest.mark.parametrize(
    "wait", [pause, pause_in_a_scope, wait_for_a_call, wait_for_one_of_some_calls, leave_a_pool]
)
def test_a_signal_that_comes_as_a_wait_begins_ends_it_all_the_same(wait: Callable[[], None]) -> None:
    begun = time.monotonic()
    with signal_overlooked(after_seconds=0.4), pytest.raises(KeyboardInterrupt):
        wait()
    assert time.monotonic() - begun < 30
