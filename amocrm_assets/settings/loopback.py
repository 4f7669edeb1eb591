"""Which addresses may be used without TLS: only those of this machine."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: `localhost`, 127.0.0.0/8 or ::1. Other names are not resolved."""
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def is_cleartext(url: str) -> bool:
    """Whether requests to an address are unencrypted: http:// to another machine."""
    address = urlsplit(url)
    return address.scheme.lower() != "https" and not is_loopback(address.hostname or "")
