"""Cancels what waits: one scope per client, which whoever waits for it in any thread looks at.

Threads cannot be interrupted in Python. A pause, a lock or a request that may last therefore happens inside the
scope of whoever wants it, and ends with `Cancelled` when that scope is cancelled. Without a scope (a command in
the main thread, where Ctrl-C interrupts by itself) a pause is an ordinary one.

Python looks for signals before a wait and at its end. One that comes between the look and the wait would be obeyed
only when the wait is over, so every wait is made of parts: `wait_for`.
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

# So long may a signal be overlooked.
MAX_PART_SECONDS = 1.0

_current: ContextVar[CancelScope | None] = ContextVar("cancel_scope", default=None)


def wait_for(is_over: Callable[[float], bool], seconds: float = math.inf) -> bool:
    """Whether `is_over(part)`, which waits for so many seconds at most, says yes within `seconds`."""
    until = time.monotonic() + seconds
    while not is_over(min(max(until - time.monotonic(), 0), MAX_PART_SECONDS)):
        if time.monotonic() >= until:
            return False
    return True


class Cancelled(Exception):
    """Whoever wanted this has stopped: the run was interrupted, or another part of it failed."""


class CancelScope:
    """What is cancelled together. Safe for threads."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.cancelled_at = math.inf
        """By the monotonic clock."""
        self._callbacks: set[Callable[[], None]] = set()
        self._lock = threading.Lock()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._event.is_set()

    def cancel(self) -> None:
        """End every pause and call every callback; what begins afterwards ends at once."""
        with self._lock:
            self.cancelled_at = min(self.cancelled_at, time.monotonic())
            self._event.set()
            callbacks, self._callbacks = self._callbacks, set()
        for callback in callbacks:
            callback()

    def sleep(self, seconds: float) -> None:
        """Pause; raises `Cancelled` as soon as the scope is cancelled."""
        if wait_for(self._event.wait, seconds):
            raise Cancelled

    @contextmanager
    def on_cancel(self, callback: Callable[[], None]) -> Iterator[None]:
        """Have `callback` called, from any thread, if the scope is cancelled before the body ends."""
        with self._lock:
            self._callbacks.add(callback)
        if self.cancelled:  # between the two lines it may be called twice, which does no harm
            callback()
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.discard(callback)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Make this the scope of what the present thread does in the body."""
        before = _current.set(self)
        try:
            yield
        finally:
            _current.reset(before)


def current_scope() -> CancelScope:
    """The scope that the present thread works in; one that nobody cancels when it has none."""
    return _current.get() or CancelScope()


def is_cancelled() -> bool:
    """Whether the scope of the present thread was cancelled."""
    return current_scope().cancelled


def check_cancelled() -> None:
    """Raise `Cancelled` if the scope of the present thread was cancelled."""
    if is_cancelled():
        raise Cancelled


def sleep(seconds: float) -> None:
    """Pause; raises `Cancelled` as soon as the scope of the present thread is cancelled."""
    current_scope().sleep(seconds)
