"""HTTP connections: sessions whose exchanges end in time and whose connections close, and one-off requests.

Every HTTP exchange with the account's address goes through here, so that each has one deadline (see `exchange`)
and a limit on its decompressed size. From the environment only proxies and trusted certificates are used:
a `~/.netrc` would add unrelated credentials to our requests.

urllib3 leaves closing to the garbage collector. Exceptions reference the frames that they passed through, and
tracebacks form cycles, so the sockets of failed requests would stay open until the next collection.
"""

from __future__ import annotations

import socket
import ssl
import traceback
from contextlib import closing
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3 import ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

from amocrm_assets.crm.http.connection_errors import connection_error, proxy_error
from amocrm_assets.crm.http.exchange import BodyTooLarge, Watchdog, current_exchange
from amocrm_assets.crm.http.redaction import redact_logs
from amocrm_assets.settings.network import trusted_certificates
from amocrm_assets.waiting import waiting_if_outermost

if TYPE_CHECKING:
    from urllib3 import PoolManager

    from amocrm_assets.crm.http.exchange import Addresses

__all__ = [
    "BodyTooLarge",
    "Session",
    "connection_error",
    "proxy_error",
    "read_body",
    "request_once",
    "resolve_once",
]

# Bytes after decompression. A page of 250 leads has 1 MB; with a text of 100 kB in each of them, 25 MB.
MAX_BODY_BYTES = 64 << 20
# For tokens, and for responses of a proxy or gateway instead of them.
MAX_SMALL_BODY_BYTES = 1 << 20
# Deadline of an exchange of `request_once`; a lock around it is held no longer.
ONCE_SECONDS = 30.0
# A response with new tokens cannot be requested again. On cancellation it gets this long to arrive, since
# otherwise a user would have to connect the source again.
GRACE_SECONDS = 3.0
_PART_BYTES = 1 << 16


class _Watched:
    """A connection that is registered with the exchange of the current thread."""

    def _new_conn(self: Any) -> socket.socket:
        exchange = current_exchange()
        if exchange is None:
            raise RuntimeError("a connection outside of an exchange")
        error: OSError | None = None
        host = self._dns_host.strip("[]")
        try:
            for address in exchange.resolve(host, self.port, allowed_gai_family()):
                try:
                    return exchange.connect(address, timeout=self.timeout, options=self.socket_options)
                except OSError as failed:
                    exchange.check()
                    error = failed
        except (socket.gaierror, UnicodeError) as unknown:  # no such host name, or an invalid one
            raise NameResolutionError(self.host, self, socket.gaierror(*unknown.args)) from unknown
        if isinstance(error, TimeoutError):
            raise ConnectTimeoutError(self, f"connecting took longer than {self.timeout} s") from error
        raise NewConnectionError(self, str(error)) from error

    def request(self: Any, *args: Any, **kwargs: Any) -> None:
        exchange = current_exchange()
        if exchange is not None and self.sock is not None:
            exchange.attach(self.sock)
        super().request(*args, **kwargs)  # type: ignore[misc]
        # The request is written. `sender` passes `Permit.mark_sent`: the limiter counts from this moment.
        if exchange is not None and exchange.on_sent is not None:
            exchange.on_sent()


class _Connection(_Watched, HTTPConnection):
    pass


class _TlsConnection(_Watched, HTTPSConnection):
    def connect(self) -> None:
        try:
            super().connect()
        except OSError as error:
            _close_detached(error)
            raise


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class WatchedAdapter(HTTPAdapter):
    """An adapter for `requests` that closes its connections when it is closed; one in use, after its response."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pool manager use our connections."""
        super().init_poolmanager(*args, **kwargs)
        _use_pools(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Make the managers of proxies use them, too."""
        manager = super().proxy_manager_for(*args, **kwargs)
        if type(manager) is ProxyManager:
            _use_pools(manager)
        return manager

    def close(self) -> None:
        """Close every connection, including those through proxies."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 - urllib3 refuses to iterate over its pools
                if pool := manager.pools.get(key):
                    pool.close()
        super().close()


class Session(requests.Session):
    """A session for one address, which several threads may use inside `exchange`."""

    def __init__(self, url: str, *, connections: int = 1) -> None:
        super().__init__()
        redact_logs()
        adapter = WatchedAdapter(pool_maxsize=connections)
        self.mount("https://", adapter)
        self.mount("http://", adapter)
        self.trust_env = False
        self.proxies = dict(get_environ_proxies(url))
        self.verify = trusted_certificates() or True
        self.watchdog = Watchdog()

    def __enter__(self) -> Self:
        return self

    def close(self) -> None:
        """Shut down exchanges in progress, and close the connections."""
        self.watchdog.close()
        super().close()


def request_once(
    method: str,
    url: str,
    *,
    deadline_seconds: float = ONCE_SECONDS,
    grace_seconds: float = GRACE_SECONDS,
    max_bytes: int = MAX_SMALL_BODY_BYTES,
    **options: Any,
) -> requests.Response:
    """One request on a separate connection, with its body. Takes the options of `requests.request`.

    Raises the errors of `requests`, including `DeadlineExceeded` and `BodyTooLarge`, which are subclasses, and
    `SettingsError` for missing certificates.
    """
    with (
        waiting_if_outermost(f"a response of {urlsplit(url).hostname}"),
        Session(url) as session,
        session.watchdog.exchange(deadline_seconds, grace_seconds=grace_seconds),
        session.request(method, url, stream=True, **options) as response,
    ):
        response._content = read_body(response, max_bytes=max_bytes)  # noqa: SLF001 - requests' readers have no bound
        return response


def resolve_once(host: str, port: int, *, deadline_seconds: float = ONCE_SECONDS) -> Addresses:
    """Resolve a host name like `socket.getaddrinfo`, but with a deadline.

    Raises `OSError` for a name that does not exist, and `DeadlineExceeded`. A signal ends it, while the system's
    resolver, called in the main thread, would not notice one.
    """
    with (
        waiting_if_outermost(f"the address of {host}"),
        closing(Watchdog()) as watchdog,
        watchdog.exchange(deadline_seconds) as exchange,
    ):
        try:
            return exchange.resolve(host, port, socket.AF_UNSPEC)
        except UnicodeError as error:
            raise socket.gaierror(socket.EAI_NONAME, "no name can be so") from error


def read_body(response: requests.Response, *, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The body, decompressed in steps. Raises `BodyTooLarge` before more than that is in memory."""
    body = bytearray()
    for part in response.iter_content(_PART_BYTES):
        body += part
        if len(body) > max_bytes:
            raise BodyTooLarge(f"the response has more than {max_bytes >> 20} MB")
    return bytes(body)


def _close_detached(error: OSError) -> None:
    """Close the socket of a connection that was reset before its handshake: `ssl` takes it over, then drops it."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if isinstance(detached := frame.f_locals.get("self"), ssl.SSLSocket):
            detached.close()


def _use_pools(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
