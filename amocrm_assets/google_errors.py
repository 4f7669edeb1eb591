"""What Google's errors mean and how to fix them, for Cloud Storage and BigQuery.

Credentials, and rules of an organisation for its data (VPC Service Controls, keys of Cloud KMS, organisation
policies, retention). For errors of one service only see `storage.bucket` and `warehouse.bigquery`.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.api_core.exceptions import RetryError
from google.auth import exceptions as auth

from amocrm_assets.settings import google_key_file

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY_FILE = "GOOGLE_APPLICATION_CREDENTIALS"

SIGN_IN = (
    "Give this process Application Default Credentials: `gcloud auth application-default login`, a service account"
    f" of the machine, or {KEY_FILE} with the path of a key file (docs/storage.md)."
)
_SIGN_IN_AGAIN = (
    "Make a new key of the service account, or run `gcloud auth application-default login` again; see that the"
    " account is not disabled and that this machine's clock is right."
)

# Patterns of error messages and their fixes; the first match counts.
# https://cloud.google.com/storage/docs/troubleshooting, /vpc-service-controls/docs/troubleshooting
_FIXES = (
    (
        r"vpcServiceControls|VPC_SERVICE_CONTROLS|VPC Service Controls",
        (
            "A VPC Service Controls perimeter keeps this machine out. Have its administrator add an ingress rule"
            " for the account that runs this, or run inside the perimeter; the id in the message finds it in their"
            " logs."
        ),
    ),
    (
        r"(KMS|kms|[Cc]rypto[Kk]ey).*([Dd]isabled|DISABLED|[Dd]estroy|DESTROY|not enabled|ENABLED)",
        "Enable that version of the Cloud KMS key again, or choose another default key for the bucket or dataset.",
    ),
    (
        r"KMS|cloudkms|CryptoKey|[Cc]ustomer-managed",
        (
            "Give the service's own account (Cloud Storage: service-PROJECT_NUMBER@gs-project-accounts"
            ".iam.gserviceaccount.com; BigQuery: bq-PROJECT_NUMBER@bigquery-encryption.iam.gserviceaccount.com)"
            " the role Cloud KMS CryptoKey Encrypter/Decrypter on the key, which must have the data's location."
        ),
    ),
    (
        r"constraints/|violates constraint|[Oo]rg(anization)? ?[Pp]olicy|organization's policy|orgpolicy",
        (
            "An organisation policy forbids this. Have its administrator allow it for the project, or use a"
            " bucket, dataset or location that the policy named in the message allows."
        ),
    ),
    (
        r"has not been used in project|SERVICE_DISABLED|accessNotConfigured",
        "Enable that API in the project (`gcloud services enable`), wait some minutes, then run again.",
    ),
    (
        r"[Bb]illing account .*(disabled|absent)|billingNotEnabled|billing to be enabled",
        "Link the project to an active billing account.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed",
        (
            "Something between this machine and Google, such as a company proxy, uses another certificate: set"
            " REQUESTS_CA_BUNDLE to a file with that company's root certificate."
        ),
    ),
)


@dataclass(frozen=True)
class Diagnosis:
    """An error of Google in one line, and its fix; None if waiting may help."""

    cause: str
    fix: str | None


@contextmanager
def loading_credentials() -> Iterator[None]:
    """Make a Google client in the body. Raises only `google.auth.exceptions.GoogleAuthError`, see `diagnose`.

    For a broken key file Google's loader raises OSError, ValueError or AttributeError.
    """
    try:
        yield
    except auth.GoogleAuthError:
        raise
    except Exception as error:
        message = f"{_named_key_file()} cannot be used as a key"
        raise auth.DefaultCredentialsError(message) from error  # type: ignore[no-untyped-call]


def diagnose(error: BaseException) -> Diagnosis | None:
    """The diagnosis of an error; None if it is specific to a service."""
    error = unwrapped(error)
    cause = f"{_text(error).rstrip('.')}."
    if fix := next((fix for words, fix in _FIXES if re.search(words, cause)), None):
        return Diagnosis(cause, fix)
    if isinstance(error, auth.TransportError):
        return Diagnosis(f"Google's sign-in could not be reached: {cause}", None)
    if isinstance(error, auth.RefreshError | auth.OAuthError):
        return Diagnosis(f"Google refuses the credentials: {cause}", None if error.retryable else _SIGN_IN_AGAIN)
    if isinstance(error, auth.GoogleAuthError):
        return Diagnosis(f"There are no usable credentials for Google: {cause}", _key_fix())
    return None


def unwrapped(error: BaseException) -> BaseException:
    """The error that caused Google's client to give up: its `RetryError` does not contain the reason."""
    while isinstance(error, RetryError) and error.cause is not None:
        error = error.cause
    return error


def _text(error: BaseException) -> str:
    # Errors of google.auth have a tuple of a text and its cause, or of a text and the response.
    text = getattr(error, "message", None) or (str(error.args[0]) if error.args else str(error))
    if isinstance(error, auth.DefaultCredentialsError) and error.__cause__:
        text = f"{text.rstrip('.')} ({error.__cause__})"
    return " ".join(str(text).split())


def _named_key_file() -> str:
    file = google_key_file()
    return f"{KEY_FILE}={file}" if file else "the file of `gcloud auth application-default login`"


def _key_fix() -> str:
    if google_key_file():
        return (
            f"Set {KEY_FILE} to the path of a whole, readable key file (JSON), or unset it to use other"
            " Application Default Credentials, such as the machine's own account (docs/storage.md)."
        )
    return SIGN_IN
