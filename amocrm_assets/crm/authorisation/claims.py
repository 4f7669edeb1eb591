"""The claims of an access token: a JWT that is decoded without verification.

amoCRM verifies its own tokens; here the claims are only shown, as the token's account and lifetime. A token that
is not a JWT is not an error, since other servers with this API may issue opaque ones.
"""

from __future__ import annotations

import base64

import msgspec

from amocrm_assets.crm.authorisation.addresses import host_of, platform_of

# The last second of the year 9999, after which Python has no dates; ids are INTEGER in the tables.
MAX_UNIX_SECONDS = 253_402_300_799
MAX_ID = 2**63 - 1


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """The claims that this project uses; all are optional."""

    account_id: int | None = None
    user_id: str | None = None
    expires_at: int | None = None
    base_domain: str | None = None
    api_domain: str | None = None


def read_claims(token: str) -> Claims:
    """Claims of a token, empty if it is not a JWT."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, payload, signature
        return Claims()
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(parts[1] + "=="), type=dict[str, msgspec.Raw])
    except (ValueError, RecursionError, msgspec.DecodeError):
        return Claims()
    return Claims(
        account_id=_integer(found.get("account_id"), MAX_ID),
        user_id=_text(found.get("sub")),
        expires_at=_integer(found.get("exp"), MAX_UNIX_SECONDS),
        base_domain=_text(found.get("base_domain")),
        api_domain=_text(found.get("api_domain")),
    )


def _integer(claim: msgspec.Raw | None, most: int) -> int | None:
    """A claim that is an integer, also as a float or in quotes; None if it is not between 0 and `most`."""
    value = _decoded(claim)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not 0 <= number <= most:  # NaN is in no range either
        return None
    return value if isinstance(value, int) else int(number)


def _text(claim: msgspec.Raw | None) -> str | None:
    value = _decoded(claim)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None


def _decoded(claim: msgspec.Raw | None) -> object:
    """Parse one claim: an invalid one does not affect the others."""
    try:
        return None if claim is None else msgspec.json.decode(claim)
    except (ValueError, RecursionError, msgspec.DecodeError):
        return None


def is_foreign(claims: Claims, url: str) -> bool:
    """Whether the token belongs to another platform than the address, such as kommo.com and not amocrm.ru."""
    token_platform, url_platform = platform_of(claims.base_domain or ""), platform_of(host_of(url))
    return None not in {token_platform, url_platform} and token_platform != url_platform
