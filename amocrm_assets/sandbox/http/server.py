"""Serves a sandbox on loopback: in a thread for tests, or until a signal for the command line.

uvicorn implements HTTP; it is extended to give the gateway access to the connection.
"""

from __future__ import annotations

import signal
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from amocrm_assets.sandbox.http import (
    api,
    control,
    custom_lists_api,
    events_api,
    follow_ups_api,
    linked_api,
    oauth,
    reference_api,
)
from amocrm_assets.sandbox.http.gateway import CONNECTION, Gateway
from amocrm_assets.sandbox.http.responses import unknown
from amocrm_assets.sandbox.world import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from amocrm_assets.sandbox.options import SandboxOptions

_HOST = "127.0.0.1"
_KEEP_ALIVE_SECONDS = 75  # nginx's own


@contextmanager
def running_sandbox(options: SandboxOptions, *, port: int = 0) -> Iterator[Sandbox]:
    """A sandbox served from a thread while the context lasts; port 0 takes a free one."""
    sandbox = Sandbox(options)
    server, listening = _prepared(sandbox, port)
    thread = threading.Thread(target=server.run, args=([listening],), name="sandbox", daemon=True)
    thread.start()
    try:
        yield sandbox
    finally:
        server.should_exit = True
        thread.join()


def serve(options: SandboxOptions, port: int, *, ready: Callable[[Sandbox], None] | None = None) -> Sandbox:
    """Serve until SIGINT or SIGTERM, then return it. `ready` is called once it listens. Raises `OSError`."""
    sandbox = Sandbox(options)
    server, listening = _prepared(sandbox, port)
    if ready:
        ready(sandbox)
    with _signals_consumed():
        server.run([listening])
    return sandbox


def _prepared(sandbox: Sandbox, port: int) -> tuple[_Server, socket.socket]:
    """It listens already, so clients may connect before the loop runs."""
    listening = _listening(port)
    sandbox.url = f"http://{_HOST}:{listening.getsockname()[1]}"
    return _Server(Gateway(_application(sandbox), sandbox)), listening


def _listening(port: int) -> socket.socket:
    """asyncio disables Nagle's algorithm only for sockets of the protocol TCP; it delays responses by 40 ms."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((_HOST, port))
        listening.listen()
    except OSError:
        listening.close()
        raise
    return listening


def _application(sandbox: Sandbox) -> Starlette:
    application = Starlette(
        routes=[
            *api.routes(),
            *linked_api.routes(),
            *follow_ups_api.routes(),
            *events_api.routes(),
            *reference_api.routes(),
            *oauth.routes(),
            *control.routes(),
            *custom_lists_api.routes(),
            Route("/login", _login),
        ],
        exception_handlers={404: _not_found, 405: _not_found},
    )
    application.state.sandbox = sandbox
    return application


async def _not_found(request: Request, _error: Exception) -> Response:
    return unknown(request)


async def _login(_request: Request) -> Response:
    return HTMLResponse("<!doctype html><title>amoCRM: авторизация</title>")


class _Protocol(HttpToolsProtocol):
    """Passes the connection, which faults can break, and the instant of the request to the application."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: {"transport": self.transport, "asked_at": time.monotonic()}}


class _Server(uvicorn.Server):
    """Ends the gateway's waits before it waits for the requests in flight."""

    def __init__(self, gateway: Gateway) -> None:
        config = uvicorn.Config(
            gateway,
            http=_Protocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            interface="asgi3",
            log_config=None,
            log_level="critical",  # broken connections are intended here
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
        super().__init__(config)
        self._gateway = gateway

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._gateway.stop()
        await super().shutdown(sockets)


@contextmanager
def _signals_consumed() -> Iterator[None]:
    """uvicorn raises the signal that stopped it again at its end; here it is ignored."""
    before = {each: signal.signal(each, _ignored) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _ignored(_signal: int, _frame: Any) -> None:
    """The server has stopped already."""
