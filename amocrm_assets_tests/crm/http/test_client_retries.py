"""How often, how long and at what pace a client asks again."""

from __future__ import annotations

import re
from concurrent.futures import CancelledError
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.cancellation import Cancelled
from amocrm_assets.crm.account import read_account
from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.crm.http.rate_limit_backoff import REFUSED_DEADLINE_SECONDS
from amocrm_assets.crm.http.rate_limiter import RateLimiter
from amocrm_assets.crm.http.retries import MAX_ATTEMPTS, RETRY_DEADLINE_SECONDS
from amocrm_assets.crm.pagination.window_reader import WindowReader
from amocrm_assets.days import day_window
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import AmoCrmUnavailable, NotAuthorised
from amocrm_assets.sandbox import Fault
from amocrm_assets.waiting import Waits, _innermost
from amocrm_assets_tests.accounts import DAY, FixedToken, FreeTime, client_of, leads_of, sandbox_with, source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from amocrm_assets.crm.http.rate_limiter import Permit
    from amocrm_assets.crm.http.responses import RetryableError
    from amocrm_assets.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandbox_with(block_after=None) as running:
        yield running


@pytest.fixture(autouse=True)
def no_faults(sandbox: Sandbox) -> None:
    sandbox.configure(faults=(), requests_per_second=None, latency_seconds=0)


def test_refusals_that_pass_within_minutes_are_waited_for(sandbox: Sandbox) -> None:
    free_time = FreeTime()
    sandbox.configure(faults=(Fault("429-html", times=9, retry_after=1),))

    with client_of(sandbox, sleep=free_time.sleep, clock=free_time.clock) as client:
        assert read_account(client).id == 31415926

    assert client.stats.retries == {"429": 9}
    assert free_time.now > 240


def test_refusals_count_only_in_a_row(sandbox: Sandbox) -> None:
    free_time = FreeTime()
    with client_of(sandbox, sleep=free_time.sleep, clock=free_time.clock) as client:
        for _ in range(16):
            # 63 seconds of waiting each time: in a row they would be too long.
            sandbox.configure(faults=(Fault("429-html", times=7, retry_after=1),))
            read_account(client)

    assert free_time.now > REFUSED_DEADLINE_SECONDS


def test_a_good_answer_makes_the_next_wait_short_again(sandbox: Sandbox) -> None:
    free_time = FreeTime()
    waited = []
    with client_of(sandbox, sleep=free_time.sleep, clock=free_time.clock) as client:
        for refusals in (4, 1):
            sandbox.configure(faults=(Fault("429-html", times=refusals),))
            before = free_time.now
            client.get("/api/v4/account")
            waited.append(free_time.now - before)

    assert waited[0] > 7
    assert waited[1] < 2


@pytest.mark.parametrize(("retry_after", "count"), [(None, 0), (1, 2)])
def test_retries_after_a_429_that_says_when_are_counted(
    sandbox: Sandbox, retry_after: int | None, count: int
) -> None:
    free_time = FreeTime()
    sandbox.configure(faults=(Fault("429-html", times=2, retry_after=retry_after),))
    with client_of(sandbox, sleep=free_time.sleep, clock=free_time.clock) as client:
        client.get("/api/v4/account")

    assert client.stats.retry_after_count == count
    assert client.stats.retries == {"429": 2}


def test_a_request_is_sent_with_its_parameters(sandbox: Sandbox) -> None:
    with client_of(sandbox) as client:
        client.get("/api/v4/account", {"with": "version"})

    assert sandbox.requests[-1].query == "with=version"


def test_a_wait_for_the_next_attempt_says_why_the_last_one_failed(sandbox: Sandbox) -> None:
    said: list[str] = []
    sandbox.configure(faults=(Fault("502", times=1),))
    with client_of(sandbox, sleep=lambda _: said.append(str(_innermost.get()))) as client:
        client.get("/api/v4/account")

    assert "the last try: 502 from the server" in said[-1]


def test_a_fault_that_stays_ends_in_bounded_time_though_each_try_is_slow(sandbox: Sandbox) -> None:
    free_time = FreeTime()

    class Slow(FixedToken):
        def token(self) -> str:
            free_time.now += 200  # as an answer that is waited for
            return super().token()

    sandbox.configure(faults=(Fault("502"),))
    client = AmoCrmClient(
        sandbox.url,
        Slow(sandbox.token),
        requests_per_second=1000,
        sleep=free_time.sleep,
        clock=free_time.clock,
    )
    with client, pytest.raises(AmoCrmUnavailable):
        read_account(client)

    assert client.stats.requests < MAX_ATTEMPTS
    assert free_time.now <= RETRY_DEADLINE_SECONDS + 2 * 230


def after(tries: int) -> Callable[[RetryableError], bool]:
    """Gives up at this try."""
    number = count(1)
    return lambda _: next(number) >= tries


def test_a_caller_may_ask_for_fewer_tries_and_is_told_the_last_status(sandbox: Sandbox) -> None:
    free_time = FreeTime()
    sandbox.configure(faults=(Fault("504"),))
    with (
        client_of(sandbox, sleep=free_time.sleep, clock=free_time.clock) as client,
        pytest.raises(AmoCrmUnavailable) as stop,
    ):
        client.request("/api/v4/account", {}, lambda response: response, give_up=after(2))

    assert client.stats.requests == 2
    assert stop.value.facts["status"] == 504


