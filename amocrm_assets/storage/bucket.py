"""Requests to one bucket: uploads with a precondition, and the translation of Google's errors.

Each request has a deadline and bounded retries, and an upload whose response was lost is recognised as done. For
the use of the objects see `gcs` and `lease`.
"""

from __future__ import annotations

import re
import time
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from google.api_core import exceptions as answers
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
from google.cloud.storage.retry import DEFAULT_RETRY

from amocrm_assets.errors import StorageRefused, StorageUnavailable
from amocrm_assets.google_errors import SIGN_IN, diagnose, loading_credentials, unwrapped
from amocrm_assets.storage.disk import FIXES
from amocrm_assets.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

# Seconds to connect, and to wait for the next bytes.
_TIMEOUTS = (10, 60)
_MARK = "amocrm-assets-upload"
# Refusals because of rules on the bucket, and their fixes; the first match counts.
# https://cloud.google.com/storage/docs/bucket-lock, /storage/docs/object-holds, /storage/docs/object-lock
_RULES = (
    (
        r"retention (policy|period|configuration)|retentionPolicyNotMet|object retention",
        (
            "Remove the retention policy or retention configuration from {bucket}: locks, tokens and rows are"
            " replaced there. Use soft delete or versioning instead (docs/storage.md, A bucket)."
        ),
    ),
    (
        r"[Hh]old\b.*(cannot|can't)|underActiveEventBasedHold|(active|event-based|temporary) hold",
        (
            "Release the hold, and turn off the default event-based hold of {bucket}: locks, tokens and rows are"
            " replaced there. Use soft delete or versioning instead (docs/storage.md, A bucket)."
        ),
    ),
    (
        r"[Rr]equester [Pp]ays|user project",
        "Switch requester pays off on {bucket}, or use another bucket.",
    ),
)


