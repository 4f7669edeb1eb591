"""Deadlines and retries of calls to BigQuery.

By default Google's client waits indefinitely for a response and retries a call for ten minutes; our calls set
both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY, DEFAULT_RETRY

from amocrm_assets import cancellation

if TYPE_CHECKING:
    from google.api_core.retry import Retry


class Limits(TypedDict):
    """The arguments of each call of Google's client."""

    retry: Retry
    timeout: float


@dataclass(frozen=True)
class Timeouts:
    """Deadlines: of one response, of a call with its retries, of a job."""

    answer_seconds: float = 60.0
    repeat_seconds: float = 120.0
    job_seconds: float = 1800.0
    sleep: Callable[[float], None] = cancellation.sleep

    @classmethod
    def within(cls, seconds: float) -> Timeouts:
        """For a caller that has only so many seconds for a call."""
        return cls(answer_seconds=seconds, repeat_seconds=seconds, job_seconds=seconds)

    @property
    def limits(self) -> Limits:
        """For calls that the client may retry itself."""
        return {"retry": DEFAULT_RETRY.with_timeout(self.repeat_seconds), "timeout": self.answer_seconds}

    @property
    def job_retry(self) -> Retry:
        """For queries whose job failed for a transient reason."""
        return DEFAULT_JOB_RETRY.with_timeout(self.repeat_seconds)


def never(_: BaseException) -> bool:
    """For calls that we retry ourselves."""
    return False


ONCE: Retry = DEFAULT_RETRY.with_predicate(never)
