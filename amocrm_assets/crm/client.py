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

from amocrm_assets.crm.rate_limiter import RateLimiter
from amocrm_assets.crm.responses import (
    RateLimited,
    Response,
    RetryableError,
    Unauthorized,
    not_accepted,
    raise_for_status,
)
from amocrm_assets.crm.transport import SendHookAdapter, make_session, on_sent
from amocrm_assets.errors import AccountBlocked, AmoCrmUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from amocrm_assets.crm.authorisation import Authorisation
    from amocrm_assets.crm.rate_limiter import Permit

T = TypeVar("T")

CONNECT_SECONDS, READ_SECONDS, WHOLE_ANSWER_SECONDS = 5.0, 30.0, 120.0
MAX_ATTEMPTS, RETRY_DEADLINE_SECONDS = 12, 900.0
# So many holds in a row without one good answer between them: amoCRM blocks accounts that ask on.
MAX_CONSECUTIVE_429S = 8
MAX_CONNECTIONS = 32


@dataclass
class RequestStats:
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


class ClientClosed(Exception):
    """The client was closed while a request waited for its permit or for a retry."""


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
        self.stats = RequestStats()
        self._authorisation = authorisation
        self._clock = clock
        self._closing = threading.Event()
        self.sleep = sleep or self._pause
        self._read_seconds = read_seconds
        self.rate_limiter = RateLimiter(requests_per_second, clock=clock, sleep=self.sleep)
        self._holds = 0
        self.clock_difference = 0.0
        self._lock = threading.Lock()
        self._session = _session()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Wake every waiting request with `ClientClosed` and drop the connections."""
        self._closing.set()
        self._session.close()

    def server_time(self) -> float:
        """amoCRM's clock by its last `Date` header, Unix seconds; our own clock before the first answer."""
        return time.time() + self.clock_difference

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Response:
        """One answered question, retried while that makes sense."""
        return self.request(path, params or {}, lambda answer: answer)

    def request(
        self,
        path: str,
        params: Mapping[str, Any],
        parse: Callable[[Response], T],
        *,
        permit: Permit | None = None,
        give_up: Callable[[RetryableError], bool] = lambda _: False,
    ) -> T:
        """The parsed answer to one question.

        `parse` raises `RetryableError` for a body that is broken, which is then asked for again. `give_up` is told
        of each failure and may end the retries early: whoever asks may know a better question. Raises
        `AmoCrmUnavailable` when retrying did not help, or the error that `raise_for_status` stops with.
        """
        permits = iter([permit])
        started = self._clock()
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(RetryableError),
            wait=_wait,
            stop=lambda state: (
                _gives_up(state, give_up)
                or state.attempt_number >= MAX_ATTEMPTS
                or self._clock() - started > RETRY_DEADLINE_SECONDS
            ),
            sleep=self.sleep,
            before_sleep=self._count_retry,
            reraise=True,
        )
        try:
            return retrying(lambda: self._request_once(path, params, parse, permit=next(permits, None)))
        except RetryableError as error:
            raise AmoCrmUnavailable(
                f"Asking amoCRM for {path}",
                cause=f"{error}, {retrying.statistics['attempt_number']} times in a row.",
                fix="Materialise the day again later; if it stays so, look at amoCRM's status page.",
                status=error.status,
            ) from error

    def _request_once(
        self, path: str, params: Mapping[str, Any], parse: Callable[[Response], T], *, permit: Permit | None
    ) -> T:
        token = self._authorisation.token()
        answer = self._send(path, params, token, permit=permit)
        try:
            raise_for_status(answer)
        except Unauthorized:
            answer = self._send(path, params, self._authorisation.renew(token), permit=None)
            self._judge_renewed(answer)
        except RateLimited as refusal:
            self._back_off_account(refusal)
            raise
        parsed = parse(answer)
        self._holds = 0
        self.rate_limiter.recover()
        return parsed

    def _judge_renewed(self, answer: Response) -> None:
        try:
            raise_for_status(answer)
        except Unauthorized as error:
            raise not_accepted(answer) from error

    def _back_off_account(self, refusal: RateLimited) -> None:
        wait = refusal.wait_seconds if refusal.wait_seconds is not None else min(60.0, 2.0**self._holds)
        if not self.rate_limiter.back_off(wait):
            return
        self._holds += 1
        if self._holds >= MAX_CONSECUTIVE_429S:
            raise AccountBlocked(
                "Asking amoCRM",
                cause=f"429, asked too often, {self._holds} times in a row though we waited longer each time.",
                fix="Another integration uses up the account's limit. Lower requests_per_second, or run at "
                "another hour; asking on would get the account blocked.",
                status=429,
            ) from refusal

    def _send(self, path: str, params: Mapping[str, Any], token: str, *, permit: Permit | None) -> Response:
        permit = permit or self.rate_limiter.acquire()
        on_sent(permit.mark_sent)
        self._count_sent()
        try:
            answer = self._exchange(path, params, token, permit)
        except requests.RequestException as error:
            error.request = None  # it holds the token, and whoever shows the chain would show it
            raise RetryableError(_reason(error)) from error
        finally:
            permit.release()
        self._count_received(answer)
        return answer

    def _exchange(self, path: str, params: Mapping[str, Any], token: str, permit: Permit) -> Response:
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
            permit.mark_response_started()
            body = bytearray()
            for part in response.iter_content(1 << 16):
                body += part
                if self._clock() - started > WHOLE_ANSWER_SECONDS:
                    raise requests.ReadTimeout("the answer trickled in too slowly")
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Response(path, response.status_code, bytes(body), headers)

    def _pause(self, seconds: float) -> None:
        if self._closing.wait(seconds):
            raise ClientClosed

    def _count_sent(self) -> None:
        with self._lock:
            self.stats.requests += 1
            if self.stats.first_sent is None:
                self.stats.first_sent = self._clock()

    def _count_received(self, answer: Response) -> None:
        with self._lock:
            self.stats.received_bytes += len(answer.body)
            self.stats.last_received = self._clock()
            if answer.sent_at is not None:
                self.clock_difference = answer.sent_at - time.time()

    def _count_retry(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        status = error.status if isinstance(error, RetryableError) else None
        with self._lock:
            self.stats.retries[str(status or "connection")] += 1


class _Bearer(requests.auth.AuthBase):
    """Puts the token into the header; given as `auth`, it also keeps requests from looking into ~/.netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _session() -> requests.Session:
    session = make_session(SendHookAdapter(pool_maxsize=MAX_CONNECTIONS))
    session.headers["User-Agent"] = "amocrm-assets"
    session.headers["Accept"] = "application/hal+json, application/json"
    # amoCRM sends cookies that nobody needs, and a cookie jar is not made for threads.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


_BACK_OFF = tenacity.wait_random_exponential(multiplier=0.5, max=30)


def _wait(state: tenacity.RetryCallState) -> float:
    # After a 429 the rate limiter holds back the whole account; waiting here as well would wait twice.
    error = state.outcome.exception() if state.outcome else None
    return 0.0 if isinstance(error, RateLimited) else _BACK_OFF(state)


def _gives_up(state: tenacity.RetryCallState, give_up: Callable[[RetryableError], bool]) -> bool:
    error = state.outcome.exception() if state.outcome else None
    return isinstance(error, RetryableError) and give_up(error)


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    return f"the connection failed ({type(error).__name__})"
