"""A source with OAuth and a stored pair, for the tests of what keeps it alive."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from amocrm_assets.crm.authorisation.oauth import OAuth
from amocrm_assets.crm.authorisation.token_endpoint import TokenResponse
from amocrm_assets.crm.authorisation.token_store import Connected, StoredTokens
from amocrm_assets.sandbox import SandboxOptions
from amocrm_assets.settings import OAuthSettings, SourceSettings

if TYPE_CHECKING:
    from amocrm_assets.crm.authorisation.oauth import Refresher
    from amocrm_assets.crm.authorisation.token_store import TokenStore
    from amocrm_assets.errors import AmoCrmAssetsError

NOW = 1_790_000_000
DAY = 86400
OAUTH = OAuthSettings(
    client_id_env="ACME_ID", client_secret_env="ACME_SECRET", redirect_uri="http://127.0.0.1:8910/callback"
)
ENVIRONMENT = {"ACME_ID": "integration-1", "ACME_SECRET": "MARKED-client-secret"}
# The sandbox that knows this integration.
OPTIONS = SandboxOptions(
    subdomain="acme",
    client_id=ENVIRONMENT["ACME_ID"],
    client_secret=ENVIRONMENT["ACME_SECRET"],
    redirect_uri=OAUTH.redirect_uri,
    requests_per_second=None,
    populations=(),
)
CONNECTED = Connected(account_id=7, account_name="Acme", user_id=12, client_id="integration-1")


def source(url: str = "https://acme.amocrm.ru") -> SourceSettings:
    """The source `acme` at an address."""
    return SourceSettings(subdomain="acme", base_url=url, oauth=OAUTH, start_date="2026-01-01")


def pair(number: int = 1, *, expires_at: int = NOW + DAY, refreshing_since: int | None = None) -> StoredTokens:
    """The pair of that number in a row of refreshes."""
    return StoredTokens(
        access_token=f"MARKED-access-{number}",
        refresh_token=f"MARKED-refresh-{number}",
        obtained_at=NOW - DAY,
        expires_at=expires_at,
        connected=CONNECTED,
        refreshing_since=refreshing_since,
    )


@dataclass
class Rotation:
    """What amoCRM would do with refresh tokens: the newest works once; `errors` are raised before that."""

    newest: int = 1
    used: list[str] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)

    def refresh(self, refresh_token: str) -> TokenResponse:
        """Pair number n + 1 for refresh token n."""
        if self.errors:
            raise self.errors.pop(0)
        assert refresh_token == f"MARKED-refresh-{self.newest}"
        self.used.append(refresh_token)
        self.newest += 1
        return TokenResponse(
            access_token=f"MARKED-access-{self.newest}",
            refresh_token=f"MARKED-refresh-{self.newest}",
            expires_in=DAY,
        )


def opened(store: TokenStore, rotation: Refresher) -> OAuth:
    """The authorisation of `acme` at `NOW`, which does not wait."""
    return OAuth(source(), OAUTH, store=store, endpoint=rotation, now=lambda: NOW, sleep=lambda _: None)


def stored(store: TokenStore) -> StoredTokens:
    """The pair that is there."""
    kept = store.read()
    assert kept is not None
    return kept.tokens


def failed(kind: type[AmoCrmAssetsError]) -> AmoCrmAssetsError:
    """An error of that kind, to be raised."""
    return kind("Asking for tokens", cause="it was told to fail.", fix="Nothing.")
