"""Ctrl-C and SIGTERM end whatever is being waited for within five seconds."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from amocrm_assets import daemon_pool
from amocrm_assets.capturing import capture_days
from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.crm.http.transport import request_once
from amocrm_assets.crm.pagination.window_reader import WindowReader
from amocrm_assets.days import day_window
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import AccountUnpaid
from amocrm_assets.sandbox import Fault
from amocrm_assets_tests.accounts import DAY, FixedToken, client_of, leads_of, sandbox_with, source
from amocrm_assets_tests.crm.http.stalling import STALLS, Stall, stalling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets.sandbox.options import FaultKind
    from amocrm_assets.storage import Storage

STOP_SECONDS = 5.0


@dataclass
class Interruption:
    """When the signal was sent."""

    sent_at: float | None = None

    def seconds(self) -> float:
        """Since then."""
        assert self.sent_at is not None
        return time.monotonic() - self.sent_at


@contextmanager
def interrupted_when(reached: Callable[[], bool], *, after_seconds: float = 1.0) -> Iterator[Interruption]:
    """The body gets a SIGINT some time after the condition holds, and has to end by it."""
    interruption = Interruption()
    over = threading.Event()

    def interrupt() -> None:
        deadline = time.monotonic() + 60
        while not reached() and time.monotonic() < deadline and not over.is_set():
            time.sleep(0.02)
        if not over.wait(after_seconds):
            interruption.sent_at = time.monotonic()
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            yield interruption
    finally:
        over.set()
        thread.join()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with sandbox_with(leads_of(DAY, 400)) as running:
        yield running


def read(client: AmoCrmClient, storage: Storage) -> None:
    with client:
        list(capture_days(LEADS, source(), [DAY], client=client, storage=storage))


@pytest.mark.parametrize(
    ("kind", "seconds", "retry_after"), [("503", None, None), ("429-html", None, 300), ("hang", 300, None)]
)
def test_a_reading_ends_while_amocrm_fails_refuses_or_hangs(
    sandbox: Sandbox, storage: Storage, kind: FaultKind, seconds: float | None, retry_after: int | None
) -> None:
    sandbox.configure(faults=(Fault(kind, seconds=seconds or 0, retry_after=retry_after),))
    with client_of(sandbox, read_seconds=60) as client:
        with interrupted_when(lambda: client.stats.requests >= 3) as interruption:
            read(client, storage)
        sent = client.stats.requests

        assert interruption.seconds() < STOP_SECONDS
        time.sleep(1)
        assert client.stats.requests == sent


@pytest.mark.parametrize("stall", STALLS)
def test_a_reading_ends_wherever_an_exchange_stalls(storage: Storage, stall: Stall) -> None:
    with stalling(stall) as server:
        client = AmoCrmClient(server.url, FixedToken("x"))
        with interrupted_when(lambda: client.stats.requests >= 3) as interruption:
            read(client, storage)

        assert interruption.seconds() < STOP_SECONDS


def test_a_reading_ends_while_it_waits_for_its_next_permit(sandbox: Sandbox, storage: Storage) -> None:
    with client_of(sandbox, requests_per_second=0.01) as client:
        with interrupted_when(lambda: client.stats.requests >= 1) as interruption:
            read(client, storage)

        assert interruption.seconds() < STOP_SECONDS


def test_a_reading_ends_while_another_run_holds_the_account(sandbox: Sandbox, storage: Storage) -> None:
    with client_of(sandbox) as client, storage.lock("locks/sandbox", wait_seconds=0):
        with interrupted_when(lambda: True) as interruption:
            list(capture_days(LEADS, source(), [DAY], client=client, storage=storage, lock_wait_seconds=600))

        assert interruption.seconds() < STOP_SECONDS


class Refreshing(FixedToken):
    """An authorisation that has to do something first, as one does that refreshes its tokens."""

    def __init__(self, refresh: Callable[[], object]) -> None:
        super().__init__("x")
        self.begun = threading.Event()
        self._refresh = refresh

    def token(self) -> str:
        self.begun.set()
        self._refresh()
        return super().token()


def test_a_reading_ends_while_another_process_holds_the_lock_of_its_tokens(
    sandbox: Sandbox, storage: Storage
) -> None:
    def refresh() -> None:
        with storage.lock("tokens/refresh", wait_seconds=600):
            raise AssertionError("somebody else holds it")

    authorisation = Refreshing(refresh)
    with storage.lock("tokens/refresh", wait_seconds=0):
        client = AmoCrmClient(sandbox.url, authorisation)
        with interrupted_when(authorisation.begun.is_set) as interruption:
            read(client, storage)

        assert interruption.seconds() < STOP_SECONDS


@pytest.mark.slow
def test_a_reading_ends_while_the_token_endpoint_hangs(sandbox: Sandbox, storage: Storage) -> None:
    with stalling("headers") as server:
        authorisation = Refreshing(lambda: request_once("POST", server.url, timeout=60))
        client = AmoCrmClient(sandbox.url, authorisation)
        with interrupted_when(server.reached.is_set) as interruption:
            read(client, storage)

        assert interruption.seconds() < STOP_SECONDS


def test_a_reading_that_fails_asks_nothing_more(sandbox: Sandbox, storage: Storage) -> None:
    # One list fails for good; the other would go on for minutes.
    sandbox.configure(faults=(Fault("402", times=1, after=2), Fault("503", after=3)))
    with client_of(sandbox) as client:
        begun = time.monotonic()
        with pytest.raises(AccountUnpaid):
            list(capture_days(LEADS, source(), [DAY], client=client, storage=storage))
        sent = client.stats.requests
        assert time.monotonic() - begun < STOP_SECONDS
        time.sleep(1)

        assert client.stats.requests == sent


def test_a_list_that_fails_for_good_ends_the_wait_for_the_account(sandbox: Sandbox, storage: Storage) -> None:
    """The account's request would be retried for minutes, and what it says is not needed any more."""
    sandbox.configure(
        faults=(Fault("503", path="/api/v4/account"), Fault("402", after=3, path="/api/v4/leads")),
        latency_seconds=0.05,
    )
    with client_of(sandbox) as client:
        begun = time.monotonic()
        with pytest.raises(AccountUnpaid):
            list(capture_days(LEADS, source(), [DAY], client=client, storage=storage))
        assert time.monotonic() - begun < STOP_SECONDS


