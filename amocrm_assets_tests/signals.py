"""A signal that arrives while something is busy."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def interrupted(*, after_seconds: float = 0.5, within_seconds: float = 20) -> Iterator[None]:
    """The body is ended by Ctrl-C. The limit is for a busy machine: what cannot be ended runs for minutes."""
    signals = threading.Timer(after_seconds, os.kill, (os.getpid(), signal.SIGINT))
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012  # either may raise it
        signals.start()
        yield
    signals.cancel()
    assert time.monotonic() - begun < within_seconds
