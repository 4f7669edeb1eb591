"""Sends requests to one amoCRM account and returns answers.

Pacing, authorising and judging are separate things handed in or called; what to ask is not known here. Every
request has timeouts, and retries are bounded by number and by time.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Self, TypeVar

import requests
import tenacity

from amocrm_assets.crm.answers import Answer, Passing, SlowDown, TokenRefused, judge, not_accepted
from amocrm_assets.crm.connections import session_with
from amocrm_assets.crm.pacing import Pacer
from amocrm_assets.crm.wire import TellingAdapter, when_sent
from amocrm_assets.errors import AccountBlocked, AmoCrmUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from amocrm_assets.crm.authorisation import Authorisation
    from amocrm_assets.crm.pacing import Turn

T = TypeVar("T")

CONNECT_SECONDS, READ_SECONDS, WHOLE_ANSWER_SECONDS = 5.0, 30.0, 120.0
MOST_ATTEMPTS, LONGEST_RETRYING_SECONDS = 12, 900.0
# So many holds in a row without one good answer between them: amoCRM blocks accounts that ask on.
MOST_HOLDS = 8
MOST_CONNECTIONS = 32


@dataclass
class Traffic:
    """What was sent to amoCRM and what came back. Changed under the client's lock only."""

    requests: int = 0
    received_bytes: int = 0
    retries: Counter[str] = field(default_factory=Counter)
    first_sent: float | None = None
    last_received: float | None = None

    @property
    def requests_per_second(self) -> float:
        """Requests over the time from the first one sent to the last one answered; 0 before that."""
        if self.first_sent is None or self.last_received is None or self.last_received <= self.first_sent:
            return 0.0
        return self.requests / (self.last_received - self.first_sent)


class Closed(Exception):
    """The client was closed while a request waited for its turn or for a retry."""


