"""Whatever goes wrong on the way, a question is answered, or refused with the message that fixes it."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.cancellation import Cancelled
from amocrm_assets.capturing import day_window
from amocrm_assets.crm.account import read_account, read_catalogue
from amocrm_assets.crm.client import AmoCrmClient
from amocrm_assets.crm.rate_limit_backoff import REFUSED_DEADLINE_SECONDS
from amocrm_assets.crm.rate_limiter import RateLimiter
from amocrm_assets.crm.retries import MAX_ATTEMPTS, RETRY_DEADLINE_SECONDS
from amocrm_assets.crm.window_reader import WindowReader
from amocrm_assets.errors import (
    AccessDenied,
    AccountBlocked,
    AccountUnpaid,
    ActionRequired,
    AmoCrmUnavailable,
    NotAuthorised,
    SettingsError,
)
from amocrm_assets.sandbox import Fault
from amocrm_assets.waiting import Waits
from amocrm_assets_tests.accounts import DAY, FixedToken, FreeTime, client_of, leads_of, sandbox_with, source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.crm.rate_limiter import Permit
    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets.sandbox.options import FaultKind


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandbox_with(extra_custom_fields=300, block_after=None) as running:
        yield running


@pytest.fixture(autouse=True)
def no_faults(sandbox: Sandbox) -> None:
    sandbox.configure(faults=(), requests_per_second=None, latency_seconds=0)


def test_the_account_says_who_it_is(sandbox: Sandbox) -> None:
    with client_of(sandbox) as client:
        account = read_account(client)

    assert (account.id, account.subdomain, account.timezone) == (31415926, "sandbox", "Europe/Moscow")
    assert account.filters_enabled is True


def test_the_catalogue_is_read_to_its_last_page(sandbox: Sandbox) -> None:
    with client_of(sandbox) as client:
        fields = read_catalogue(client)

    assert len(fields) > 300
    assert len({field["id"] for field in fields}) == len(fields)


@pytest.mark.parametrize(
    "kind",
    [
        "500",
        "502",
        "503",
        "504",
        "reset",
        "reset-midway",
        "cut",
        "cut-short",
        "damaged-gzip",
        "empty-200",
        "html-200",
    ],
)
def test_a_passing_fault_is_asked_again(sandbox: Sandbox, kind: FaultKind) -> None:
    free_time = FreeTime()
    sandbox.configure(faults=(Fault(kind, times=3),), gzip=kind == "damaged-gzip")

    with client_of(sandbox, sleep=free_time.sleep, clock=free_time.clock) as client:
        assert read_account(client).id == 31415926

    sandbox.configure(gzip=False)
    assert client.stats.requests == 4
    assert sum(client.stats.retries.values()) == 3


def test_an_answer_that_does_not_come_is_asked_again(sandbox: Sandbox) -> None:
    sandbox.configure(faults=(Fault("hang", times=1, seconds=30),))

    with client_of(sandbox, read_seconds=0.3) as client:
        assert read_account(client).id == 31415926


def test_a_fault_that_stays_ends_after_a_bounded_number_of_tries(sandbox: Sandbox) -> None:
    free_time = FreeTime()
    sandbox.configure(faults=(Fault("502"),))

    with (
        client_of(sandbox, sleep=free_time.sleep, clock=free_time.clock) as client,
        pytest.raises(AmoCrmUnavailable, match=f"502 from the server, {MAX_ATTEMPTS} times") as stop,
    ):
        read_account(client)

    assert client.stats.requests == MAX_ATTEMPTS
    assert stop.value.facts["status"] == 502
    assert free_time.now < 900


def test_nobody_at_the_address_is_said_so() -> None:
    free_time = FreeTime()
    with (
        AmoCrmClient(
            "http://127.0.0.1:9", FixedToken("x"), sleep=free_time.sleep, clock=free_time.clock
        ) as client,
        pytest.raises(AmoCrmUnavailable, match="the connection failed"),
    ):
        read_account(client)


@pytest.mark.parametrize("kind", ["429-html", "429-json"])
def test_a_refusal_slows_the_whole_account_down(sandbox: Sandbox, kind: FaultKind) -> None:
    free_time = FreeTime()
    sandbox.configure(faults=(Fault(kind, times=2, retry_after=5),))

    with client_of(sandbox, sleep=free_time.sleep, clock=free_time.clock) as client:
        read_account(client)

    assert free_time.now >= 10
    assert client.stats.retries == {"429": 2}


def test_asking_stops_when_amocrm_keeps_refusing(sandbox: Sandbox) -> None:
    free_time = FreeTime()
    sandbox.configure(faults=(Fault("429-html"),))

    with (
        client_of(sandbox, sleep=free_time.sleep, clock=free_time.clock) as client,
        pytest.raises(AmoCrmUnavailable, match="Lower requests_per_second") as stop,
    ):
        read_account(client)

    assert stop.value.facts["status"] == 429
    # Asking on gets accounts blocked: few requests, over all of the time that there is.
    assert client.stats.requests <= 16
    assert REFUSED_DEADLINE_SECONDS - 240 <= free_time.now <= REFUSED_DEADLINE_SECONDS


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
        for _ in range(12):
            # 127 seconds of waiting each time: in a row they would be too long.
            sandbox.configure(faults=(Fault("429-html", times=7, retry_after=1),))
            read_account(client)

    assert free_time.now > REFUSED_DEADLINE_SECONDS


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


def test_a_caller_may_ask_for_fewer_tries_and_is_told_the_last_status(sandbox: Sandbox) -> None:
    free_time = FreeTime()
    sandbox.configure(faults=(Fault("504"),))
    with (
        client_of(sandbox, sleep=free_time.sleep, clock=free_time.clock) as client,
        pytest.raises(AmoCrmUnavailable) as stop,
    ):
        client.request("/api/v4/account", {}, lambda answer: answer, max_attempts=2)

    assert client.stats.requests == 2
    assert stop.value.facts["status"] == 504


class CountingRateLimiter(RateLimiter):
    """A rate limiter that counts the permits it gave."""

    permits = 0

    def acquire(self) -> Permit:
        self.permits += 1
        return super().acquire()


def test_a_retry_takes_a_permit_of_its_own(sandbox: Sandbox) -> None:
    free_time = FreeTime()
    sandbox.configure(faults=(Fault("502", times=4),))
    with client_of(sandbox, sleep=free_time.sleep, clock=free_time.clock) as client:
        limiter = client.rate_limiter = CountingRateLimiter(7, sleep=free_time.sleep, clock=free_time.clock)
        client.request("/api/v4/account", {}, lambda answer: answer, permit=limiter.acquire())

    assert client.stats.requests == limiter.permits == 5


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
        client.request("/api/v4/account", {}, lambda answer: answer, max_attempts=2)

    assert stop.value.facts["timed_out"] is True
    assert client.timeout.read_seconds == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("kind", "error", "fix"),
    [
        ("402", AccountUnpaid, "Pay"),
        ("403-html", AccountBlocked, "Do not ask on"),
        ("403-json", AccessDenied, "right to see leads"),
        ("redirect", SettingsError, "base_url"),
        ("401", NotAuthorised, "amocrm-assets connect"),
    ],
)
def test_what_needs_a_person_is_asked_once(
    sandbox: Sandbox, kind: FaultKind, error: type[ActionRequired], fix: str
) -> None:
    sandbox.configure(faults=(Fault(kind),))

    with client_of(sandbox) as client, pytest.raises(error, match=fix):
        read_account(client)

    assert client.stats.requests == (2 if kind == "401" else 1)


def test_a_refused_token_is_renewed_once_and_the_question_repeated(sandbox: Sandbox) -> None:
    class Renewing(FixedToken):
        def token(self) -> str:
            return "expired"

        def renew(self, refused: str) -> str:
            assert refused == "expired"
            return sandbox.token

    with AmoCrmClient(sandbox.url, Renewing(""), requests_per_second=1000) as client:
        assert read_account(client).id == 31415926

    assert client.stats.requests == 2


def test_a_closed_client_wakes_those_who_wait(sandbox: Sandbox) -> None:
    ended: list[type[BaseException]] = []

    def ask(client: AmoCrmClient) -> None:
        try:
            read_account(client)
        except Cancelled as end:
            ended.append(type(end))

    sandbox.configure(faults=(Fault("429-html", retry_after=300),))
    client = AmoCrmClient(sandbox.url, FixedToken(sandbox.token))
    waiting = threading.Thread(target=ask, args=(client,))
    waiting.start()
    while client.stats.requests == 0:
        time.sleep(0.01)
    client.close()
    waiting.join(timeout=10)

    assert ended == [Cancelled]


def test_the_servers_clock_is_known_after_an_answer() -> None:
    with sandbox_with(clock_offset_seconds=-300) as late, client_of(late) as client:
        read_account(client)

        assert client.clock_difference == pytest.approx(-300, abs=3)


def test_no_error_in_the_chain_holds_the_token(sandbox: Sandbox) -> None:
    sandbox.configure(faults=(Fault("reset"),))
    free_time = FreeTime()
    with (
        client_of(sandbox, sleep=free_time.sleep, clock=free_time.clock) as client,
        pytest.raises(AmoCrmUnavailable) as stop,
    ):
        read_account(client)

    error: BaseException | None = stop.value
    while error:
        request = getattr(error, "request", None)
        assert sandbox.token not in repr(error) + str(getattr(request, "headers", ""))
        error = error.__cause__


def test_no_message_holds_the_token(sandbox: Sandbox) -> None:
    sandbox.configure(faults=(Fault("401"),))
    with client_of(sandbox) as client, pytest.raises(NotAuthorised) as stop:
        read_account(client)

    assert sandbox.token not in repr(stop.value) + str(stop.value.facts) + repr(vars(client))


def test_a_reading_at_the_strict_limit_is_never_refused() -> None:
    with sandbox_with(leads_of(DAY, 4000), requests_per_second=7, latency_seconds=0.05) as strict:
        # One less than the limit: a busy machine delays arrivals by more than the limiter's margin of 50 ms.
        with client_of(strict, requests_per_second=6) as client:
            window = day_window(DAY, source().zone)
            leads = [lead for batch in WindowReader(client, window).batches() for lead in batch]

        assert len({lead.id for lead in leads}) == 4000
        assert client.stats.requests >= 16
        assert client.stats.retries == {}
        assert {request.status for request in strict.requests} <= {200, 204}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("429-html", times=1, retry_after=2), r"Waiting for amoCRM to take requests again \(429.* until "),
        (Fault("hang", times=1, seconds=1.5), r"Waiting for amoCRM's answer to /api/v4/account"),
    ],
)
def test_long_waits_for_amocrm_are_told(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, fault: Fault, said: str
) -> None:
    waits = Waits(first_seconds=0.5)
    told: list[str] = []
    monkeypatch.setattr("amocrm_assets.crm.client.waiting", waits.waiting)
    sandbox.configure(faults=(fault,))

    with waits.listen(told.append), client_of(sandbox, read_seconds=1.0) as client:
        read_account(client)

    assert any(re.search(said, sentence) for sentence in told), told
