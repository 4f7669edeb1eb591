"""OAuth tokens: the pair is refreshed before it expires or when it is refused, by one process at a time.

A refresh token can be used once. So the refreshing process holds the store's lock, checks whether another process
has already refreshed, writes a marker that it starts, and stores the new pair before it is used. The first pair
comes from `consent`. For storage see `token_store`, for the requests `token_endpoint`.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

import tenacity
from msgspec.structs import replace

from amocrm_assets import cancellation
from amocrm_assets.crm.authorisation.account_move import renamed_to
from amocrm_assets.crm.authorisation.token_endpoint import ResponseLost
from amocrm_assets.crm.authorisation.token_store import StoredTokens
from amocrm_assets.errors import (
    ActionRequired,
    AmoCrmAssetsError,
    Busy,
    NotAuthorised,
    StorageRefused,
    StorageUnavailable,
)
from amocrm_assets.settings import secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.crm.authorisation.token_endpoint import TokenResponse
    from amocrm_assets.crm.authorisation.token_store import Connected, TokenStore, VersionedTokens
    from amocrm_assets.settings import OAuthSettings, SourceSettings

T = TypeVar("T")

# amoCRM documents three months; the shortest three months have 89 days.
REFRESH_TOKEN_SECONDS = 89 * 24 * 3600
# A token that expires within this time is refreshed before it is sent.
MARGIN_SECONDS = 60
STORE_TRIES = 6


class Refresher(Protocol):
    """The token endpoint, which exchanges a refresh token."""

    def refresh(self, refresh_token: str) -> TokenResponse:
        """The next pair."""
        ...


@dataclass(eq=False)
class OAuth:
    """The stored authorisation of one source."""

    source: SourceSettings
    settings: OAuthSettings
    store: TokenStore
    endpoint: Refresher
    now: Callable[[], float] = field(default=time.time, repr=False)
    sleep: Callable[[float], None] = field(default=cancellation.sleep, repr=False)
    _tokens: StoredTokens | None = field(default=None, init=False, repr=False)
    # Refresh tokens that must not be sent again, with the error of each.
    _spent: dict[str, AmoCrmAssetsError] = field(default_factory=dict, init=False, repr=False)
    _refreshing: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def token(self) -> str:
        """The access token, refreshed if it is about to expire."""
        with self._refreshing:
            if self._tokens is None:
                self._tokens = self._read_stored().tokens
            if self._is_ending(self._tokens):
                self._tokens = self._newer_than(self._tokens.access_token)
            return self._tokens.access_token

    def renew(self, refused: str) -> str:
        """A newer access token than the refused one, from another process if it has already refreshed."""
        with self._refreshing:
            if self._tokens is None or self._tokens.access_token == refused:
                self._tokens = self._newer_than(refused)
            return self._tokens.access_token

    def expires_at(self) -> int | None:
        """When the stored refresh token expires if it is not used; None if the source is not connected."""
        stored = self.store.read()
        return None if stored is None else stored.tokens.obtained_at + REFRESH_TOKEN_SECONDS

    def connected_as(self) -> str:
        """The connected account. Raises `NotAuthorised` if there is none."""
        connected = self._read_stored().tokens.connected
        return f"{connected.account_name} (id {connected.account_id})"

    def _is_ending(self, tokens: StoredTokens) -> bool:
        lifetime = tokens.expires_at - tokens.obtained_at
        return tokens.expires_at - self.now() < min(MARGIN_SECONDS, lifetime / 10)

    def _newer_than(self, refused: str) -> StoredTokens:
        with self.store.lock():
            stored = self._read_stored()
            if stored.tokens.access_token != refused and not self._is_ending(stored.tokens):
                return stored.tokens
            # Threads that waited meanwhile would otherwise send the same token again.
            if error := self._spent.get(stored.tokens.refresh_token):
                raise error
            return self._refresh(stored)

    def _refresh(self, stored: VersionedTokens) -> StoredTokens:
        """Use the refresh token of `stored`; the caller holds the lock."""
        # Only the first to write this may send the token, even if the lock fails (a machine that sleeps with its
        # lease). It also shows that the store is writable before the only token is used.
        begun = self.store.write(
            replace(stored.tokens, refreshing_since=int(self.now())), if_version=stored.version
        )
        if begun is None:
            raise Busy(
                f"Refreshing the tokens of {self.source.subdomain}",
                cause="another process has just changed them.",
                fix="Run again.",
                source=self.source.subdomain,
            )
        try:
            response = self.endpoint.refresh(stored.tokens.refresh_token)
        except ResponseLost as error:
            self._spent[stored.tokens.refresh_token] = error
            raise  # the marker that a refresh started stays: it explains a later refusal
        except AmoCrmAssetsError as error:
            return self._not_refreshed(stored, begun, error)
        tokens = next_tokens(response, connected=stored.tokens.connected, now=self.now())
        try:
            return self._stored(tokens, begun)
        except AmoCrmAssetsError as error:
            self._spent[stored.tokens.refresh_token] = error
            raise

    def _not_refreshed(
        self, stored: VersionedTokens, begun: VersionedTokens, error: AmoCrmAssetsError
    ) -> StoredTokens:
        """amoCRM refused the refresh token: return another process's newer pair, or raise the reason."""
        newer = self.store.read()
        if newer is not None and newer.tokens.refresh_token != stored.tokens.refresh_token:
            return newer.tokens
        self.store.write(stored.tokens, if_version=begun.version)
        reason = self._reason(error, stored.tokens) if isinstance(error, NotAuthorised) else None
        if isinstance(error, ActionRequired):
            self._spent[stored.tokens.refresh_token] = reason or error
        if reason:
            raise reason from error
        raise error

    def _stored(self, tokens: StoredTokens, begun: VersionedTokens) -> StoredTokens:
        """The new pair after it is stored durably; another one if the source was connected again meanwhile."""
        current = begun
        try:
            # After an expired lease, a second process may have written its own marker with the used token.
            while current.tokens.refresh_token == begun.tokens.refresh_token:
                if self._insistently(partial(self.store.write, tokens, if_version=current.version)):
                    return tokens
                current = self._insistently(self._read_stored)
        except (StorageUnavailable, StorageRefused) as error:
            raise self._not_authorised(
                f"amoCRM made new ones, but they could not be stored in {self.store.place}.",
                fix=f"Make that place work again, then run {self._connect}.",
            ) from error
        return current.tokens

    def _insistently(self, access: Callable[[], T]) -> T:
        """The result of an access to the store. The new pair exists nowhere else, so a failed one is retried.

        A cancellation ends the waits, but not without a last try.
        """
        cancelled = threading.Event()

        def pause(seconds: float) -> None:
            try:
                self.sleep(seconds)
            except cancellation.Cancelled:
                cancelled.set()

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type((StorageUnavailable, StorageRefused)),
            stop=tenacity.stop_any(
                tenacity.stop_after_attempt(STORE_TRIES), tenacity.stop_when_event_set(cancelled)
            ),
            wait=tenacity.wait_exponential(multiplier=1),
            sleep=pause,
            reraise=True,
        )
        return retrying(access)

    def _read_stored(self) -> VersionedTokens:
        stored = self.store.read()
        if stored is None:
            raise self._not_authorised("the source is not connected.", fix=f"Run {self._connect}.")
        if stored.tokens.connected.client_id != secret(self.settings.client_id_env):
            raise self._not_authorised(
                "they were given to another integration than the settings name.",
                fix=f"Correct {self.settings.client_id_env}, or run {self._connect}.",
            )
        return stored

    def _reason(self, error: NotAuthorised, tokens: StoredTokens) -> NotAuthorised | None:
        """The reason of the refusal, if more is known than the response says."""
        if address := renamed_to(self.source, tokens, refused=error):
            return self._not_authorised(
                f"the account is now at {address}.",
                fix=f"Set `base_url: {address}` in the source's defs.yaml; `subdomain` may stay, it names the"
                " tables and captures.",
            )
        if tokens.refreshing_since is not None:
            began = datetime.fromtimestamp(tokens.refreshing_since, tz=UTC)
            return self._not_authorised(
                f"a refresh that began at {began:%Y-%m-%d %H:%M:%S} UTC was interrupted (a killed process, a lost"
                " answer), and the new tokens were lost with it.",
                fix=f"Run {self._connect}.",
            )
        return None

    @property
    def _connect(self) -> str:
        return f"`amocrm-assets connect {self.source.subdomain}`"

    def _not_authorised(self, cause: str, *, fix: str) -> NotAuthorised:
        return NotAuthorised(
            f"Using the stored tokens of {self.source.subdomain}",
            cause=cause,
            fix=fix,
            source=self.source.subdomain,
        )


def next_tokens(response: TokenResponse, *, connected: Connected, now: float) -> StoredTokens:
    """The tokens to store from a response that was just received."""
    return StoredTokens(
        access_token=response.access_token,
        refresh_token=response.refresh_token,
        obtained_at=int(now),
        expires_at=int(now) + response.expires_in,
        connected=connected,
    )
