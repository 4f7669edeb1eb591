"""How often one request is retried: bounded by attempts and by time, with backoff and jitter."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import tenacity

from amocrm_assets.crm.http.responses import RateLimited, RetryableError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MAX_ATTEMPTS, RETRY_DEADLINE_SECONDS = 12, 900.0
_BACK_OFF = tenacity.wait_random_exponential(multiplier=0.5, max=30)


class Retries:
    """The attempts of one request. A 429 does not depend on the request, and counts for the account only."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        on_retry: Callable[[RetryableError], None],
        give_up: Callable[[RetryableError], bool],
    ) -> None:
        self._give_up = give_up
        self._clock = clock
        self._sleep = sleep
        self._on_retry = on_retry
        self._first_failed_at: float | None = None
        self.failed = 0

    def run(self, attempt: Callable[[int], T]) -> T:
        """The result of `attempt` when it succeeds; it is called with its number, from 1.

        Raises its last `RetryableError`, and other errors immediately.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(RetryableError),
            wait=self._wait_seconds,
            stop=self._are_over,
            sleep=self._sleep,
            before_sleep=self._notify,
            reraise=True,
        )
        for each in retrying:
            with each:
                result = attempt(each.retry_state.attempt_number)
        return result

    def _are_over(self, state: tenacity.RetryCallState) -> bool:
        error = _error(state)
        if isinstance(error, RateLimited):
            return False  # bounded by the account's backoff, see `rate_limit_backoff`
        self.failed += 1
        if self._first_failed_at is None:
            self._first_failed_at = self._clock()
        elapsed = self._clock() - self._first_failed_at
        if isinstance(error, RetryableError) and self._give_up(error):
            return True
        return self.failed >= MAX_ATTEMPTS or elapsed > RETRY_DEADLINE_SECONDS

    def _wait_seconds(self, state: tenacity.RetryCallState) -> float:
        # After a 429 the rate limiter holds back the whole account; waiting here too would double the wait.
        return 0.0 if isinstance(_error(state), RateLimited) else _BACK_OFF(state)

    def _notify(self, state: tenacity.RetryCallState) -> None:
        if isinstance(error := _error(state), RetryableError):
            self._on_retry(error)


def _error(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