class CountingRateLimiter(RateLimiter):
    """A rate limiter that keeps the permits it gave, and says when it gave one."""

    def __init__(self, requests_per_second: float, **options: Any) -> None:
        super().__init__(requests_per_second, **options)
        self.given: list[Permit] = []
        self.on_acquire: Callable[[], None] = lambda: None

    def acquire(self) -> Permit:
        self.given.append(super().acquire())
        self.on_acquire()
        return self.given[-1]


def test_a_retry_takes_a_permit_of_its_own(sandbox: Sandbox) -> None:
    free_time = FreeTime()
    sandbox.configure(faults=(Fault("502", times=4),))
    with client_of(sandbox, sleep=free_time.sleep, clock=free_time.clock) as client:
        limiter = client.rate_limiter = CountingRateLimiter(7, sleep=free_time.sleep, clock=free_time.clock)
        client.request("/api/v4/account", {}, lambda response: response, permit=limiter.acquire())

    assert client.stats.requests == len(limiter.given) == 5


def test_a_permit_whose_request_never_left_holds_up_no_other_client_of_the_account(sandbox: Sandbox) -> None:
    limiter = RateLimiter(1000)
    closed, unauthorised = limiter.acquire(), limiter.acquire()
    with client_of(sandbox, rate_limiter=limiter) as client:
        client.close()
        with pytest.raises(Cancelled):
            client.request("/api/v4/account", {}, lambda response: response, permit=closed)
    with (
        AmoCrmClient(sandbox.url, NoToken(""), rate_limiter=limiter) as client,
        pytest.raises(NotAuthorised),
    ):
        client.request("/api/v4/account", {}, lambda response: response, permit=unauthorised)

    assert closed.at is not None
    assert unauthorised.at is not None


def test_a_page_that_is_never_asked_for_holds_up_no_other_reading_of_the_account(sandbox: Sandbox) -> None:
    """A reading that stops between taking a permit and starting the request, as one does that fails elsewhere."""
    limiter = CountingRateLimiter(1000)
    with client_of(sandbox, rate_limiter=limiter) as client:
        limiter.on_acquire = client.scope.cancel
        with pytest.raises(CancelledError):
            list(WindowReader(client, day_window(DAY, source().zone), [LEADS.live]).batches())

    # How many pages were about to be asked for depends on the threads; none of their permits may be waited for.
    assert limiter.given
    assert all(permit.at is not None for permit in limiter.given)


class NoToken(FixedToken):
    """An authorisation that a person has to renew."""

    def token(self) -> str:
        raise NotAuthorised("Trying", cause="there is no token.", fix="Make one.")


def test_slow_answers_are_read_once_the_timeout_has_grown(sandbox: Sandbox) -> None:
    sandbox.configure(latency_seconds=1.5)
    with client_of(sandbox, read_seconds=1.0) as client:
        assert read_account(client).id == 31415926

    assert client.stats.retries == {"connection": 1}


def test_no_answer_in_time_is_told_from_other_failures(sandbox: Sandbox) -> None:
    sandbox.configure(faults=(Fault("hang", seconds=30),))
    with (
        client_of(sandbox, read_seconds=0.1, sleep=lambda _: None) as client,
        pytest.raises(AmoCrmUnavailable, match="no answer in time") as stop,
    ):
        client.request("/api/v4/account", {}, lambda response: response, give_up=after(2))

    assert stop.value.facts["timed_out"] is True
    assert client.timeout.read_seconds == pytest.approx(0.4)


@pytest.mark.slow
def test_a_reading_at_the_strict_limit_is_never_refused() -> None:
    with sandbox_with(leads_of(DAY, 4000), requests_per_second=7, latency_seconds=0.05) as strict:
        # One less than the limit: a busy machine delays arrivals by more than the limiter's margin of 50 ms.
        with client_of(strict, requests_per_second=6) as client:
            window = day_window(DAY, source().zone)
            leads = [lead for batch in WindowReader(client, window, [LEADS.live]).batches() for lead in batch]

        assert len({lead.id for lead in leads}) == 4000
        assert client.stats.requests >= 16
        assert client.stats.retries == {}
        assert {request.status for request in strict.requests} <= {200, 204}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("429-html", times=1, retry_after=2), r"Waiting for amoCRM to accept requests again \(429.* until "),
        (Fault("hang", times=1, seconds=1.5), r"Waiting for amoCRM's response to /api/v4/account"),
    ],
)
def test_long_waits_for_amocrm_are_told(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, fault: Fault, expected: str
) -> None:
    waits = Waits(first_seconds=0.5)
    sentences: list[str] = []
    monkeypatch.setattr("amocrm_assets.crm.http.client.waiting", waits.waiting)
    sandbox.configure(faults=(fault,))

    with waits.listen(sentences.append), client_of(sandbox, read_seconds=1.0) as client:
        read_account(client)

    assert any(re.search(expected, sentence) for sentence in sentences), sentences
