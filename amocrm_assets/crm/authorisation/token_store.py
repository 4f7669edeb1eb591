"""The storage of OAuth tokens: one small private file per source, replaced atomically.

A file is durable before its tokens are used. For when to refresh see `oauth`.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import msgspec

from amocrm_assets.errors import Busy, NotAuthorised
from amocrm_assets.storage import open_storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.settings import Deployment, SourceSettings
    from amocrm_assets.storage import Storage

FORMAT = 1
# Longer than a refresh with all its retries, so that waiting for another process succeeds.
LOCK_WAIT_SECONDS = 120


class Connected(msgspec.Struct, frozen=True, kw_only=True):
    """The account and user that `connect` authorised."""

    account_id: int
    account_name: str
    user_id: int | None
    client_id: str


class _Format(msgspec.Struct, frozen=True):
    """The property that files of all formats have."""

    format: int


class StoredTokens(msgspec.Struct, frozen=True, kw_only=True):
    """A pair of tokens and its metadata.

    `refreshing_since` is set before the refresh token is sent and removed when the response is stored: a process
    that finds it knows that another one was interrupted.
    """

    format: int = FORMAT
    access_token: str
    refresh_token: str
    obtained_at: int
    expires_at: int
    connected: Connected
    refreshing_since: int | None = None

    def __repr__(self) -> str:
        return f"StoredTokens(account_id={self.connected.account_id}, expires_at={self.expires_at})"


@dataclass(frozen=True)
class VersionedTokens:
    """A pair as it is in the store, with the version that guards its replacement."""

    tokens: StoredTokens
    version: str


class TokenStore:
    """The stored pair of one source."""

    def __init__(self, source: SourceSettings, storage: Storage) -> None:
        self._source = source
        self._storage = storage
        # A separate folder, so that files of killed writers can be removed under this source's lock.
        self._folder = source.subdomain
        self._name = f"{source.subdomain}/tokens.json"

    @classmethod
    def of(cls, source: SourceSettings, deployment: Deployment) -> Self:
        """The store in the deployment's settings."""
        return cls(source, open_storage(deployment.tokens))

    @property
    def place(self) -> str:
        """Where the pair is stored, for messages."""
        return self._storage.uri(self._name)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """The lock for changing the pair, across threads, processes and machines."""
        with self._storage.lock(f"{self._folder}/refresh", wait_seconds=LOCK_WAIT_SECONDS):
            self._storage.remove_stale(self._folder)
            yield

    def read(self) -> VersionedTokens | None:
        """The pair, None if the source is not connected. Raises `NotAuthorised` for a damaged file."""
        current = self._storage.read(self._name)
        if current is None:
            return None
        try:
            # The version first: a later format may differ in everything else.
            version = msgspec.json.decode(current.content, type=_Format).format
            if version != FORMAT:
                raise self._unreadable(
                    f"this version does not support its format {version}.",
                    fix="Upgrade amocrm-assets to the version that wrote it, or run"
                    f" `amocrm-assets connect {self._source.subdomain}`.",
                )
            tokens = msgspec.json.decode(current.content, type=StoredTokens)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._unreadable("it is damaged.") from error
        return VersionedTokens(tokens, current.version)

    def write(self, tokens: StoredTokens, *, if_version: str | None) -> VersionedTokens | None:
        """Replace that version (None: no file) by a pair; None if another process was faster."""
        version = self._storage.write(self._name, msgspec.json.encode(tokens), if_version=if_version)
        return None if version is None else VersionedTokens(tokens, version)

    def replace(self, tokens: StoredTokens) -> None:
        """Store a pair, replacing any existing one, even a damaged file. Takes the lock."""
        with self.lock():
            current = self._storage.read(self._name)
            if self.write(tokens, if_version=None if current is None else current.version) is None:
                raise Busy(
                    f"Keeping the tokens of {self._source.subdomain} in {self.place}",
                    cause="another process has just changed them.",
                    fix="Run again.",
                    source=self._source.subdomain,
                )

    def forget(self) -> bool:
        """Delete the pair; False if there was none. Takes the lock."""
        with self.lock():
            existed = self._storage.read(self._name) is not None
            self._storage.delete(self._name)
        return existed

    def _unreadable(self, cause: str, *, fix: str | None = None) -> NotAuthorised:
        return NotAuthorised(
            f"Reading the tokens of {self._source.subdomain} from {self.place}",
            cause=cause,
            fix=fix or f"Run `amocrm-assets connect {self._source.subdomain}`.",
            source=self._source.subdomain,
        )