@pytest.mark.slow
def test_the_next_run_asks_when_the_requests_of_the_last_are_a_second_old(storage: Storage) -> None:
    with sandbox_with(leads_of(DAY, 20)) as sandbox:
        for _ in range(2):
            with client_of(sandbox, requests_per_second=3) as client:
                list(capture_days(LEADS, source(), [DAY], client=client, storage=storage))
                # The lock is given back at once: whoever asks next waits, if it comes so soon.
                assert client.rate_limiter.drain_delay() > 0
        times = [request.at for request in sandbox.requests]

    assert len(times) >= 8
    spans = [later - earlier for earlier, later in zip(times, times[3:], strict=False)]
    assert min(spans) > 0.9


@pytest.mark.parametrize(("kind", "seconds"), [("503", None), ("hang", 300)])
def test_a_reading_that_is_given_up_ends_its_threads(
    sandbox: Sandbox, kind: FaultKind, seconds: float | None
) -> None:
    """It is whoever keeps the records that stops. Threads that are waited for in vain would be left behind."""
    with client_of(sandbox, requests_per_second=1, read_seconds=60) as client:
        batches = WindowReader(client, day_window(DAY, source().zone), LEADS.lists(with_deleted=True)).batches()
        next(batches)
        sandbox.configure(faults=(Fault(kind, seconds=seconds or 0),))
        while client.stats.requests < 2:
            time.sleep(0.02)
        begun = time.monotonic()
        batches.close()

        assert time.monotonic() - begun < daemon_pool.STOP_SECONDS / 2
        assert not [each.name for each in threading.enumerate() if each.name.startswith(("amocrm", "prefetch"))]
