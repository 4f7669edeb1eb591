"""The client of one amoCRM account: acquires a permit, sends a request with a token, and retries.

Each of these has its own module (`rate_limiter`, `sender`, `authorisation`, `retries`, `responses`); this one
combines them. Every request has a deadline.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

from amocrm_assets.cancellation import CancelScope, check_cancelled
from amocrm_assets.crm.http.connectivity import require_private
from amocrm_assets.crm.http.error_context import ErrorContext
from amocrm_assets.crm.http.limiters import limiter_of
from amocrm_assets.crm.http.rate_limit_backoff import RateLimitBackoff
from amocrm_assets.crm.http.rate_limiter import RateLimiter
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
from amocrm_assets.crm.http.sender import RequestSender
from amocrm_assets.crm.http.timeouts import READ_SECONDS
from amocrm_assets.errors import AmoCrmUnavailable
from amocrm_assets.waiting import note, waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from amocrm_assets.crm.http.authorisation import Authorisation
    from amocrm_assets.crm.http.rate_limiter import Permit
    from amocrm_assets.settings import SourceSettings

T = TypeVar("T")


class AmoCrmClient:
    """Requests to one account, with its rate limit, tokens and retries. Thread-safe. Close it, or use `with`."""

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
        """Errors name `source`, its file and commands. Without a limiter the client has its own."""
        self._context = ErrorContext(source)
        self.url = require_private(url, context=self._context)
        self._sender = RequestSender(self.url, self._context, read_seconds=read_seconds, clock=clock)
        self.stats, self.server_clock = self._sender.stats, self._sender.server_clock
        self.timeout = self._sender.timeout
        self._authorisation = authorisation
        self._max_requests = max_requests
        self._clock = clock
        self.scope = CancelScope()
        self.sleep = sleep or self.scope.sleep
        self.rate_limiter = rate_limiter or RateLimiter(requests_per_second, clock=clock, sleep=self.sleep)
        self._waited_before = self.rate_limiter.waited_seconds
        self._backoff = RateLimitBackoff(clock=clock)
        self._lock = threading.Lock()
        self._remembered: dict[str, Any] = {}

    @classmethod
    def for_source(
        cls, source: SourceSettings, authorisation: Authorisation, *, max_requests: int | None = None
    ) -> Self:
        """A client of the source's account, under the source's rate limit; its errors name the source."""
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
        """End every request and wait with `Cancelled`, and close the connections."""
        self.scope.cancel()
        self._sender.close()

    def pause(self, seconds: float) -> None:
        """Wait for a permit within `requests_per_second`."""
        with waiting("the next request to amoCRM (requests_per_second)", until=time.time() + seconds):
            self.sleep(seconds)

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
                # It may take minutes, so the wait is reported.
                with waiting("amoCRM to accept requests again (429, too many requests)", until=time.time() + held):
                    return self.rate_limiter.acquire()
            return self.rate_limiter.acquire()

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Response:
        """One request, with retries."""
        return self.request(path, params or {}, lambda response: response)

    def remembered(self, path: str, params: Mapping[str, Any], parse: Callable[[Response], T]) -> T:
        """The parsed response to the first such request; later ones are not sent as long as the client is open."""
        if path not in self._remembered:
            self._remembered[path] = self.request(path, params, parse)
        found: T = self._remembered[path]
        return found

    def request(
        self,
        path: str,
        params: Mapping[str, Any],
        parse: Callable[[Response], T],
        *,
        permit: Permit | None = None,
        give_up: Callable[[RetryableError], bool] = lambda _: False,
    ) -> T:
        """Send a request and return the parsed response.

        `permit` is one of `acquire`, for the first attempt. `parse` raises `RetryableError` for a broken body,
        and the request is then retried. `give_up` is called for each failure except a 429, and may end the
        retries early because the caller can send a better request. Raises `AmoCrmUnavailable` when retries are
        exhausted: its fact `status` is that of the last response (504, …), and `timed_out` is set if none came
        in time. Raises `Cancelled` when the client is closed, or the error of `raise_for_status`.
        """
        retries = Retries(clock=self._clock, sleep=self.sleep, on_retry=self._count_retry, give_up=give_up)
        try:
            with self.scope.entered(), waiting(f"amoCRM's response to {path}"):
                # A permit that was acquired before is for the first attempt; each further one acquires its own.
                return retries.run(
                    lambda number: self._request_once(path, params, parse, permit=permit if number == 1 else None)
                )
        except RetryableError as error:
            raise AmoCrmUnavailable(
                self._context.operation(path),
                cause=f"{error}, {retries.failed} times in a row.",
                fix=error.fix or "Materialise the day again later; if it still fails, check amoCRM's status page.",
                status=error.status,
                timed_out=isinstance(error, ReadTimeout) or None,
            ) from error
        finally:
            if permit is not None:
                permit.release()  # it was not sent if there was no token or the client was closed

    def _request_once(
        self, path: str, params: Mapping[str, Any], parse: Callable[[Response], T], *, permit: Permit | None
    ) -> T:
        check_cancelled()  # no token refresh for a cancelled request
        token = self._authorisation.token()
        permit = permit or self.acquire()
        response = self._sender.send(path, params, token, permit=permit)
        try:
            try:
                raise_for_status(response)
            except Unauthorized:
                renewed, permit = self._authorisation.renew(token), self.acquire()
                response = self._sender.send(path, params, renewed, permit=permit)
                _raise_for_second(response)
        except RateLimited as refusal:
            self._back_off_account(refusal, permit)
            raise
        try:
            parsed = parse(response)
        except RecursionError as error:
            raise too_complex(response, "it is nested too deeply to be read") from error
        if self.rate_limiter.succeeded(permit):
            with self._lock:
                self._backoff.succeeded()
        return parsed

    def _back_off_account(self, refusal: RateLimited, permit: Permit) -> None:
        with self._lock:
            wait = self._backoff.wait_seconds(refusal.wait_seconds)
            if not self.rate_limiter.refused(permit, wait):
                return
            is_over = self._backoff.is_over(wait)
            self._backoff.refused()
        if is_over:
            raise self._backoff.given_up(f"Asking amoCRM for {self._context.subdomain or self.url}") from refusal

    def _count_retry(self, error: RetryableError) -> None:
        had_retry_after = isinstance(error, RateLimited) and error.wait_seconds is not None
        self.stats.count_retry(str(error.status or "connection"), had_retry_after=had_retry_after)
        note(why=f"the last try: {error}")


def _raise_for_second(response: Response) -> None:
    """`raise_for_status` of the second attempt after a 401: another 401 is an `ActionRequired`."""
    try:
        raise_for_status(response)
    except Unauthorized as error:
        raise not_accepted(response) from error
