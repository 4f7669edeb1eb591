"""Reports the progress of a run in this process to its caller; runs that Dagster launched have no listener."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Listener(Protocol):
    """Receives the progress of a run."""

    def on_days_done(self, asset: str, done: int, wanted: int) -> None:
        """An asset has finished `done` of its `wanted` days."""

    def on_retry(self, why: str, wait_seconds: float) -> None:
        """A step failed, and is retried after a pause."""


_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Report to `listener` in this context."""
    before = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(before)


def report_progress(asset: str, done: int, wanted: int) -> None:
    """Report to the listener, if there is one, how many days of an asset are finished."""
    if listener := _listener.get():
        listener.on_days_done(asset, done, wanted)


def report_retry(why: str, wait_seconds: float) -> None:
    """Report to the listener, if there is one, that a step will be retried."""
    if listener := _listener.get():
        listener.on_retry(why, wait_seconds)


def is_listened_to() -> bool:
    """Whether a command in this process started the run, and waits for its end."""
    return _listener.get() is not None
