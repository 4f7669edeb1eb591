"""How long BigQuery is waited for, and how often a call is repeated.

Google's client alone has no limit for an answer and repeats a call for ten minutes; every call of ours says more.
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
    """What each call of Google's client takes."""

    retry: Retry
    timeout: float


@dataclass(frozen=True)
class Timeouts:
    """Deadlines: of one answer, of a call with its repeats, of a job."""

    answer_seconds: float = 60.0
    repeat_seconds: float = 120.0
    job_seconds: float = 1800.0
    sleep: Callable[[float], None] = cancellation.sleep

    @classmethod
    def within(cls, seconds: float) -> Timeouts:
        """For a caller who has only so many seconds for a call."""
        return cls(answer_seconds=seconds, repeat_seconds=seconds, job_seconds=seconds)

    @property
    def limits(self) -> Limits:
        """For calls that the client may repeat by itself."""
        return {"retry": DEFAULT_RETRY.with_timeout(self.repeat_seconds), "timeout": self.answer_seconds}

    @property
    def job_retry(self) -> Retry:
        """For queries whose job failed for a passing reason."""
        return DEFAULT_JOB_RETRY.with_timeout(self.repeat_seconds)


def never(_: BaseException) -> bool:
    """For calls that are repeated by ourselves."""
    return False


ONCE: Retry = DEFAULT_RETRY.with_predicate(never)
