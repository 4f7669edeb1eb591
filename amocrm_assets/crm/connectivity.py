"""Whether the account's address can be reached at all, before any token is sent there."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import requests

from amocrm_assets.crm.transport import request_once
from amocrm_assets.errors import AmoCrmUnavailable, SettingsError

TIMEOUT_SECONDS = 10


def resolve_host(url: str) -> str:
    """What the host's name resolves to. Raises `SettingsError`."""
    address = urlsplit(url)
    try:
        found = socket.getaddrinfo(address.hostname, address.port or 443, type=socket.SOCK_STREAM)
    except OSError as error:
        raise SettingsError(
            f"Resolving {address.hostname}",
            cause=f"there is no such name ({error.strerror or error}).",
            fix="Correct `subdomain` or `base_url` in the source's defs.yaml, or fix this machine's DNS.",
        ) from error
    return str(found[0][4][0])


def probe_connection(url: str) -> str:
    """What connecting gives, TLS included; no token is sent. Raises `AmoCrmUnavailable`, `SettingsError`."""
    try:
        answer = request_once("HEAD", url, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except requests.exceptions.SSLError as error:
        raise SettingsError(
            f"Connecting to {url}",
            cause="its certificate is not accepted.",
            fix="Look whether something between here and there replaces it (a proxy, a firewall); its own"
            " certificate goes into REQUESTS_CA_BUNDLE.",
        ) from error
    except requests.RequestException as error:
        raise AmoCrmUnavailable(
            f"Connecting to {url}",
            cause=f"no connection ({type(error).__name__}).",
            fix="Look whether this machine may reach it (firewall, proxy), and whether it is up.",
        ) from error
    return f"answers {answer.status_code}"
