"""Converts this project's errors into Dagster's: a failure with cause and fix, or a retry.

Only this module decides whether Dagster retries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import dagster as dg

from amocrm_assets.errors import ActionRequired, AmoCrmAssetsError, InternalError, TransientError
from amocrm_assets.orchestration.day_ranges import neighbours
from amocrm_assets.orchestration.run_listener import report_retry
from amocrm_assets.settings.docs_folder import documents_note

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

RETRY_ADVICE: dict[type[AmoCrmAssetsError], str] = {
    TransientError: "It may be temporary, so Dagster retries.",
    ActionRequired: "The cause must be fixed first, so Dagster does not retry.",
    InternalError: "This should not happen: please report it. Dagster does not retry.",
}
TOO_EARLY = "The day is over only after the last retry, so Dagster does not retry; the schedule reads it later."


@dataclass(frozen=True)
class Retries:
    """How often, and after what time, a step is retried after a transient error. The wait doubles."""

    count: int = 3
    first_wait_seconds: float = 60.0

    def wait_seconds(self, retry_number: int) -> float:
        """How long to wait after a failed attempt; the first one has number 0."""
        return self.first_wait_seconds * 2.0**retry_number

    def is_last(self, error: AmoCrmAssetsError, retry_number: int) -> bool:
        """Whether Dagster gives up after this error: a retry cannot help, or would come too early."""
        if not isinstance(error, TransientError) or retry_number >= self.count:
            return True
        left_seconds = sum(map(self.wait_seconds, range(retry_number, self.count)))
        return float(error.facts.get("seconds_missing", 0)) > left_seconds


def fail(error: AmoCrmAssetsError, *, unfinished: Sequence[date], retries: Retries, retry_number: int) -> NoReturn:
    """Fail a step with an error. `unfinished` are the days that the step did not finish.

    The wait before a retry is the next attempt's own, see `step_days`: Dagster's cannot be interrupted.
    """
    description = str(error)
    is_last, may_pass = retries.is_last(error, retry_number), isinstance(error, TransientError)
    is_too_early = may_pass and is_last and retry_number < retries.count
    if unfinished:
        description += f" Not finished: {in_words(unfinished)}."
    if note := documents_note(description):
        description += f" {note}"
    facts = _facts(error, unfinished)
    if is_too_early:
        facts["retry"] = TOO_EARLY
    failure = dg.Failure(description, metadata=facts, allow_retries=False)
    failure.__cause__ = error
    if may_pass and not is_too_early:
        if not is_last:
            report_retry(description, retries.wait_seconds(retry_number))
        # Dagster shows the metadata of the retry's cause when it gives up.
        raise dg.RetryRequested(max_retries=retries.count) from failure
    raise failure


def in_words(days: Sequence[date]) -> str:
    """Days as ranges: `2026-01-01 to 2026-01-05, 2026-01-09`."""
    return ", ".join(each.in_words() for each in neighbours(days))


def _facts(error: AmoCrmAssetsError, unfinished: Sequence[date]) -> dict[str, str | int | float]:
    metadata: dict[str, str | int | float] = {
        **error.facts,
        "operation": error.operation,
        "cause": error.cause,
        "fix": error.fix,
        "error": type(error).__name__,
        "retry": next(advice for kind, advice in RETRY_ADVICE.items() if isinstance(error, kind)),
    }
    if unfinished:
        metadata |= {"unfinished_days": in_words(unfinished), "unfinished": len(unfinished)}
    return metadata
