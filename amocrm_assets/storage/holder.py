"""The holder of a lock, for messages to those who wait: run, process, machine, and since when.

Steps of a run set it with `acting_for`; otherwise only the process is named.
"""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_acting_for: ContextVar[str] = ContextVar("acting_for", default="")


@contextmanager
def acting_for(whom: str) -> Iterator[None]:
    """In the body, locks of this thread are held for `whom`, such as `run 1a2b3c4d`."""
    before = _acting_for.set(whom)
    try:
        yield
    finally:
        _acting_for.reset(before)


def this_holder() -> str:
    """`run 1a2b3c4d, process 4711 on box, since 2026-01-01 00:00:00 UTC`."""
    process = f"process {os.getpid()} on {socket.gethostname()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return f"{_acting_for.get()}, {process}" if _acting_for.get() else process


def held_by(holder: str | None, seconds: float) -> str:
    """The cause of `Busy`: waiting for a lock timed out."""
    return f"{holder or 'another run'} held it during the whole wait of {seconds:g} seconds."
