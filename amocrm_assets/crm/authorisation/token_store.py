"""Where the tokens of OAuth sources are kept: one small private file per source, replaced whole.

A file that was written is durable before anybody uses its tokens. For when to refresh see `oauth`.
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
# Longer than a refresh with all its retries, so that waiting for another process ends well.
LOCK_WAIT_SECONDS = 120


class Connected(msgspec.Struct, frozen=True, kw_only=True):
    """Who gave the authorisation, as `connect` saw it."""

    account_id: int
    account_name: str
    user_id: int | None
    client_id: str


class _Format(msgspec.Struct, frozen=True):
    """What a file of any format begins with."""

    format: int


class StoredTokens(msgspec.Struct, frozen=True, kw_only=True):
    """A pair of tokens and what is known about it.

    `refreshing_since` is set before the refresh token is sent and gone when its answer has been stored: a
    process that finds it there knows that another was interrupted.
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

    pair: StoredTokens
    version: str


class TokenStore:
    """The stored pair of one source."""

    def __init__(self, source: SourceSettings, storage: Storage) -> None:
        self._source = source
        self._storage = storage
        # A folder of its own, so that what killed writers left there can be swept under this source's lock.
        self._folder = source.subdomain
        self._name = f"{source.subdomain}/tokens.json"

    @classmethod
    def of(cls, source: SourceSettings, deployment: Deployment) -> Self:
        """The store that the deployment names."""
        return cls(source, open_storage(deployment.tokens))

    @property
    def place(self) -> str:
        """Where the pair is, for people."""
        return self._storage.uri(self._name)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Held by whoever changes the pair: one at a time among threads, processes and machines."""
        with self._storage.lock(f"{self._folder}/refresh", wait_seconds=LOCK_WAIT_SECONDS):
            self._storage.remove_stale(self._folder)
            yield

    def read(self) -> VersionedTokens | None:
        """The pair, None when the source is not connected. Raises `NotAuthorised` for a damaged file."""
        found = self._storage.read(self._name)
        if found is None:
            return None
        try:
            # The format first: what else a later one holds is not known here.
            version = msgspec.json.decode(found.content, type=_Format).format
            if version != FORMAT:
                raise self._unreadable(
                    f"its format {version} is not one that this version knows.",
                    fix="Upgrade amocrm-assets to the version that wrote it, or run"
                    f" `amocrm-assets connect {self._source.subdomain}`.",
                )
            pair = msgspec.json.decode(found.content, type=StoredTokens)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._unreadable("it is damaged.") from error
        return VersionedTokens(pair, found.version)

    def write(self, pair: StoredTokens, *, if_version: str | None) -> VersionedTokens | None:
        """Keep a pair in place of that version (None: of none); None when somebody else was quicker."""
        version = self._storage.write(self._name, msgspec.json.encode(pair), if_version=if_version)
        return None if version is None else VersionedTokens(pair, version)

    def replace(self, pair: StoredTokens) -> None:
        """Keep a pair in place of whatever is there, a damaged file included. Takes the lock."""
        with self.lock():
            found = self._storage.read(self._name)
            if self.write(pair, if_version=None if found is None else found.version) is None:
                raise Busy(
                    f"Keeping the tokens of {self._source.subdomain} in {self.place}",
                    cause="somebody else has just changed them.",
                    fix="Run again.",
                    source=self._source.subdomain,
                )

    def forget(self) -> bool:
        """Delete the pair; False when there was none. Takes the lock."""
        with self.lock():
            found = self._storage.read(self._name) is not None
            self._storage.delete(self._name)
        return found

    def _unreadable(self, cause: str, *, fix: str | None = None) -> NotAuthorised:
        return NotAuthorised(
            f"Reading the tokens of {self._source.subdomain} from {self.place}",
            cause=cause,
            fix=fix or f"Run `amocrm-assets connect {self._source.subdomain}`.",
            source=self._source.subdomain,
        )
