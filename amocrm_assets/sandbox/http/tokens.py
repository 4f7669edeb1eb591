"""Issues and checks long-lived tokens, authorisation codes, access and refresh tokens.

Tokens are signed with a key derived from the seed, so they stay valid after a restart; used codes and refresh
tokens are stored in memory only. For HTTP see `oauth`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from amocrm_assets.sandbox.account.clock import Clock

if TYPE_CHECKING:
    from amocrm_assets.sandbox.options import SandboxOptions

_ISSUED_AT = 1735689600  # of long-lived tokens: 2025-01-01, so that a seed always gives the same token
_USER_ID = 8_100_001

Claims = dict[str, Any]


class Refused(Exception):
    """A refusal by the token endpoint; clients read `hint`."""

    def __init__(self, hint: str, *, status: int = 401) -> None:
        super().__init__(hint)
        self.hint = hint
        self.status = status


@dataclass(frozen=True)
class Pair:
    """The result of one exchange."""

    access_token: str
    refresh_token: str
    expires_in: int


class Tokens:
    """Issues tokens, and checks whether they are valid."""

    def __init__(self, options: SandboxOptions, clock: Clock) -> None:
        self.options = options
        self._clock = clock
        self._generation = 0
        self._used: set[str] = set()
        self._asked: dict[str, int] = {}

    def long_lived(self) -> str:
        """The token of "Keys and scopes". The same for one seed, until access is revoked."""
        return self._signed(
            self._claims(_ISSUED_AT, self.options.long_lived_until, "long-lived", "api-b.amocrm.ru")
        )

    def code(self) -> str:
        """An authorisation code, good for one exchange."""
        return self._signed({"kind": "code", **self._once(self.options.code_seconds)})

    def exchange_code(self, code: str, *, host: str) -> Pair:
        """A pair for a code. Raises `Refused`."""
        claims = self._verified(code, "code")
        if claims is None:
            raise Refused("Cannot decrypt the authorization code", status=400)
        if claims["exp"] <= self._clock.now():
            raise Refused("Authorization code has expired", status=400)
        if claims["jti"] in self._used or claims["hash_uuid"] != self._access_right():
            raise Refused("Authorization code has been revoked", status=400)
        self._used.add(claims["jti"])
        return self._pair(host)

    def exchange_refresh_token(self, refresh_token: str, *, host: str) -> Pair:
        """A new pair for a refresh token, which is used up by it. Raises `Refused`."""
        claims = self._verified(refresh_token, "refresh")
        if claims is None:
            raise Refused("Cannot decrypt the Refresh token")
        if claims["exp"] <= self._clock.now():
            raise Refused("Refresh token has expired")
        if claims["jti"] in self._used or claims["hash_uuid"] != self._access_right():
            raise Refused("Token has been revoked")
        self._used.add(claims["jti"])
        return self._pair(host)

    def has_issued(self, refresh_token: str) -> bool:
        """Whether the sandbox issued it, used or not: sufficient for requesting the account's new name."""
        return self._verified(refresh_token, "refresh") is not None

    def accepts(self, access_token: str) -> bool:
        """Whether a request with this token is accepted; the request is counted."""
        claims = self._verified(access_token, None)
        if claims is None or claims.get("account_id") != self.options.account_id:
            return False
        if claims["hash_uuid"] != self._access_right() or claims["exp"] <= self._clock.now():
            return False
        if claims["grant_type"] == "long-lived" or self.options.access_token_requests is None:
            return True
        self._asked[claims["jti"]] = self._asked.get(claims["jti"], 0) + 1
        return self._asked[claims["jti"]] <= self.options.access_token_requests

    def revoke(self) -> None:
        """The account's administrator withdraws access: all tokens and codes so far become invalid."""
        self._generation += 1

    def _pair(self, host: str) -> Pair:
        now = self._clock.seconds()
        claims = self._claims(now, now + self.options.access_token_seconds, secrets.token_hex(16), host)
        refresh = {"kind": "refresh", **self._once(self.options.refresh_token_seconds)}
        return Pair(self._signed(claims), "def502" + self._signed(refresh), self.options.access_token_seconds)

    def _once(self, seconds: int) -> Claims:
        expires_at = self._clock.seconds() + seconds
        return {"jti": secrets.token_hex(16), "exp": expires_at, "hash_uuid": self._access_right()}

    def _claims(self, issued_at: int, expires_at: int, jti: str, host: str) -> Claims:
        return {
            "aud": self.options.client_id,
            "jti": hashlib.sha256(f"{self.options.seed} {jti}".encode()).hexdigest(),
            "iat": issued_at,
            "nbf": issued_at,
            "exp": expires_at,
            "sub": str(_USER_ID),
            "grant_type": "long-lived" if jti == "long-lived" else "",
            "account_id": self.options.account_id,
            "base_domain": "amocrm.ru",
            "version": 2,
            "scopes": ["crm", "files", "files_delete", "notifications", "push_notifications"],
            "hash_uuid": self._access_right(),
            "api_domain": host,
        }

    def _access_right(self) -> str:
        """A claim that a revocation changes."""
        return str(uuid5(NAMESPACE_URL, f"{self.options.seed} {self._generation}"))

    def _signed(self, claims: Claims) -> str:
        # The form of amoCRM's RS256 tokens; only the sandbox checks the signature.
        head = _encoded(json.dumps({"typ": "JWT", "alg": "RS256"}).encode())
        body = _encoded(json.dumps(claims).encode())
        return f"{head}.{body}.{self._signature(f'{head}.{body}')}"

    def _signature(self, text: str) -> str:
        key = f"sandbox {self.options.seed}".encode()
        return _encoded(hmac.digest(key, text.encode(), "sha512"))

    def _verified(self, token: str, kind: str | None) -> Claims | None:
        text, _, signature = token.removeprefix("def502").rpartition(".")
        if not hmac.compare_digest(self._signature(text).encode(), signature.encode()):
            return None
        claims: Claims = json.loads(base64.urlsafe_b64decode(text.partition(".")[2] + "=="))
        return claims if claims.get("kind") == kind else None


def long_lived_token(options: SandboxOptions) -> str:
    """The token that a sandbox with these options accepts, before it runs."""
    return Tokens(options, Clock()).long_lived()


def _encoded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()
