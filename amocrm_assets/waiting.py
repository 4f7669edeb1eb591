"""Says what this process is waiting for, once that takes longer than a few seconds.

Code that may wait (a lock, a 429, a slow answer, a locked file) does so inside `waiting`. Whoever wants to know
(the console, Dagster's log) is inside `listen`. Neither knows the other, and any thread may wait.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# People are promised to hear of a wait within 10 seconds; the rest is for a busy machine.
FIRST_SECONDS = 8.0
REPEAT_SECONDS = 60.0


@dataclass(eq=False)
class Wait:
    """Something that is being waited for. `until` (Unix seconds) and `holder` may be set when they become known.

    A `holder` that is a function is called when somebody is told, so that it costs nothing before.
    """

    what: str
    until: float | None = None
    holder: str | Callable[[], str | None] | None = None
    began: float = field(default_factory=time.monotonic)

    def __str__(self) -> str:
        """One sentence for people: for what, since when, until when, and who holds it."""
        said = f"Waiting for {self.what}, {time.monotonic() - self.began:.0f} s so far"
        if self.until is not None:
            said += f", until {datetime.fromtimestamp(self.until, UTC):%Y-%m-%d %H:%M:%S} UTC at the latest"
        holder = self.holder() if callable(self.holder) else self.holder
        return f"{said}; held by {holder}." if holder else f"{said}."


class Waits:
    """The waits of a process, and who is told of them. One thread watches while there are any."""

    def __init__(self, *, first_seconds: float = FIRST_SECONDS, repeat_seconds: float = REPEAT_SECONDS) -> None:
        self._first_seconds = first_seconds
        self._repeat_seconds = repeat_seconds
        self._changed = threading.Condition()
        self._due: dict[Wait, float] = {}
        self._told: dict[Wait, float] = {}
        self._watcher: threading.Thread | None = None
        self._listeners: list[Callable[[str], None]] = []
        # Held while listeners are told, so that nobody is told after he stopped listening.
        self._telling = threading.RLock()

    @contextmanager
    def waiting(
        self, what: str, *, until: float | None = None, holder: str | Callable[[], str | None] | None = None
    ) -> Iterator[Wait]:
        """Do something that may take long; listeners are told after `first_seconds`, then again and again."""
        wait = Wait(what, until, holder)
        with self._changed:
            self._due[wait] = wait.began + self._first_seconds
            if self._watcher is None or not self._watcher.is_alive():  # a fork leaves it behind
                self._watcher = threading.Thread(target=self._watch, name="waiting", daemon=True)
                self._watcher.start()
        try:
            yield wait
        finally:
            with self._changed:
                del self._due[wait]
                self._told.pop(wait, None)
                self._changed.notify_all()

    @contextmanager
    def listen(self, callback: Callable[[str], None]) -> Iterator[None]:
        """Have `callback` called with a sentence about each long wait of this process, from another thread."""
        with self._telling:
            self._listeners.append(callback)
        try:
            yield
        finally:
            with self._telling:
                self._listeners.remove(callback)

    def _watch(self) -> None:
        while True:
            with self._changed:
                if not self._due:
                    self._watcher = None
                    return
                now = time.monotonic()
                self._changed.wait(max(min(self._due.values()) - now, 0))
                late = self._take_late(time.monotonic())
            for wait in late:
                self._tell(wait)

    def _take_late(self, now: float) -> list[Wait]:
        """Waits to speak of now. Of those side by side for the same thing, one speaks for all."""
        late = []
        for wait in [wait for wait, due in self._due.items() if due <= now]:
            said = [at for other, at in self._told.items() if other.what == wait.what]
            if not said or max(said) <= now - self._repeat_seconds:
                self._told[wait] = now
                said = [now]
                late.append(wait)
            self._due[wait] = max(said) + self._repeat_seconds
        return late

    def _tell(self, wait: Wait) -> None:
        with self._telling:
            if self._listeners:
                sentence = str(wait)
                for callback in self._listeners:
                    callback(sentence)


_waits = Waits()
waiting = _waits.waiting
listen = _waits.listen
