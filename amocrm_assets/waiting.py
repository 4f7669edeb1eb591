"""Reports what this process is waiting for, if it takes longer than a few seconds.

Code that may wait (for a lock, a 429, a slow response, a locked file) does so inside `waiting`. Listeners (the
console, Dagster's log) use `listen`. The two are independent, and any thread may wait. A wait may be part of
another one (a response, and the pause after a 429 before it): then only one of them is reported.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

# Waits are guaranteed to be reported within 10 seconds; the rest is a margin for a busy machine.
FIRST_SECONDS = 8.0
REPEAT_SECONDS = 60.0


@dataclass(eq=False)
class Wait:
    """A wait. `until` (Unix seconds), `holder` and `why` may be set later.

    If `holder` is a function, it is called only when the wait is reported.
    """

    what: str
    until: float | None = None
    holder: str | Callable[[], str | None] | None = None
    why: str | None = None
    began: float = field(default_factory=time.monotonic)
    outer: Wait | None = None
    inner: Wait | None = None

    def __str__(self) -> str:
        """The message: for what, since when, why, until when, and who holds it."""
        text = f"Waiting for {self.what}, {time.monotonic() - self.began:.0f} s so far"
        if self.why:
            text += f" ({self.why})"
        if self.until is not None:
            text += f", until {datetime.fromtimestamp(self.until, UTC):%Y-%m-%d %H:%M:%S} UTC at the latest"
        holder = self.holder() if callable(self.holder) else self.holder
        return f"{text}; held by {holder}." if holder else f"{text}."

    def chain(self) -> list[Wait]:
        """This wait and the others of its thread, from the outermost to the innermost."""
        first = self
        while first.outer is not None:
            first = first.outer
        waits = [first]
        while (last := waits[-1].inner) is not None:
            waits.append(last)
        return waits

    def wait_to_report(self) -> Wait:
        """The wait of the chain to report: the innermost that has lasted at least half as long as this one."""
        half = (time.monotonic() + self.began) / 2
        return [each for each in self.chain() if each.began <= half][-1]


_innermost: ContextVar[Wait | None] = ContextVar("wait", default=None)


class Waits:
    """The waits of a process, and its listeners. One thread watches while there are any."""

    def __init__(self, *, first_seconds: float = FIRST_SECONDS, repeat_seconds: float = REPEAT_SECONDS) -> None:
        self.first_seconds = first_seconds
        self.repeat_seconds = repeat_seconds
        self._changed = threading.Condition()
        self._due: dict[Wait, float] = {}
        self._reported: dict[Wait, float] = {}
        self._watcher: threading.Thread | None = None
        self._wakes_at = 0.0
        self._listeners: list[tuple[object, Callable[[str], None]]] = []
        # Held while listeners are called, so that none is called after it was removed.
        self._telling = threading.RLock()

    @contextmanager
    def waiting(
        self, what: str, *, until: float | None = None, holder: str | Callable[[], str | None] | None = None
    ) -> Iterator[Wait]:
        """Run something that may take long; listeners are called after `first_seconds`, then repeatedly."""
        outer = _innermost.get()
        wait = Wait(what, until, holder, outer=outer)
        if outer is not None:
            outer.inner = wait
        _innermost.set(wait)
        with self._changed:
            self._due[wait] = wait.began + self.first_seconds
            if self._watcher is None or not self._watcher.is_alive():  # a fork leaves it behind
                self._watcher = threading.Thread(target=self._watch, name="waiting", daemon=True)
                self._watcher.start()
            elif self._due[wait] < self._wakes_at:
                self._changed.notify_all()
        try:
            yield wait
        finally:
            if outer is not None:
                outer.inner = None
            _innermost.set(outer)
            with self._changed:
                del self._due[wait]
                self._reported.pop(wait, None)
                self._changed.notify_all()

    @contextmanager
    def listen(self, callback: Callable[[str], None], *, channel: object = None) -> Iterator[None]:
        """Call `callback` with a message about each long wait of this process, from another thread.

        Of several listeners with the same `channel`, such as the log of a run, the last one is called.
        """
        listener = (callback if channel is None else channel, callback)
        with self._telling:
            self._listeners.append(listener)
        try:
            yield
        finally:
            with self._telling:
                self._listeners.remove(listener)

    def _watch(self) -> None:
        while True:
            with self._changed:
                if not self._due:
                    self._watcher = None
                    return
                self._wakes_at = min(self._due.values())
                self._changed.wait(max(self._wakes_at - time.monotonic(), 0))
                late = self._pop_late(time.monotonic())
            for wait in late:
                self._report(wait)

    def _pop_late(self, now: float) -> list[Wait]:
        """Waits to report now. Concurrent waits for the same thing, and those of a chain, are reported as one."""
        late = []
        for due in [wait for wait, due in self._due.items() if due <= now]:
            if self._due[due] > now:  # another one of its chain was just reported
                continue
            wait = due.wait_to_report()
            reported = [at for other, at in self._reported.items() if other.what == wait.what]
            if not reported or max(reported) <= now - self.repeat_seconds:
                reported = [now]
                late.append(wait)
            for each in wait.chain():
                if each in self._due:
                    self._due[each] = max(reported) + self.repeat_seconds
            if wait in self._due and max(reported) == now:
                self._reported[wait] = now
        return late

    def _report(self, wait: Wait) -> None:
        with self._telling:
            if self._listeners:
                sentence = str(wait)
                for callback in dict(self._listeners).values():
                    callback(sentence)


of_this_process = Waits()
waiting = of_this_process.waiting
listen = of_this_process.listen


def waiting_if_outermost(what: str, *, until: float | None = None) -> AbstractContextManager[object]:
    """`waiting`, unless this thread is already waiting for something that includes this."""
    return nullcontext() if _innermost.get() is not None else waiting(what, until=until)


def note(*, until: float | None = None, why: str | None = None) -> None:
    """Set the maximum end of this thread's current wait (Unix seconds), or its reason."""
    wait = _innermost.get()
    if wait is not None:
        wait.until, wait.why = until, why or wait.why
