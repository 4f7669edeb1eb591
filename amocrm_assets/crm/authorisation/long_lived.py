"""A long-lived token: read from the environment whenever it is used, never stored or renewed.

A user creates a new one in amoCRM, so the error messages say where.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amocrm_assets.crm.authorisation.claims import is_foreign, read_claims
from amocrm_assets.errors import NotAuthorised
from amocrm_assets.settings import secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.settings import SourceSettings

# RFC 6750, 2.1: the characters of a bearer token.
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class LongLivedToken:
    """The token in the variable that `access_token_env` names."""

    def __init__(self, source: SourceSettings, *, now: Callable[[], float] = time.time) -> None:
        assert source.access_token_env is not None  # noqa: S101 - the settings have one kind of credentials
        self._source = source
        self._variable = source.access_token_env
        self._now = now

    def __repr__(self) -> str:
        return f"LongLivedToken({self._source.subdomain!r}, variable={self._variable!r})"

    def token(self) -> str:
        """The token. Raises `NotAuthorised` if its claims show that it cannot be used here."""
        token = secret(self._variable)
        if not TOKEN.fullmatch(token):  # otherwise it is refused as a header, with an error that contains it
            raise self._not_authorised(
                "its value holds a quote, a space, a line break or another character that no token has.",
                fix=f"Put the token alone into {self._variable}, without `Bearer`, quotes or line breaks.",
            )
        claims = read_claims(token)
        if claims.expires_at is not None and claims.expires_at <= self._now():
            expired = datetime.fromtimestamp(claims.expires_at, tz=UTC)
            raise self._not_authorised(
                f"it expired on {expired:%Y-%m-%d %H:%M} UTC.",
                fix=f"Make a new one in amoCRM (the integration's page, Keys and scopes) and put it into"
                f" {self._variable} (docs/connecting.md).",
            )
        if is_foreign(claims, self._source.url):
            raise self._not_authorised(
                f"it is a token of {claims.base_domain}, but the account is at {self._source.url}.",
                fix=f"Put a token of that account into {self._variable}, or correct base_url in the source's"
                " defs.yaml.",
            )
        return token

    def renew(self, refused: str) -> str:  # noqa: ARG002
        """The token of now, for a second attempt: the same one unless the variable has changed meanwhile."""
        return self.token()

    def expires_at(self) -> int | None:
        """The expiry time in the token's claims."""
        return read_claims(secret(self._variable)).expires_at

    def connected_as(self) -> str:
        """The account in the token's claims. Raises `NotAuthorised` if the token cannot be used."""
        account_id = read_claims(self.token()).account_id
        return "a long-lived token" if account_id is None else f"a long-lived token (id {account_id})"

    def _not_authorised(self, cause: str, *, fix: str) -> NotAuthorised:
        return NotAuthorised(
            f"Using the long-lived token in {self._variable} for {self._source.subdomain}",
            cause=cause,
            fix=fix,
            source=self._source.subdomain,
        )
