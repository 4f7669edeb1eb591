"""What the address of an account says: which of amoCRM's platforms it belongs to, and the account's name there.

Servers outside amoCRM's platforms, the sandbox among them, are addressed as the settings say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from amocrm_assets.settings import SourceSettings

# kommo.com is the newer name of amocrm.com; accounts and tokens of both are met on either.
PLATFORMS = {"amocrm.ru": "amocrm.ru", "amocrm.com": "kommo.com", "kommo.com": "kommo.com"}


def platform_of(host: str) -> str | None:
    """Which of amoCRM's platforms a host belongs to; None for other servers."""
    return next((platform for domain, platform in PLATFORMS.items() if f".{host}".endswith(f".{domain}")), None)


def host_of(url: str) -> str:
    """Host of an address, without the port."""
    return urlsplit(url).hostname or ""


def name_of(host: str) -> str:
    """The account in a host: the first label, in small letters."""
    return host.partition(".")[0].lower()


def account_of(source: SourceSettings) -> str:
    """The account's name by the settings, in small letters.

    It is the address's on amoCRM's platforms: a source may keep its subdomain, and so its tables' names, when the
    account gets a new address.
    """
    host = host_of(source.url)
    return name_of(host) if platform_of(host) else source.subdomain.lower()
