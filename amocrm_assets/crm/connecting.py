"""Exchanges a code for tokens, and stores them if they belong to the right account.

For obtaining the code see `consent`; for refreshing the tokens later, `oauth`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from amocrm_assets.crm.account import Account, read_account
from amocrm_assets.crm.authorisation import open_client
from amocrm_assets.crm.authorisation.addresses import account_of
from amocrm_assets.crm.authorisation.oauth import next_tokens
from amocrm_assets.crm.authorisation.token_store import Connected
from amocrm_assets.errors import NotAuthorised
from amocrm_assets.settings import secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.crm.authorisation.token_endpoint import TokenEndpoint
    from amocrm_assets.crm.authorisation.token_store import TokenStore
    from amocrm_assets.settings import SourceSettings


def connect(
    endpoint: TokenEndpoint, code: str, *, store: TokenStore, now: Callable[[], float] = time.time
) -> Account:
    """Exchange a code for a pair and store it; returns its account.

    Raises `NotAuthorised` if amoCRM refuses the code or the account is not the source's: then the stored tokens do
    not change.
    """
    source = endpoint.source
    response = endpoint.request_once(code)
    token = FreshToken(source, response.access_token)
    with open_client(source, authorisation=token) as client:
        account = read_account(client)
    require_account(source, account)
    connected = Connected(
        account_id=account.id,
        account_name=account.name,
        user_id=account.current_user_id,
        client_id=secret(endpoint.oauth.client_id_env),
    )
    store.replace(next_tokens(response, connected=connected, now=now()))
    return account


def require_account(source: SourceSettings, account: Account) -> None:
    """Raise `NotAuthorised` unless the account is the one in the settings."""
    expected = account_of(source)
    if account.subdomain.lower() != expected:
        raise NotAuthorised(
            f"Checking the account of {source.subdomain}",
            cause=f"it is of the account {account.subdomain} (id {account.id}), not of {expected}.",
            fix=f"Authorise in the account {expected}, or correct `subdomain` or `base_url` in the defs.yaml of"
            f" {source.subdomain}.",
            source=source.subdomain,
            account_id=account.id,
        )


@dataclass(frozen=True)
class FreshToken:
    """A new access token that is not stored yet."""

    source: SourceSettings
    access_token: str = field(repr=False)

    def token(self) -> str:
        """The token."""
        return self.access_token

    def renew(self, refused: str) -> str:
        """The same token, for a second attempt."""
        return refused

    def expires_at(self) -> int | None:
        """Not known yet."""
        return None
