"""Checks that the account's address is reachable before any token is sent to it."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests

from amocrm_assets.crm.http.connection_errors import connection_error, proxy_error
from amocrm_assets.crm.http.error_context import NO_CONTEXT, ErrorContext
from amocrm_assets.crm.http.exchange import DeadlineExceeded
from amocrm_assets.crm.http.redaction import redact_error
from amocrm_assets.crm.http.transport import request_once, resolve_once
from amocrm_assets.errors import AmoCrmUnavailable, SettingsError
from amocrm_assets.settings import is_cleartext

TIMEOUT_SECONDS = 10


def resolve_host(url: str, *, context: ErrorContext = NO_CONTEXT) -> str:
    """The addresses of the host. Raises `SettingsError`, and `AmoCrmUnavailable` if no name server responds."""
    address = urlsplit(url)
    try:
        found = resolve_once(address.hostname or "", address.port or 443)
    except DeadlineExceeded as error:
        raise AmoCrmUnavailable(
            f"Resolving {address.hostname}",
            cause="the name servers of this machine did not answer in time.",
            fix="Run again; if it still fails, fix this machine's DNS.",
            source=context.subdomain,
        ) from error
    except OSError as error:
        raise SettingsError(
            f"Resolving {address.hostname}",
            cause=f"there is no such name ({error.strerror or error}).",
            fix=f"Correct `subdomain` or `base_url` in {context.file}, or fix this machine's DNS.",
            source=context.subdomain,
        ) from error
    return str(found[0][4][0])


def probe_connection(url: str, *, context: ErrorContext = NO_CONTEXT) -> str:
    """Connect, including TLS, without sending a token.

    Raises the error of `connection_error`, and `SettingsError` if a proxy responds instead (407).
    """
    try:
        response = request_once("HEAD", url, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except (requests.RequestException, OSError) as error:
        redact_error(error)
        raise connection_error(error, url, context=context) from error
    if response.status_code == requests.codes.proxy_authentication_required:
        raise proxy_error(f"Connecting to {url}", url, status=response.status_code)
    return f"answers {response.status_code}"


def require_private(url: str, *, context: ErrorContext = NO_CONTEXT) -> str:
    """Require an address at which tokens are encrypted in transit. Raises `SettingsError`."""
    if is_cleartext(url):
        raise SettingsError(
            f"Connecting to {url}",
            cause="without TLS the token can be read on the network.",
            fix=f"Write https:// in `base_url` in {context.file}; http:// is allowed for 127.0.0.1, [::1] and"
            " localhost only.",
            source=context.subdomain,
        )
    return url
