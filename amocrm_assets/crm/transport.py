"""HTTP connections: sessions that close theirs, a hook that tells when a request has left, and one-off requests.

The rate limiter counts what amoCRM counts. Between acquiring a permit and the arrival of the request lie the start
of a thread and, on a new connection, the handshakes, so the limiter is told when a request has really left.

urllib3 leaves closing to the garbage collector. Errors keep what they passed through, and tracebacks run in
circles, so the sockets of failed requests would stay open until the collector comes by.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from collections.abc import Callable

_thread = threading.local()


def on_sent(call: Callable[[], None]) -> None:
    """Have `call` called when the next request of this thread has been written to its connection."""
    _thread.call = call


class _Telling:
    def request(self, *args: Any, **kwargs: Any) -> None:
        super().request(*args, **kwargs)  # type: ignore[misc]
        _thread.call()


class _Connection(_Telling, HTTPConnection):
    pass


class _TlsConnection(_Telling, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class ClosingAdapter(HTTPAdapter):
    """An adapter of requests that closes its connections when it is closed; one in use, after its answer."""

    def close(self) -> None:
        """Close every connection, those through proxies included."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 - urllib3 refuses to iterate over its pools
                if pool := manager.pools.get(key):
                    pool.close()
        super().close()


class SendHookAdapter(ClosingAdapter):
    """An adapter of requests whose connections call what `on_sent` was given."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Let the pool manager make our connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


def make_session(adapter: HTTPAdapter) -> requests.Session:
    """A session that sends everything through one adapter."""
    session = requests.Session()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def request_once(method: str, url: str, **options: Any) -> requests.Response:
    """One request on a connection of its own. Takes the options of `requests.request`, raises its errors."""
    with make_session(ClosingAdapter()) as session:
        return session.request(method, url, **options)
