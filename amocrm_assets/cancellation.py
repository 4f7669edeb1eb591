"""Cancels waits: one cancel scope per client, which is checked by every wait in any thread.

Threads cannot be interrupted in Python. So a pause, a lock or a request that may take long runs inside the cancel
scope of its client, and ends with `Cancelled` when that scope is cancelled. Without a scope (a command in the main
thread, where Ctrl-C interrupts) a pause is an ordinary sleep.

Python checks for signals before a wait and at its end. A signal between the check and the wait would be handled
only after the wait, so every wait is divided into parts: `wait_for`.
"""

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The maximum delay of a signal.
MAX_PART_SECONDS = 1.0

_current: ContextVar[CancelScope | None] = ContextVar("cancel_scope", default=None)


def wait_for(is_over: Callable[[float], bool], seconds: float = math.inf) -> bool:
    """Whether `is_over(part)`, which waits for at most that many seconds, returns true within `seconds`."""
    until = time.monotonic() + seconds
    while not is_over(min(max(until - time.monotonic(), 0), MAX_PART_SECONDS)):
        if time.monotonic() >= until:
            return False
    return True


class Cancelled(Exception):
    """The caller has stopped: the run was interrupted, or another part of it failed."""


class CancelScope:
    """Operations that are cancelled together. Thread-safe."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.cancelled_at = math.inf
        """Monotonic time of the cancellation."""
        self._callbacks: set[Callable[[], None]] = set()
        self._lock = threading.Lock()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._event.is_set()

    def cancel(self) -> None:
        """End every pause and call every callback; later ones end immediately."""
        with self._lock:
            self.cancelled_at = min(self.cancelled_at, time.monotonic())
            self._event.set()
            callbacks, self._callbacks = self._callbacks, set()
        for callback in callbacks:
            callback()

    def sleep(self, seconds: float) -> None:
        """Sleep; raises `Cancelled` as soon as the scope is cancelled."""
        if wait_for(self._event.wait, seconds):
            raise Cancelled

    @contextmanager
    def on_cancel(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call `callback`, from any thread, if the scope is cancelled before the body ends."""
        with self._lock:
            self._callbacks.add(callback)
        if self.cancelled:  # between the two lines it may be called twice, which is harmless
            callback()
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.discard(callback)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Make this the current thread's scope in the body."""
        before = _current.set(self)
        try:
            yield
        finally:
            _current.reset(before)


def current_scope() -> CancelScope:
    """The current thread's scope; one that is never cancelled if it has none."""
    return _current.get() or CancelScope()


def is_cancelled() -> bool:
    """Whether the current thread's scope was cancelled."""
    return current_scope().cancelled


def check_cancelled() -> None:
    """Raise `Cancelled` if the current thread's scope was cancelled."""
    if is_cancelled():
        raise Cancelled


def sleep(seconds: float) -> None:
    """Sleep; raises `Cancelled` as soon as the current thread's scope is cancelled."""
    current_scope().sleep(seconds)
