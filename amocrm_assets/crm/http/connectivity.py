"""Whether the account's address can be reached at all, before any token is sent there."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests

from amocrm_assets.crm.http.asked import NOBODY, Asked
from amocrm_assets.crm.http.connection_errors import connection_error, proxy_error
from amocrm_assets.crm.http.exchange import DeadlineExceeded
from amocrm_assets.crm.http.redaction import redact_error
from amocrm_assets.crm.http.transport import request_once, resolve_once
from amocrm_assets.errors import AmoCrmUnavailable, SettingsError
from amocrm_assets.settings import is_cleartext

TIMEOUT_SECONDS = 10


def resolve_host(url: str, *, asked: Asked = NOBODY) -> str:
    """What the host's name resolves to. Raises `SettingsError`, and `AmoCrmUnavailable` without any answer."""
    address = urlsplit(url)
    try:
        found = resolve_once(address.hostname or "", address.port or 443)
    except DeadlineExceeded as error:
        raise AmoCrmUnavailable(
            f"Resolving {address.hostname}",
            cause="the name servers of this machine did not answer in time.",
            fix="Run again; if it stays so, fix this machine's DNS.",
            source=asked.subdomain,
        ) from error
    except OSError as error:
        raise SettingsError(
            f"Resolving {address.hostname}",
            cause=f"there is no such name ({error.strerror or error}).",
            fix=f"Correct `subdomain` or `base_url` in {asked.file}, or fix this machine's DNS.",
            source=asked.subdomain,
        ) from error
    return str(found[0][4][0])


def probe_connection(url: str, *, asked: Asked = NOBODY) -> str:
    """What connecting gives, TLS included; no token is sent.

    Raises what `connection_error` makes of a failure, and `SettingsError` for a proxy that answers instead (407).
    """
    try:
        answer = request_once("HEAD", url, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except (requests.RequestException, OSError) as error:
        redact_error(error)
        raise connection_error(error, url, asked=asked) from error
    if answer.status_code == requests.codes.proxy_authentication_required:
        raise proxy_error(f"Connecting to {url}", url, status=answer.status_code)
    return f"answers {answer.status_code}"


def require_private(url: str, *, asked: Asked = NOBODY) -> str:
    """The address, unless a token sent there could be read on the way. Raises `SettingsError`."""
    if is_cleartext(url):
        raise SettingsError(
            f"Connecting to {url}",
            cause="without TLS everybody on the way can read the token.",
            fix=f"Write https:// in `base_url` in {asked.file}; http:// is for 127.0.0.1, [::1] and"
            " localhost only.",
            source=asked.subdomain,
        )
    return url
