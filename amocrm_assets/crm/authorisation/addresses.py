"""What an account's address says: amoCRM's platform, and the account's name on it.

Addresses of other servers, such as the sandbox, are used as they are in the settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from amocrm_assets.settings import SourceSettings

# kommo.com is the newer name of amocrm.com; accounts and tokens may have either name.
PLATFORMS = {"amocrm.ru": "amocrm.ru", "amocrm.com": "kommo.com", "kommo.com": "kommo.com"}


def platform_of(host: str) -> str | None:
    """Which of amoCRM's platforms a host belongs to; None for other servers."""
    return next((platform for domain, platform in PLATFORMS.items() if f".{host}".endswith(f".{domain}")), None)


def host_of(url: str) -> str:
    """Host of an address, without the port."""
    return urlsplit(url).hostname or ""


def name_of(host: str) -> str:
    """The account in a host: the first label, in lower case."""
    return host.partition(".")[0].lower()


def account_of(source: SourceSettings) -> str:
    """The account's name by the settings, in lower case.

    On amoCRM's platforms it is taken from the address: a source may keep its subdomain, and so the names of its
    tables, when the account gets a new address.
    """
    host = host_of(source.url)
    return name_of(host) if platform_of(host) else source.subdomain.lower()