class Bucket:
    """A bucket of Cloud Storage, reached with Application Default Credentials.

    A generation is the version of an object: "0" means that it does not exist.
    """

    def __init__(self, name: str, *, give_up_seconds: float) -> None:
        self.name = name
        self._give_up_seconds = give_up_seconds
        retry = DEFAULT_RETRY.with_delay(initial=0.25, maximum=30).with_timeout(give_up_seconds)
        self._limits: dict[str, Any] = {"timeout": _TIMEOUTS, "retry": retry}

    def uri(self, key: str) -> str:
        """The object's address."""
        return f"gs://{self.name}/{key}"

    def keys(self, prefix: str) -> list[str]:
        """Keys of all objects that begin with `prefix`."""
        with self._errors("Listing", prefix, needs="storage.objects.list"):
            fields = "items(name),nextPageToken"
            found = self._client.list_blobs(self.name, prefix=prefix, fields=fields, **self._limits)
            return [blob.name for blob in found]

    def stat(self, key: str) -> storage.Blob | None:
        """The metadata of an object, or None."""
        with self._errors("Looking at", key, needs="storage.objects.get"):
            return self._bucket.get_blob(key, **self._limits)

    def download(self, key: str, file: Path) -> None:
        """Write an object's content into a file and verify its checksum. Raises `FileNotFoundError`."""
        with self._errors("Downloading", key, needs="storage.objects.get"):
            try:
                self._bucket.blob(key).download_to_filename(str(file), **self._limits)
            except answers.NotFound as error:
                raise FileNotFoundError(key) from error

    def read(self, key: str, *, generation: str) -> bytes | None:
        """The content of an object at a generation; None if it was replaced or deleted since."""
        with self._errors("Reading", key, needs="storage.objects.get"), suppress(answers.NotFound):
            content: bytes = self._bucket.blob(key, generation=int(generation)).download_as_bytes(**self._limits)
            return content
        return None

    def upload(
        self, key: str, content: Path | bytes, *, if_generation: str | None, metadata: dict[str, str] | None = None
    ) -> storage.Blob | None:
        """Write an object atomically if it has that generation; None if it has another one.

        With `if_generation` None it is always overwritten. If the response to an upload is lost, the retry finds
        its own object; a marker in the metadata identifies it.
        """
        mark = uuid4().hex
        condition = None if if_generation is None else int(if_generation)
        with (
            self._errors("Writing", key, needs="storage.objects.create and storage.objects.delete"),
            _unless_replaced(),
        ):
            blob = self._bucket.blob(key)  # which needs credentials
            blob.metadata = {_MARK: mark, **(metadata or {})}
            self._send(blob, content, if_generation_match=condition)
            return blob
        there = self.stat(key)
        return there if there and (there.metadata or {}).get(_MARK) == mark else None

    def delete(self, key: str, *, if_generation: str | None = None) -> bool:
        """Delete an object if it has that generation; False if it has another one."""
        condition = None if if_generation is None else int(if_generation)
        with self._errors("Deleting", key, needs="storage.objects.delete"), _unless_replaced():
            with suppress(answers.NotFound):
                self._bucket.blob(key).delete(if_generation_match=condition, **self._limits)
            return True
        return False

    def _send(self, blob: storage.Blob, content: Path | bytes, *, if_generation_match: int | None) -> None:
        # An explicit content type prevents guessing: no client must decompress a .gz in transit.
        how = {
            "content_type": "application/octet-stream",
            "if_generation_match": if_generation_match,
            **self._limits,
        }
        if isinstance(content, Path):
            blob.upload_from_filename(str(content), **how)
        else:
            blob.upload_from_string(content, **how)

    @cached_property
    def _client(self) -> storage.Client:
        with loading_credentials():
            # Objects need no project, and user credentials often have none.
            return storage.Client(project=None)

    @property
    def _bucket(self) -> storage.Bucket:
        return self._client.bucket(self.name)

    @contextmanager
    def _errors(self, doing: str, key: str, *, needs: str) -> Iterator[None]:
        """Translate errors of Google's client in the body into `StorageRefused` or `StorageUnavailable`.

        A long wait is reported.
        """
        operation = f"{doing} {self.uri(key)}"
        try:
            with waiting(f"Cloud Storage ({operation})", until=time.time() + self._give_up_seconds + _TIMEOUTS[1]):
                yield
        except (answers.GoogleAPIError, GoogleAuthError, InvalidResponse, DataCorruption, OSError) as error:
            if isinstance(error, FileNotFoundError):
                raise
            cause, fix = self._diagnose(unwrapped(error), needs)
            if fix:
                raise StorageRefused(operation, cause=cause, fix=fix, bucket=self.name) from error
            fix = "Run again; if it still fails, check the network and Google's status page."
            raise StorageUnavailable(operation, cause=cause, fix=fix, bucket=self.name) from error

    def _diagnose(self, error: BaseException, needs: str) -> tuple[str, str | None]:
        """Google's message, and its fix; None if waiting may help."""
        if known := diagnose(error):
            return known.cause, known.fix
        cause = f"{str(getattr(error, 'message', None) or error).rstrip('.')}."
        return cause, self._fix_for(error, cause, needs)

    def _fix_for(self, error: BaseException, cause: str, needs: str) -> str | None:
        if isinstance(error, answers.TooManyRequests):
            return None
        if isinstance(error, answers.ClientError):
            if fix := next((fix for words, fix in _RULES if re.search(words, cause)), None):
                return fix.format(bucket=self.name)
            return self._fix_for_client_error(error, needs)
        return FIXES.get(error.errno or 0) if isinstance(error, OSError) else None

    def _fix_for_client_error(self, error: answers.ClientError, needs: str) -> str:
        if isinstance(error, answers.Unauthorized):
            return SIGN_IN
        if isinstance(error, answers.NotFound):
            return f"Create the bucket {self.name}, or correct AMOCRM_STORAGE or AMOCRM_TOKENS."
        if isinstance(error, answers.Forbidden):
            return f"Give the account that runs this {needs} on the bucket, as the role Storage Object User does."
        return "Correct AMOCRM_STORAGE or AMOCRM_TOKENS."


@contextmanager
def _unless_replaced() -> Iterator[None]:
    """Ignore that the object has another generation than expected."""
    try:
        yield
    except answers.PreconditionFailed as error:
        if diagnose(error):  # violations of organisation policies also return 412
            raise
