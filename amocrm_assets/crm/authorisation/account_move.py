"""Whether an account was renamed: amoCRM returns its current address for a valid refresh token.

The request does not use up the token, so it is sent when a refresh was refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import requests

from amocrm_assets.crm.authorisation.addresses import account_of, host_of, platform_of
from amocrm_assets.crm.authorisation.claims import read_claims
from amocrm_assets.crm.http.redaction import redact, redact_error, remember
from amocrm_assets.crm.http.transport import request_once

if TYPE_CHECKING:
    from amocrm_assets.crm.authorisation.token_store import StoredTokens
    from amocrm_assets.errors import NotAuthorised
    from amocrm_assets.settings import SourceSettings

TIMEOUT_SECONDS = (5, 10)
HOST = re.compile(r"[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,5}(:\d{1,5})?")


class _Address(msgspec.Struct):
    subdomain: str
    domain: str


def renamed_to(source: SourceSettings, tokens: StoredTokens, *, refused: NotAuthorised) -> str | None:
    """The account's current address if it differs from the settings; None otherwise.

    `GET https://{api_domain}/oauth2/account/current/subdomain`, as amoCRM's own PHP client does after a refused
    refresh. Raises `refused`, the original error, if amoCRM does not respond.
    """
    scheme, host = urlsplit(source.url)[:2]
    api_domain = read_claims(tokens.access_token).api_domain
    # A refresh token is sent only to amoCRM itself, or to the server that issued it.
    if api_domain is None or (platform_of(host_of(f"https://{api_domain}")) is None and api_domain != host):
        return None
    remember(tokens.refresh_token)
    try:
        response = request_once(
            "GET",
            f"{scheme}://{api_domain}/oauth2/account/current/subdomain",
            headers={"X-Refresh-Token": tokens.refresh_token},
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
        )
        if response.status_code != requests.codes.ok:
            return None
        address = msgspec.json.decode(response.content, type=_Address)
    except (requests.RequestException, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        redact_error(error)
        raise refused from error
    if not HOST.fullmatch(address.domain):  # it is shown to users, as an address to set
        return None
    return None if address.subdomain.lower() == account_of(source) else f"https://{redact(address.domain)}"
