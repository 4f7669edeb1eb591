"""How far a run in this process is, told to whoever started it; nobody listens in runs that Dagster launched."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Listener = Callable[[str, int, int], None]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Have `listener` called with an asset's name, its finished days, and its wanted days."""
    before = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(before)


def tell_progress(asset: str, done: int, wanted: int) -> None:
    """Tell the listener, if there is one."""
    if listener := _listener.get():
        listener(asset, done, wanted)
