"""Sends one request to one account under a permit, and returns the response, whatever its status.

What a status means is in `responses`, how often a request is repeated in `retries`; `client` puts them together.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import requests

from amocrm_assets.crm.http.api_session import Bearer, api_session
from amocrm_assets.crm.http.redaction import redact, redact_body, redact_error, remember
from amocrm_assets.crm.http.request_stats import RequestStats
from amocrm_assets.crm.http.responses import ReadTimeout, Response, RetryableError
from amocrm_assets.crm.http.server_clock import ServerClock
from amocrm_assets.crm.http.timeouts import CONNECT_SECONDS, AnswerTimeout
from amocrm_assets.crm.http.transport import connection_error, proxy_error, read_body
from amocrm_assets.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from amocrm_assets.crm.http.error_context import ErrorContext
    from amocrm_assets.crm.http.rate_limiter import Permit


class RequestSender:
    """One account's HTTP session, and what its responses show: counts, the server's clock, durations."""

    def __init__(
        self, url: str, context: ErrorContext, *, read_seconds: float, clock: Callable[[], float]
    ) -> None:
        self.stats = RequestStats()
        self.server_clock = ServerClock()
        self.timeout = AnswerTimeout(read_seconds)
        self._url = url
        self._context = context
        self._clock = clock
        self._lock = threading.Lock()
        self._session = api_session(url)

    def close(self) -> None:
        """End the requests in progress, and close the connections."""
        self._session.close()

    def send(self, path: str, params: Mapping[str, Any], token: str, *, permit: Permit) -> Response:
        """The response to one request; the permit is released with it.

        Raises `RetryableError` without a response, `Cancelled`, or an `ActionRequired`.
        """
        try:
            response = self._exchange(path, params, token, permit)
        except OSError as error:
            raise self._failed(path, error) from error
        finally:
            permit.release()
        self.stats.count_received(len(response.body), self._clock())
        with self._lock:
            self.server_clock.add(response.sent_at)
        if response.status == requests.codes.proxy_authentication_required:
            raise proxy_error(self._context.operation(path), self._url, status=response.status)
        return response

    def _exchange(self, path: str, params: Mapping[str, Any], token: str, permit: Permit) -> Response:
        read_seconds = self.timeout.read_seconds
        started = time.monotonic()
        try:
            with (
                # The limiter counts from the time of sending: `transport` calls `on_sent` at that moment.
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
        # In data only complete tokens are redacted; in error texts also pieces of them.
        body = redact_body(body, pieces=response.status_code != requests.codes.ok)
        return Response(path, response.status_code, body, headers, self._context)

    def _get(self, path: str, params: Mapping[str, Any], token: str, read_seconds: float) -> requests.Response:
        self.stats.count_sent(self._clock())
        remember(token)
        return self._session.get(
            self._url + path,
            params=params,
            auth=Bearer(token),
            timeout=(CONNECT_SECONDS, read_seconds),
            # A redirect would send the request, and with some clients the token, to another host.
            allow_redirects=False,
            stream=True,
        )

    def _failed(self, path: str, error: OSError) -> Exception:
        """The error for a failed exchange: a `RetryableError`, or an `ActionRequired`."""
        redact_error(error)
        found = connection_error(error, self._url, operation=self._context.operation(path), context=self._context)
        if not isinstance(found, TransientError):
            return found
        if isinstance(error, requests.ReadTimeout):
            return ReadTimeout(found.cause.rstrip("."))
        return RetryableError(found.cause.rstrip("."), fix=found.fix)
