"""Connections that end when their session is closed, and exchanges that need a connection only once.

urllib3 leaves the closing to the garbage collector. Errors keep what they passed through, and tracebacks run in
circles, so the sockets of failed exchanges would stay open until the collector comes by.
"""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter


class ClosingAdapter(HTTPAdapter):
    """An adapter of requests that closes its connections when it is closed; one in use, after its answer."""

    def close(self) -> None:
        """Close every connection, those through proxies included."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 - urllib3 refuses to iterate over its pools
                if pool := manager.pools.get(key):
                    pool.close()
        super().close()


def session_with(adapter: HTTPAdapter) -> requests.Session:
    """A session that sends everything through one adapter."""
    session = requests.Session()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def exchange(method: str, url: str, **options: Any) -> requests.Response:
    """One request on a connection of its own. Takes the options of `requests.request`, raises its errors."""
    with session_with(ClosingAdapter()) as session:
        return session.request(method, url, **options)
