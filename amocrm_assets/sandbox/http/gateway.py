"""The layer between a client and the account: the limit, network latency, and every fault.

The application behind it responds without faults; here its responses are delayed, replaced, truncated
or dropped. For the choice of a fault see `faults`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import struct
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from starlette.datastructures import Headers, QueryParams
from starlette.responses import HTMLResponse, RedirectResponse, Response

from amocrm_assets.sandbox.account.links import OWNERS
from amocrm_assets.sandbox.http.follow_ups_api import notes_of
from amocrm_assets.sandbox.http.requests_log import Request
from amocrm_assets.sandbox.http.response_corruption import corrupted_rows, garbled, halved
from amocrm_assets.sandbox.http.responses import gateway_page, nothing, problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from amocrm_assets.sandbox.account.account import Account
    from amocrm_assets.sandbox.account.linked import LinkedRecords
    from amocrm_assets.sandbox.options import Fault, SandboxOptions
    from amocrm_assets.sandbox.world import Sandbox

CONNECTION = "amocrm_assets.connection"  # the ASGI extension with the server's connection
_API = "/api/"
# Lists whose records are edited after a response, by the options.
_EDITED: dict[str, Callable[[Sandbox], Account | LinkedRecords[Any]]] = {
    "/api/v4/leads": lambda sandbox: sandbox.account,
    "/api/v4/contacts": lambda sandbox: sandbox.contacts,
    "/api/v4/companies": lambda sandbox: sandbox.companies,
    "/api/v4/tasks": lambda sandbox: sandbox.tasks,
    **{f"/api/v4/{owners}/notes": notes_of(owners) for owners in OWNERS},
    # Events cannot be changed; edits of leads add some.
    "/api/v4/events": lambda sandbox: sandbox.account,
}
_WORTH_COMPRESSING_BYTES = 512
_CORRUPTED_GZIP = {"damaged-gzip": garbled, "cut-gzip": halved}
_RETRY_AFTER_SECONDS = 300  # in the body of a refusal in JSON, as amoCRM's own example has it


class Gateway:
    """ASGI middleware. `/sandbox/…` is passed through."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox) -> None:
        self._app = app
        self._sandbox = sandbox
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End every wait, since the server is closing."""
        self._stopping.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"].startswith("/sandbox/"):
            await self._app(scope, receive, send)
            return
        arrived_at = await self._arrival(scope["extensions"][CONNECTION]["asked_at"])
        entry = Request(arrived_at, scope["method"], scope["path"], scope["query_string"].decode("latin-1"))
        self._sandbox.requests.append(entry)
        refusal = self._refusal(entry)
        fault = None if refusal else self._fault(entry)
        entry.fault = fault.kind if fault else None
        await self._add_latency(fault)
        if fault and fault.kind == "reset":
            await _reset(scope)
            return
        response = refusal or (fault and _replaced(fault)) or await self._answered(scope, receive, entry)
        if fault and fault.kind == "lost":
            await _reset(scope)
            return
        entry.status = response.status_code
        await self._sent(response, fault, scope, send)

    async def _arrival(self, asked_at: float) -> float:
        """When the request arrives where requests are counted."""
        jitter = self._sandbox.options.jitter_seconds
        arrived_at = asked_at + (jitter * self._sandbox.dice.rng.random() if jitter else 0.0)
        await self._pause(arrived_at - time.monotonic())
        return arrived_at

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)

    def _refusal(self, entry: Request) -> Response | None:
        """The limit counts all requests below `/api`."""
        if not entry.path.startswith(_API):
            return None
        options = self._sandbox.options
        verdict = self._sandbox.limiter.admit(entry.at, options)
        if verdict == "blocked":
            return gateway_page(403)
        return _too_many(options.refusal, options.retry_after) if verdict == "refused" else None

    def _fault(self, entry: Request) -> Fault | None:
        page = QueryParams(entry.query).get("page", "1")
        faults = self._sandbox.options.faults
        return self._sandbox.dice.throw(faults, path=entry.path, page=int(page) if page.isdecimal() else 1)

    async def _add_latency(self, fault: Fault | None) -> None:
        options = self._sandbox.options
        seconds = options.latency_seconds + options.latency_jitter_seconds * self._sandbox.dice.rng.random()
        if fault and fault.kind == "hang":
            seconds += fault.seconds
        await self._pause(seconds)

    async def _answered(self, scope: Scope, receive: Receive, entry: Request) -> Response:
        """The application's own response; afterwards edits by other users, by the options."""
        response = await _collected(self._app, scope, receive)
        entry.rows = scope["state"].get("rows", 0)
        edited = _EDITED.get(entry.path)
        if edited:
            edited(self._sandbox).touch_some()
            if self._sandbox.after_answer:
                self._sandbox.after_answer()
        return response

    async def _sent(self, response: Response, fault: Fault | None, scope: Scope, send: Send) -> None:
        kind = fault.kind if fault else ""
        body = corrupted_rows(kind, bytes(response.body), self._sandbox.dice.rng)
        if self._sandbox.rewrite and body:
            body = self._sandbox.rewrite(body)
        if kind == "cut":
            body = body[: len(body) * 2 // 3]
        headers = response.headers
        if _compresses(self._sandbox.options, scope, body, kind):
            headers["content-encoding"] = "gzip"
            body = gzip.compress(body, 1, mtime=0)
            body = _CORRUPTED_GZIP.get(kind, bytes)(body)
        headers["date"] = formatdate(self._sandbox.clock.now(), usegmt=True)
        headers["server"] = "nginx"
        headers["x-request-id"] = uuid4().hex
        if response.status_code != 204:  # noqa: PLR2004
            headers["content-length"] = str(len(body))
        await send(
            {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
        )
        if kind in ("cut-short", "reset-midway") and body:
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            await (_reset(scope) if kind == "reset-midway" else _closed(scope))
        else:
            await send({"type": "http.response.body", "body": body})


def _compresses(options: SandboxOptions, scope: Scope, body: bytes, kind: str) -> bool:
    if kind in _CORRUPTED_GZIP:
        return bool(body)
    accepted = Headers(scope=scope).get("accept-encoding", "")
    return options.gzip and "gzip" in accepted and len(body) >= _WORTH_COMPRESSING_BYTES


def _replaced(fault: Fault) -> Response | None:
    """The response of the gateway instead of the application's; None for other faults."""
    kind = fault.kind
    if kind in ("429-html", "429-json"):
        return _too_many(kind.removeprefix("429-"), fault.retry_after)
    if kind in ("500", "502", "503", "504"):
        return gateway_page(int(kind))
    makers: dict[str, Callable[[], Response]] = {
        "401": lambda: problem(401, "Неверный логин или пароль"),
        "402": lambda: problem(402, "Аккаунт не оплачен"),
        "403-html": lambda: gateway_page(403),
        "403-json": lambda: problem(403, "Доступ запрещён"),
        "204": nothing,
        "empty-200": lambda: Response(media_type="application/hal+json"),
        "html-200": lambda: HTMLResponse("<!doctype html><title>amoCRM</title><p>Ведутся технические работы"),
        "redirect": lambda: RedirectResponse("/login", status_code=302),
    }
    make = makers.get(kind)
    return make() if make else None


def _too_many(form: str, retry_after: int | None) -> Response:
    if form == "html":
        response = gateway_page(429)
    else:
        response = problem(429, "Слишком много запросов", retry_after=retry_after or _RETRY_AFTER_SECONDS)
    if retry_after is not None:
        response.headers["retry-after"] = str(retry_after)
    return response


async def _collected(app: ASGIApp, scope: Scope, receive: Receive) -> Response:
    """Run an application to its end and return its response."""
    response = Response()
    parts: list[bytes] = []

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            response.status_code = message["status"]
            response.raw_headers = list(message["headers"])
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, keep)
    response.body = b"".join(parts)
    return response


def _transport(scope: Scope) -> asyncio.Transport:
    return cast("asyncio.Transport", scope["extensions"][CONNECTION]["transport"])


async def _reset(scope: Scope) -> None:
    """End the connection by a TCP reset: with a linger time of zero, closing sends RST instead of FIN."""
    transport = _transport(scope)
    await asyncio.sleep(0.01)  # what was written goes out first
    if transport.is_closing():
        return  # the client closed it first
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await asyncio.sleep(0)


async def _closed(scope: Scope) -> None:
    """Close the connection normally, before the whole body is sent."""
    _transport(scope).close()
    await asyncio.sleep(0)
