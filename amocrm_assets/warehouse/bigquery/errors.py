"""What Google's answers mean for the person who reads them.

Answers to calls and errors of jobs bear the same reasons, so both are to_error here. What was tried is said by
those who call.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.exceptions import GoogleAuthError, TransportError

from amocrm_assets.errors import AmoCrmAssetsError, WarehouseRefused, WarehouseUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

QUOTA = "quotaExceeded"

# https://cloud.google.com/bigquery/docs/error-messages
_PASSING_REASONS = frozenset(
    {
        "backendError",
        "internalError",
        "jobBackendError",
        "jobInternalError",
        "jobRateLimitExceeded",
        "rateLimitExceeded",
        "tableUnavailable",
        "timeout",
    }
)
_PASSING_CODES = frozenset({408, 429, 500, 502, 503, 504})

_PERMISSION = re.compile(r"\bbigquery\.[a-z]+\.[A-Za-z]+")
_ROLES = {
    "bigquery.jobs.create": "the role BigQuery Job User on the project",
    "bigquery.datasets.create": "the role BigQuery User on the project; or create the dataset yourself",
}
_DATASET_ROLE = "the role BigQuery Data Editor on the dataset"

# The first that is found in reason and message counts.
_FIXES = (
    (QUOTA, "Wait until Google refills the quota, within a day, or have it raised. docs/bigquery.md lists them."),
    ("billingNotEnabled", "Link the project to a billing account."),
    (
        "accessNotConfigured|SERVICE_DISABLED|has not enabled BigQuery|API has not been used",
        "Enable the BigQuery API in the project, or correct the project's id in AMOCRM_WAREHOUSE.",
    ),
    (
        "Not found: Project|[Ii]nvalid project|Unknown project|ProjectId",
        "Correct the project's id in AMOCRM_WAREHOUSE: there is none, or this account may not see it.",
    ),
    ("Not found: Dataset", "Run again: the dataset has been deleted meanwhile, and is created anew."),
    ("Not found: (URI|Files?)", "Materialise the asset `leads` for the day again."),
    (
        "different locations|[Ll]ocation",
        "Bucket and dataset must lie in one location, and AMOCRM_WAREHOUSE must name it (docs/bigquery.md).",
    ),
)


@contextmanager
def google_errors(operation: str, **facts: str) -> Iterator[None]:
    """Turn what Google's libraries raise into errors with a fix."""
    try:
        yield
    except GoogleAPICallError as error:
        raise to_error(
            operation, reason=reason_of(error), message=_message(error), code=error.code, **facts
        ) from error
    except (RetryError, TransportError, OSError) as error:  # `requests` raises kinds of OSError
        raise WarehouseUnavailable(
            operation,
            cause=f"BigQuery did not answer: {error}.",
            fix="Run again in some minutes; if it stays so, check the network of this machine.",
            **facts,
        ) from error
    except GoogleAuthError as error:
        raise WarehouseRefused(
            operation,
            cause=f"Google does not know who is asking: {error}.",
            fix="Give this process Application Default Credentials (docs/bigquery.md).",
            **facts,
        ) from error


def to_error(
    operation: str, *, reason: str, message: str, code: int | None = None, **facts: str
) -> AmoCrmAssetsError:
    """The error for an answer, or for the error of a job."""
    cause = f"BigQuery says: {message.rstrip('.')} ({reason or code})."
    if is_passing(reason, code):
        return WarehouseUnavailable(operation, cause=cause, fix="Run again in some minutes.", **facts)
    if permission := _PERMISSION.search(message):
        fix = f"Grant {permission[0]} to the account that runs this: {_ROLES.get(permission[0], _DATASET_ROLE)}."
        if "not exist" in message:
            fix += " If it has the right, check the names in AMOCRM_WAREHOUSE."
        return WarehouseRefused(operation, cause=cause, fix=fix, reason=reason, permission=permission[0], **facts)
    fix = next((fix for words, fix in _FIXES if re.search(words, f"{reason} {message}")), "See docs/bigquery.md.")
    return WarehouseRefused(operation, cause=cause, fix=fix, reason=reason, **facts)


def is_passing(reason: str, code: int | None = None) -> bool:
    """Whether the same call, or the same job under another id, may succeed later."""
    return reason in _PASSING_REASONS or (code in _PASSING_CODES and reason != QUOTA)


def may_pass(error: BaseException) -> bool:
    """Whether a call that raised this is worth repeating at once."""
    if isinstance(error, GoogleAPICallError):
        return is_passing(reason_of(error), error.code)
    return isinstance(error, TransportError | OSError)


def reason_of(error: GoogleAPICallError) -> str:
    """BigQuery's word for what is wrong, such as `accessDenied`; empty where the answer has none."""
    return next((str(each["reason"]) for each in _details(error) if "reason" in each), "")


def _message(error: GoogleAPICallError) -> str:
    return next((str(each["message"]) for each in _details(error) if "message" in each), error.message)


def _details(error: GoogleAPICallError) -> list[dict[str, object]]:
    return [each for each in error.errors if isinstance(each, dict)]
