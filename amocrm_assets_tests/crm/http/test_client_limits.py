"""What a client may send, how long it waits before that and what it says meanwhile, and what closing it ends."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.cancellation import Cancelled
from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.crm.http.rate_limiter import RateLimiter
from amocrm_assets.crm.http.responses import RequestsExhausted
from amocrm_assets.waiting import _innermost
from amocrm_assets_tests.accounts import FixedToken, FreeTime
from amocrm_assets_tests.crm.http.answering import serving

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(b"{}") as (address, _):
        yield address


class SpokenTime(FreeTime):
    """A time whose sleeps remember what is said about them."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def sleep(self, seconds: float) -> None:
        self.said.append(str(_innermost.get()))
        super().sleep(seconds)

    def said_once(self, what: str, *, seconds: float) -> None:
        """The only sleep was for that, until so many seconds from now."""
        (sentence,) = self.said
        assert what in sentence
        until = datetime.strptime(sentence.partition(", until ")[2][:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        assert until.timestamp() == pytest.approx(time.time() + seconds, abs=60)


def test_a_client_sends_as_many_requests_a_second_as_amocrm_admits() -> None:
    assert AmoCrmClient("http://127.0.0.1:9", FixedToken("x")).rate_limiter.requests_per_second == 7


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_client_with_a_maximum_sends_no_request_more(url: str, count: int) -> None:
    with AmoCrmClient(url, FixedToken("x"), requests_per_second=1000, max_requests=count) as client:
        for _ in range(count):
            client.get("/")
        with pytest.raises(RequestsExhausted):
            client.get("/")

    assert client.stats.requests == count


def test_a_pause_is_as_long_as_asked_for_and_says_when_it_ends() -> None:
    time = SpokenTime()
    with AmoCrmClient("http://127.0.0.1:9", FixedToken("x"), sleep=time.sleep) as client:
        client.pause(3000)

    assert time.now == 3000
    time.said_once("the next request to amoCRM", seconds=3000)


def test_a_hold_after_a_429_says_when_it_ends() -> None:
    time = SpokenTime()
    with AmoCrmClient("http://127.0.0.1:9", FixedToken("x"), sleep=time.sleep, clock=time.clock) as client:
        limiter = client.rate_limiter
        limiter.refused(limiter.acquire(), 3000)
        client.acquire()

    time.said_once("amoCRM to accept requests again", seconds=3000)


def test_waits_for_permits_are_those_of_this_client_though_another_one_waited_before() -> None:
    time = FreeTime()
    limiter = RateLimiter(2, clock=time.clock, sleep=time.sleep)
    for _ in range(5):
        limiter.acquire().mark_sent()
    with AmoCrmClient("http://127.0.0.1:9", FixedToken("x"), rate_limiter=limiter) as client:
        assert client.rate_limit_wait_seconds == 0
        client.acquire()

    assert client.rate_limit_wait_seconds == pytest.approx(0.5, abs=0.1)


def test_what_a_client_remembers_is_requested_once_for_each_path(url: str) -> None:
    with AmoCrmClient(url, FixedToken("x"), requests_per_second=1000) as client:
        found = [client.remembered(path, {}, lambda response: response.path) for path in ("/a", "/b", "/a")]

    assert found == ["/a", "/b", "/a"]
    assert client.stats.requests == 2


def test_a_permit_that_was_acquired_before_is_the_one_of_the_first_attempt(url: str) -> None:
    time = FreeTime()
    limiter = RateLimiter(0.5, clock=time.clock, sleep=time.sleep)
    with AmoCrmClient(url, FixedToken("x"), rate_limiter=limiter) as client:
        client.request("/", {}, lambda response: response, permit=limiter.acquire())

    assert time.now == 0


def test_a_closed_client_neither_waits_for_a_permit_nor_asks_for_a_token() -> None:
    class Counted(FixedToken):
        count = 0

        def token(self) -> str:
            self.count += 1
            return super().token()

    authorisation = Counted("x")
    with AmoCrmClient("http://127.0.0.1:9", authorisation) as client:
        client.rate_limiter.start_after(2)
    with pytest.raises(Cancelled):
        client.acquire()
    with pytest.raises(Cancelled):
        client.get("/")

    assert (authorisation.count, client.stats.requests) == (0, 0)
