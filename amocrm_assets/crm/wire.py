"""Connections that tell when a request has really left, for a pacer that counts what amoCRM counts.

Between taking a turn and the arrival of the request lie the start of a thread and, on a new connection, the
handshakes. Two requests a second apart by their turns may arrive closer together, and amoCRM would refuse one.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from amocrm_assets.crm.connections import ClosingAdapter

if TYPE_CHECKING:
    from collections.abc import Callable

_thread = threading.local()


def when_sent(call: Callable[[], None]) -> None:
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


class TellingAdapter(ClosingAdapter):
    """An adapter of requests whose connections call what `when_sent` was given."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Let the pool manager make our connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