class AmoCrmClient:
    """One account's door. Safe for threads. Close it, or use it as a context manager."""

    def __init__(
        self,
        url: str,
        authorisation: Authorisation,
        *,
        requests_per_second: float = 7.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] | None = None,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self.url = url
        self.traffic = Traffic()
        self._authorisation = authorisation
        self._clock = clock
        self._closing = threading.Event()
        self.sleep = sleep or self._pause
        self._read_seconds = read_seconds
        self.pacer = Pacer(requests_per_second, clock=clock, sleep=self.sleep)
        self._holds = 0
        self.clock_difference = 0.0
        self._lock = threading.Lock()
        self._session = _session()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Wake every waiting request with `Closed` and drop the connections."""
        self._closing.set()
        self._session.close()

    def server_now(self) -> float:
        """amoCRM's clock by its last `Date` header, Unix seconds; our own clock before the first answer."""
        return time.time() + self.clock_difference

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Answer:
        """One answered question, retried while that makes sense."""
        return self.ask(path, params or {}, lambda answer: answer)

    def ask(
        self, path: str, params: Mapping[str, Any], parse: Callable[[Answer], T], *, turn: Turn | None = None
    ) -> T:
        """The parsed answer to one question.

        `parse` raises `Passing` for a body that is broken, which is then asked for again. Raises
        `AmoCrmUnavailable` when retrying did not help, or the error that `judge` stops with.
        """
        turns = iter([turn])
        started = self._clock()
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Passing),
            wait=_wait,
            stop=lambda state: (
                state.attempt_number >= MOST_ATTEMPTS or self._clock() - started > LONGEST_RETRYING_SECONDS
            ),
            sleep=self.sleep,
            before_sleep=self._count_retry,
            reraise=True,
        )
        try:
            return retrying(lambda: self._ask_once(path, params, parse, turn=next(turns, None)))
        except Passing as error:
            raise AmoCrmUnavailable(
                f"Asking amoCRM for {path}",
                cause=f"{error}, {retrying.statistics['attempt_number']} times in a row.",
                fix="Materialise the day again later; if it stays so, look at amoCRM's status page.",
                status=error.status,
            ) from error

    def _ask_once(
        self, path: str, params: Mapping[str, Any], parse: Callable[[Answer], T], *, turn: Turn | None
    ) -> T:
        token = self._authorisation.token()
        answer = self._send(path, params, token, turn=turn)
        try:
            judge(answer)
        except TokenRefused:
            answer = self._send(path, params, self._authorisation.renew(token), turn=None)
            self._judge_renewed(answer)
        except SlowDown as refusal:
            self._hold(refusal)
            raise
        parsed = parse(answer)
        self._holds = 0
        self.pacer.speed_up()
        return parsed

    def _judge_renewed(self, answer: Answer) -> None:
        try:
            judge(answer)
        except TokenRefused as error:
            raise not_accepted(answer) from error

    def _hold(self, refusal: SlowDown) -> None:
        wait = refusal.wait_seconds if refusal.wait_seconds is not None else min(60.0, 2.0**self._holds)
        if not self.pacer.slow_down(wait):
            return
        self._holds += 1
        if self._holds >= MOST_HOLDS:
            raise AccountBlocked(
                "Asking amoCRM",
                cause=f"429, asked too often, {self._holds} times in a row though we waited longer each time.",
                fix="Another integration uses up the account's limit. Lower requests_per_second, or run at "
                "another hour; asking on would get the account blocked.",
                status=429,
            ) from refusal

    def _send(self, path: str, params: Mapping[str, Any], token: str, *, turn: Turn | None) -> Answer:
        turn = turn or self.pacer.take()
        when_sent(turn.sent)
        self._count_sent()
        try:
            answer = self._exchange(path, params, token, turn)
        except requests.RequestException as error:
            error.request = None  # it holds the token, and whoever shows the chain would show it
            raise Passing(_reason(error)) from error
        finally:
            turn.over()
        self._count_received(answer)
        return answer

    def _exchange(self, path: str, params: Mapping[str, Any], token: str, turn: Turn) -> Answer:
        started = self._clock()
        with self._session.get(
            self.url + path,
            params=params,
            auth=_Bearer(token),
            timeout=(CONNECT_SECONDS, self._read_seconds),
            # A redirect would carry the question, and with some clients the token, to another host.
            allow_redirects=False,
            stream=True,
        ) as response:
            turn.answered()
            body = bytearray()
            for part in response.iter_content(1 << 16):
                body += part
                if self._clock() - started > WHOLE_ANSWER_SECONDS:
                    raise requests.ReadTimeout("the answer trickled in too slowly")
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(path, response.status_code, bytes(body), headers)

    def _pause(self, seconds: float) -> None:
        if self._closing.wait(seconds):
            raise Closed

    def _count_sent(self) -> None:
        with self._lock:
            self.traffic.requests += 1
            if self.traffic.first_sent is None:
                self.traffic.first_sent = self._clock()

    def _count_received(self, answer: Answer) -> None:
        with self._lock:
            self.traffic.received_bytes += len(answer.body)
            self.traffic.last_received = self._clock()
            if answer.sent_at is not None:
                self.clock_difference = answer.sent_at - time.time()

    def _count_retry(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        status = error.status if isinstance(error, Passing) else None
        with self._lock:
            self.traffic.retries[str(status or "connection")] += 1


class _Bearer(requests.auth.AuthBase):
    """Puts the token into the header; given as `auth`, it also keeps requests from looking into ~/.netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _session() -> requests.Session:
    session = session_with(TellingAdapter(pool_maxsize=MOST_CONNECTIONS))
    session.headers["User-Agent"] = "amocrm-assets"
    session.headers["Accept"] = "application/hal+json, application/json"
    # amoCRM sends cookies that nobody needs, and a cookie jar is not made for threads.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


_BACK_OFF = tenacity.wait_random_exponential(multiplier=0.5, max=30)


def _wait(state: tenacity.RetryCallState) -> float:
    # After a 429 the pacer holds back the whole account; waiting here as well would wait twice.
    error = state.outcome.exception() if state.outcome else None
    return 0.0 if isinstance(error, SlowDown) else _BACK_OFF(state)


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    return f"the connection failed ({type(error).__name__})"
