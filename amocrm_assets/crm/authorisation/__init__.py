"""Authorisation of requests: the token to send, and a newer one when it is refused.

`long_lived` reads a token from the environment, `oauth` refreshes a pair of tokens. The protocol for the client is
in `http.authorisation`; for obtaining the first tokens see `consent` and `connecting`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amocrm_assets.crm.authorisation.long_lived import LongLivedToken
    from amocrm_assets.crm.authorisation.oauth import OAuth
    from amocrm_assets.crm.http.authorisation import Authorisation
    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.settings import Deployment, SourceSettings

WARNING_SECONDS = 14 * 24 * 3600


def open_authorisation(source: SourceSettings, deployment: Deployment) -> LongLivedToken | OAuth:
    """The authorisation that the source's settings describe. Nothing is read yet."""
    if source.oauth is None:
        from amocrm_assets.crm.authorisation.long_lived import LongLivedToken

        return LongLivedToken(source)

    from amocrm_assets.crm.authorisation.oauth import OAuth
    from amocrm_assets.crm.authorisation.token_endpoint import TokenEndpoint
    from amocrm_assets.crm.authorisation.token_store import TokenStore

    store = TokenStore.of(source, deployment)
    return OAuth(source, source.oauth, store=store, endpoint=TokenEndpoint(source, source.oauth))


def open_client(
    source: SourceSettings,
    deployment: Deployment | None = None,
    *,
    authorisation: Authorisation | None = None,
    max_requests: int | None = None,
) -> AmoCrmClient:
    """A client for the source's account; close it after use.

    It is authorised by the source's settings with the tokens of the deployment, which is the environment's by
    default, or by an `authorisation` that is open already.
    """
    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.settings import Deployment

    if authorisation is None:
        authorisation = open_authorisation(source, deployment or Deployment.from_environment())
    return AmoCrmClient.for_source(source, authorisation, max_requests=max_requests)


def expiry_warning(expires_at: int | None, *, now: float) -> str | None:
    """The warning to show from 14 days before an authorisation expires; None before that."""
    if expires_at is None or expires_at - now > WARNING_SECONDS:
        return None
    days = int((expires_at - now) // 86400)
    if days < 0:
        return "The authorisation has expired."
    return f"The authorisation ends in {days} days." if days else "The authorisation ends within a day."
