"""Every kind of wait says so within ten seconds, and a signal that comes then ends it within five.

Each is begun here as the commands and steps begin it, told after a tenth of a second instead of eight
(`test_the_process_tells_within_ten_seconds` shows the eight), and stopped by its own sentence.
"""

from __future__ import annotations

import gc
import os
import re
import signal
import threading
import time
import warnings
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from amocrm_assets import waiting
from amocrm_assets.sandbox import SandboxOptions
from amocrm_assets_tests.accounts import DAY, leads_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from amocrm_assets.sandbox import Sandbox

from amocrm_assets_tests.known_waits import WAITS, Stage

STOP_SECONDS = 5.0
# How long a busy machine may take until somebody speaks.
STOP_TIMEOUT_SECONDS = 30.0
# A call that is left behind ends by itself later, and the garbage collector closes its connection.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")]


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """No other test is told of connections that a call left behind here."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@contextmanager
def stopped_by_its_sentence(pattern: str) -> Iterator[Callable[[], float]]:
    """The body gets a SIGINT as soon as somebody says that it waits, and has to end by it.

    Gives a function that tells how many seconds after the signal the body ended.
    """
    heard: list[str] = []
    sent_at: list[float] = []

    def hear(sentence: str) -> None:
        heard.append(sentence)
        if not sent_at and re.search(pattern, sentence):
            sent_at.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

    ended_at = 0.0
    timer = threading.Timer(STOP_TIMEOUT_SECONDS, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with waiting.listen(hear), pytest.raises(KeyboardInterrupt):
            yield lambda: ended_at - sent_at[0]
    finally:
        ended_at = time.monotonic()
        timer.cancel()
    assert sent_at, f"nobody said {pattern!r}: {heard}"


@pytest.mark.parametrize("kind", WAITS)
def test_every_wait_says_so_and_ends_by_a_signal(
    kind: str, served: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Told again at once: what becomes known within the eight seconds may not be known after a tenth of one.
    monkeypatch.setattr(waiting.of_this_process, "first_seconds", 0.1)
    monkeypatch.setattr(waiting.of_this_process, "repeat_seconds", 0.2)
    served.reset(SandboxOptions(populations=(leads_of(DAY, 5),), requests_per_second=None))
    begin, pattern = WAITS[kind]
    with ExitStack() as stack:
        stack.callback(served.reset, SandboxOptions(populations=()))  # ends what hangs
        with stopped_by_its_sentence(pattern) as stopped:
            begin(Stage(served, tmp_path, monkeypatch, stack))
        assert stopped() < STOP_SECONDS
