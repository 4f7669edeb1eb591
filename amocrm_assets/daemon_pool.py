"""Threads for calls that cannot be interrupted: on cancellation they are abandoned after some seconds.

Google's clients wait for responses where neither a signal nor a cancel scope reaches them, and
`concurrent.futures` waits for such threads at the end of its pool and again at the end of the process.
"""

from __future__ import annotations

import math
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from amocrm_assets.cancellation import MAX_PART_SECONDS, CancelScope, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

P = ParamSpec("P")
T = TypeVar("T")

# Cancellation takes at most five seconds. A response with new tokens gets three of them to arrive.
STOP_SECONDS = 4.0


class Call(Future[T]):
    """The result of a call. Waiting for it is interrupted by any signal, see `cancellation`."""

    def result(self, timeout: float | None = None) -> T:
        """The call's result. Raises the call's exception, or `TimeoutError` after `timeout` seconds."""
        wait_for(
            lambda part: self.done() or bool(wait([self], part).done), math.inf if timeout is None else timeout
        )
        return super().result(0)


def as_completed(futures: Iterable[Future[T]]) -> Iterator[Future[T]]:
    """Futures in the order in which they end. Waiting for them is interrupted by any signal."""
    pending = set(futures)
    while pending:
        done, pending = wait(pending, MAX_PART_SECONDS, FIRST_COMPLETED)
        yield from done


def run_interruptible(call: Callable[[], T], interrupt: Callable[[], None], *, name: str) -> T:
    """The result of a call that no signal reaches; on a signal `interrupt` ends it from this thread."""
    with DaemonPool(1, name=name) as pool:
        future = pool.submit(call)
        try:
            return future.result()
        finally:
            if not future.done():
                interrupt()


def join(thread: threading.Thread) -> None:
    """Wait for a thread's end. That is interrupted by any signal."""

    def is_over(part: float) -> bool:
        thread.join(part)
        return not thread.is_alive()

    wait_for(is_over)


class DaemonPool(Executor):
    """Runs calls in parallel, as a context manager.

    When an exception leaves the context, the scope is cancelled, no further call starts, and it waits for calls in
    progress until `stop_seconds` after the cancellation; the others end by their own deadlines.
    """

    def __init__(
        self, max_threads: int, *, name: str, scope: CancelScope | None = None, stop_seconds: float = STOP_SECONDS
    ) -> None:
        """The calls belong to `scope`; pools of one scope share the time for stopping."""
        self._max_threads = max_threads
        self._name = name
        self._stop_seconds = stop_seconds
        self._scope = scope or CancelScope()
        self._tasks: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a call in one of the threads, in the order of submission."""
        future: Call[T] = Call()
        self._tasks.put((future, lambda: fn(*args, **kwargs)))
        if not self._idle.acquire(blocking=False) and len(self._threads) < self._max_threads:
            name = f"{self._name}-{len(self._threads)}"
            self._threads.append(threading.Thread(target=self._work, name=name, daemon=True))
            self._threads[-1].start()
        return future

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.shutdown()
            return
        self._scope.cancel()
        self.shutdown(wait=False)
        for thread in self._threads:
            thread.join(max(0.0, self._scope.cancelled_at + self._stop_seconds - time.monotonic()))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002
        """Let the threads end after the submitted calls."""
        for _ in self._threads:
            self._tasks.put(None)
        if wait:
            for thread in self._threads:
                join(thread)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            future, call = task
            if self._scope.cancelled:
                future.cancel()
            if future.set_running_or_notify_cancel():
                self._call(future, call)
            self._idle.release()

    def _call(self, future: Future[Any], call: Callable[[], Any]) -> None:
        try:
            with self._scope.entered():
                result = call()
        except BaseException as error:  # noqa: BLE001 - `result` raises it
            future.set_exception(error)
        else:
            future.set_result(result)
