"""Sends requests to one amoCRM account and returns answers.

Rate limiting, authorising and judging are separate things handed in or called; what to ask is not known here.
Every request has a deadline, and retries are bounded by number and by time.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

import requests

from amocrm_assets.cancellation import CancelScope, check_cancelled
from amocrm_assets.crm.http.api_session import Bearer, api_session
from amocrm_assets.crm.http.asked import Asked
from amocrm_assets.crm.http.connectivity import require_private
from amocrm_assets.crm.http.limiters import limiter_of
from amocrm_assets.crm.http.rate_limit_backoff import RateLimitBackoff
from amocrm_assets.crm.http.rate_limiter import RateLimiter
from amocrm_assets.crm.http.redaction import redact, redact_body, redact_error, remember
from amocrm_assets.crm.http.request_stats import RequestStats
from amocrm_assets.crm.http.responses import (
    RateLimited,
    ReadTimeout,
    RequestsExhausted,
    Response,
    RetryableError,
    Unauthorized,
    not_accepted,
    raise_for_status,
    too_complex,
)
from amocrm_assets.crm.http.retries import Retries
from amocrm_assets.crm.http.server_clock import ServerClock
from amocrm_assets.crm.http.timeouts import CONNECT_SECONDS, READ_SECONDS, AnswerTimeout
from amocrm_assets.crm.http.transport import connection_error, proxy_error, read_body
from amocrm_assets.errors import AmoCrmUnavailable, TransientError
from amocrm_assets.waiting import note, waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from amocrm_assets.crm.http.authorisation import Authorisation
    from amocrm_assets.crm.http.rate_limiter import Permit
    from amocrm_assets.settings import SourceSettings

T = TypeVar("T")


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
        max_requests: int | None = None,
        source: SourceSettings | None = None,
        rate_limiter: RateLimiter | None = None,
    ) -> None:
        """`source` is whom errors name, with its file and commands. Without a limiter it has one of its own."""
        self._asked = Asked(source)
        self.url = require_private(url, asked=self._asked)
        self.stats = RequestStats()
        self._authorisation = authorisation
        self._max_requests = max_requests
        self._clock = clock
        self.scope = CancelScope()
        self.sleep = sleep or self.scope.sleep
        self.timeout = AnswerTimeout(read_seconds)
        self.rate_limiter = rate_limiter or RateLimiter(requests_per_second, clock=clock, sleep=self.sleep)
        self._waited_before = self.rate_limiter.waited_seconds
        self._backoff = RateLimitBackoff(clock=clock)
        self.server_clock = ServerClock()
        self._lock = threading.Lock()
        self._session = api_session(url)

    @classmethod
    def for_source(
        cls, source: SourceSettings, authorisation: Authorisation, *, max_requests: int | None = None
    ) -> Self:
        """A client of the source's account, at the source's pace; its errors name the source."""
        return cls(
            source.url,
            authorisation,
            max_requests=max_requests,
            source=source,
            rate_limiter=limiter_of(source),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every request with `Cancelled`, whatever it waits for, and drop the connections."""
        self.scope.cancel()
        self._session.close()

    def pause(self, seconds: float) -> None:
        """Wait for a permit as `requests_per_second` asks for."""
        with waiting("the next request to amoCRM (requests_per_second)", until=time.time() + seconds):
            self.sleep(seconds)

    def server_time(self) -> float:
        """amoCRM's clock by its last `Date` headers, Unix seconds; our own clock before the first answer."""
        return time.time() + self.server_clock.difference

    @property
    def rate_limit_wait_seconds(self) -> float:
        """How long requests of this client have waited for permits."""
        return self.rate_limiter.waited_seconds - self._waited_before

    def acquire(self) -> Permit:
        """Wait for the next permit and take it. Raises `Cancelled` when the client is closed."""
        if self._max_requests is not None and self.stats.requests >= self._max_requests:
            raise RequestsExhausted
        with self.scope.entered():
            if held := self.rate_limiter.hold_seconds():
                # It may take minutes, so it is said what is waited for.
                with waiting("amoCRM to take requests again (429, too many)", until=time.time() + held):
                    return self.rate_limiter.acquire()
            return self.rate_limiter.acquire()

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
        of each failure but a 429, and may end the retries early: whoever asks may know a better question. Raises
        `AmoCrmUnavailable` when retrying did not help: its fact `status` is that of the last answer (504, …), and
        `timed_out` is set where none came in time. Raises `Cancelled` when the client is closed, or the error that
        `raise_for_status` stops with.
        """
        permits = iter([permit])
        retries = Retries(clock=self._clock, sleep=self.sleep, on_retry=self._count_retry, give_up=give_up)
        try:
            with self.scope.entered(), waiting(f"amoCRM's answer to {path}"):
                return retries.run(lambda: self._request_once(path, params, parse, permit=next(permits, None)))
        except RetryableError as error:
            raise AmoCrmUnavailable(
                self._asked.operation(path),
                cause=f"{error}, {retries.failed} times in a row.",
                fix=error.fix or "Materialise the day again later; if it stays so, look at amoCRM's status page.",
                status=error.status,
                timed_out=isinstance(error, ReadTimeout) or None,
            ) from error
        finally:
            if permit is not None:
                permit.release()  # it never left where no token could be had, or the client was closed

    def _request_once(
        self, path: str, params: Mapping[str, Any], parse: Callable[[Response], T], *, permit: Permit | None
    ) -> T:
        check_cancelled()  # a token is not refreshed for nobody
        token = self._authorisation.token()
        permit = permit or self.acquire()
        answer = self._send(path, params, token, permit=permit)
        try:
            try:
                raise_for_status(answer)
            except Unauthorized:
                renewed, permit = self._authorisation.renew(token), self.acquire()
                answer = self._send(path, params, renewed, permit=permit)
                self._judge_renewed(answer)
        except RateLimited as refusal:
            self._back_off_account(refusal, permit)
            raise
        try:
            parsed = parse(answer)
        except RecursionError as error:
            raise too_complex(answer, "it is nested too deeply to be read") from error
        if self.rate_limiter.succeeded(permit):
            with self._lock:
                self._backoff.succeeded()
        return parsed

    def _judge_renewed(self, answer: Response) -> None:
        try:
            raise_for_status(answer)
        except Unauthorized as error:
            raise not_accepted(answer) from error

    def _back_off_account(self, refusal: RateLimited, permit: Permit) -> None:
        with self._lock:
            wait = self._backoff.wait_seconds(refusal.wait_seconds)
            if not self.rate_limiter.refused(permit, wait):
                return
            is_over = self._backoff.is_over(wait)
            self._backoff.refused()
        if is_over:
            raise self._backoff.given_up(f"Asking amoCRM for {self._asked.subdomain or self.url}") from refusal

    def _send(self, path: str, params: Mapping[str, Any], token: str, *, permit: Permit) -> Response:
        try:
            answer = self._exchange(path, params, token, permit)
        except OSError as error:
            raise self._failed(path, error) from error
        finally:
            permit.release()
        self._note_received(answer)
        if answer.status == requests.codes.proxy_authentication_required:
            raise proxy_error(self._asked.operation(path), self.url, status=answer.status)
        return answer

    def _exchange(self, path: str, params: Mapping[str, Any], token: str, permit: Permit) -> Response:
        read_seconds = self.timeout.read_seconds
        started = time.monotonic()
        try:
            with (
                self._session.watchdog.exchange(self.timeout.exchange_seconds, on_sent=permit.mark_sent),
                self._get(path, params, token, read_seconds) as response,
            ):
                permit.mark_response_started()
                body = read_body(response)
                headers = {name.lower(): redact(value) for name, value in response.headers.items()}
        except requests.ReadTimeout:
            self.timeout.grow(read_seconds)
            raise
        self.timeout.note_answer(time.monotonic() - started)
        # Data keeps every byte but a whole token; what explains a refusal may hold none of its pieces either.
        body = redact_body(body, pieces=response.status_code != requests.codes.ok)
        return Response(path, response.status_code, body, headers, self._asked)

    def _get(self, path: str, params: Mapping[str, Any], token: str, read_seconds: float) -> requests.Response:
        self.stats.count_sent(self._clock())
        remember(token)
        return self._session.get(
            self.url + path,
            params=params,
            auth=Bearer(token),
            timeout=(CONNECT_SECONDS, read_seconds),
            # A redirect would carry the question, and with some clients the token, to another host.
            allow_redirects=False,
            stream=True,
        )

    def _failed(self, path: str, error: OSError) -> Exception:
        """What a failed exchange means: another try, or an error that needs a person."""
        redact_error(error)
        found = connection_error(error, self.url, operation=self._asked.operation(path), asked=self._asked)
        if not isinstance(found, TransientError):
            return found
        if isinstance(error, requests.ReadTimeout):
            return ReadTimeout(found.cause.rstrip("."))
        return RetryableError(found.cause.rstrip("."), fix=found.fix)

    def _note_received(self, answer: Response) -> None:
        self.stats.count_received(len(answer.body), self._clock())
        with self._lock:
            self.server_clock.add(answer.sent_at)

    def _count_retry(self, error: RetryableError) -> None:
        said_when = isinstance(error, RateLimited) and error.wait_seconds is not None
        self.stats.count_retry(str(error.status or "connection"), said_when=said_when)
        note(why=f"the last try: {error}")
