"""What an access token says about itself: a JWT read without verifying.

amoCRM verifies its own tokens; here they only tell people whose token it is and how long it lives. A token
that is no JWT is no error, since other servers with this API may hand out opaque ones.
"""

from __future__ import annotations

import base64

import msgspec

from amocrm_assets.crm.authorisation.addresses import host_of, zone_of


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """The claims this project uses; all may be missing."""

    account_id: int | None = None
    user_id: str | None = msgspec.field(name="sub", default=None)
    expires_at: int | None = msgspec.field(name="exp", default=None)
    base_domain: str | None = None
    api_domain: str | None = None


def read_claims(token: str) -> Claims:
    """Claims of a token, empty ones if it is not a JWT."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, payload, signature
        return Claims()
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(parts[1] + "=="), type=Claims, strict=False)
    except (ValueError, msgspec.DecodeError):
        return Claims()


def is_foreign(claims: Claims, url: str) -> bool:
    """Whether the token is plainly of another zone than the address, say of kommo.com and not amocrm.ru."""
    token_zone, url_zone = zone_of(claims.base_domain or ""), zone_of(host_of(url))
    return token_zone is not None and url_zone is not None and token_zone != url_zone
