"""Translates Google's errors.

Error responses and errors of jobs have the same reasons, so both are translated here. The caller names the
operation.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from google.api_core.exceptions import ClientError, GoogleAPICallError, RetryError
from google.auth.exceptions import GoogleAuthError, TransportError

from amocrm_assets.errors import AmoCrmAssetsError, WarehouseRefused, WarehouseUnavailable
from amocrm_assets.google_errors import diagnose, unwrapped
from amocrm_assets.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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

# `bigquery.googleapis.com`, which policies name, is a service, not a permission.
_PERMISSION = re.compile(r"\bbigquery\.(?!googleapis\b)[a-z]+\.[A-Za-z]+")
_ROLES = {
    "bigquery.jobs.create": "the role BigQuery Job User on the project",
    "bigquery.datasets.create": "the role BigQuery User on the project; or create the dataset yourself",
}
_DATASET_ROLE = "the role BigQuery Data Editor on the dataset"

# The first match in reason and message counts.
_FIXES = (
    (QUOTA, "Wait until Google refills the quota, within a day, or have it raised. docs/bigquery.md lists them."),
    ("billingNotEnabled|Billing has not been enabled", "Link the project to a billing account."),
    (
        "accessNotConfigured|SERVICE_DISABLED|has not enabled BigQuery|API has not been used",
        "Enable the BigQuery API in the project, or correct the project's id in AMOCRM_WAREHOUSE.",
    ),
    (
        "Not found: Project|[Ii]nvalid project|Unknown project|ProjectId",
        "Correct the project's id in AMOCRM_WAREHOUSE: there is none, or this account may not see it.",
    ),
    ("Not found: Dataset", "Run again: the dataset was deleted during the run, and will be created again."),
    ("Not found: (URI|Files?)", "Materialise the asset with the rows for the day again."),
    (
        "Not found: Table",
        "Find out in the audit log who deletes tables of the dataset, then materialise the day again.",
    ),
    (
        "Not found: Job",
        "Set the dataset's location in AMOCRM_WAREHOUSE: BigQuery finds a job only in its own location.",
    ),
    (
        r"gcp\.resourceLocations",
        (
            "The organisation allows some locations only. Ask its administrator which, make the dataset (and the"
            " bucket) there, and write that location into AMOCRM_WAREHOUSE."
        ),
    ),
    (
        r"gcp\.restrictNonCmekServices",
        (
            "The organisation requires a customer-managed encryption key. Set one for the dataset:"
            " `bq update --default_kms_key=projects/P/locations/L/keyRings/R/cryptoKeys/K PROJECT:DATASET`."
        ),
    ),
)
_LAST_FIXES = (
    # A violated organisation policy is a failed precondition, too.
    (
        "conditionNotMet|Precondition",
        "Run again: the table's properties were changed at the same time.",
    ),
    (
        "different locations|[Ll]ocation",
        "Bucket and dataset must be in one location, and AMOCRM_WAREHOUSE must name it (docs/bigquery.md).",
    ),
)


@contextmanager
def google_errors(operation: str, **facts: str) -> Iterator[None]:
    """Translate errors of Google's libraries in the body into ours, and report a long wait."""
    try:
        # One name for all calls: eight parallel ones are one line in the log.
        with waiting("a response of BigQuery"):
            yield
    except (GoogleAPICallError, RetryError, GoogleAuthError, OSError) as error:
        # OSError: the exceptions of `requests` are subclasses of it.
        raise _translated(operation, unwrapped(error), facts) from error


def _translated(operation: str, error: BaseException, facts: dict[str, str]) -> AmoCrmAssetsError:
    if isinstance(error, GoogleAPICallError):
        return to_error(operation, reason=reason_of(error), message=_message(error), code=error.code, **facts)
    diagnosis = diagnose(error)
    if diagnosis and diagnosis.fix:
        return WarehouseRefused(operation, cause=diagnosis.cause, fix=diagnosis.fix, **facts)
    return WarehouseUnavailable(
        operation,
        cause=diagnosis.cause if diagnosis else f"BigQuery did not answer: {error}.",
        fix="Run again in some minutes; if it still fails, check the network of this machine.",
        **facts,
    )


def to_error(
    operation: str, *, reason: str, message: str, code: int | None = None, **facts: str
) -> AmoCrmAssetsError:
    """The error for an error response, or for the error of a job."""
    cause = f"BigQuery says: {message.rstrip('.')} ({reason or code})."
    if is_passing(reason, code):
        return WarehouseUnavailable(operation, cause=cause, fix="Run again in some minutes.", **facts)
    text = f"{reason} {message}"
    permission = _PERMISSION.search(message)
    # Organisation policies first: their messages may name a permission, but granting it does not help.
    fix = _first(_FIXES, text) or _shared_fix(text)
    if fix is None and permission:
        fix = f"Grant {permission[0]} to the account that runs this: {_ROLES.get(permission[0], _DATASET_ROLE)}."
        if "not exist" in message:
            fix += " If it already has the permission, check the names in AMOCRM_WAREHOUSE."
        facts["permission"] = permission[0]
    fix = fix or _first(_LAST_FIXES, text) or "See docs/bigquery.md."
    return WarehouseRefused(operation, cause=cause, fix=fix, reason=reason, **facts)


def not_tried(table: str, first: AmoCrmAssetsError) -> AmoCrmAssetsError:
    """The error of a load that was not sent because the quota is used up; `first` is the error that showed it."""
    return WarehouseRefused(
        f"Loading {table}",
        cause=f"it was not tried, because the quota is used up. {first.operation}: {first.cause}",
        fix=first.fix,
        table=table,
        reason=QUOTA,
    )


def _first(fixes: Sequence[tuple[str, str]], text: str) -> str | None:
    return next((fix for words, fix in fixes if re.search(words, text)), None)


def _shared_fix(text: str) -> str | None:
    """Errors that all services of Google have in common: perimeters, keys, policies."""
    diagnosis = diagnose(ClientError(text))  # type: ignore[no-untyped-call]
    return diagnosis.fix if diagnosis else None


def is_passing(reason: str, code: int | None = None) -> bool:
    """Whether the same call, or the same job under another id, may succeed later."""
    return reason in _PASSING_REASONS or (code in _PASSING_CODES and reason != QUOTA)


def may_pass(error: BaseException) -> bool:
    """Whether to retry a call that raised this immediately."""
    error = unwrapped(error)
    if isinstance(error, GoogleAPICallError):
        return is_passing(reason_of(error), error.code)
    return isinstance(error, TransportError | OSError)


def reason_of(error: GoogleAPICallError) -> str:
    """BigQuery's reason, such as `accessDenied`; empty if the response has none."""
    return next((str(each["reason"]) for each in _details(error) if "reason" in each), "")


def _message(error: GoogleAPICallError) -> str:
    return next((str(each["message"]) for each in _details(error) if "message" in each), error.message)


def _details(error: GoogleAPICallError) -> list[dict[str, object]]:
    return [each for each in error.errors if isinstance(each, dict)]
