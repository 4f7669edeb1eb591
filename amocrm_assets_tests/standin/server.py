"""The stand-in as an HTTP server on 127.0.0.1: authorisation, limit, latency and headers around its lists."""

from __future__ import annotations

import itertools
import json
import random
import socket
import struct
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from amocrm_assets_tests.standin import account as content
from amocrm_assets_tests.standin.about import PIPELINE, USER, about
from amocrm_assets_tests.standin.events import EventPages
from amocrm_assets_tests.standin.follow_ups import NotePages, TaskPages
from amocrm_assets_tests.standin.limits import Limiter
from amocrm_assets_tests.standin.pages import NOTHING, LeadPages, Reply, page_size, plain_list, problem
from amocrm_assets_tests.standin.reference import ReferenceLists
from amocrm_assets_tests.standin.semantics import Semantics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from amocrm_assets_tests.standin.account import Json, StandInAccount
    from amocrm_assets_tests.standin.pages import Params


@dataclass(frozen=True)
class Asked:
    """A request that came, and the status it got. `at` is of the monotonic clock."""

    at: float
    path: str
    params: dict[str, list[str]]
    status: int


RESET = Reply(0)


@dataclass
class StandIn:
    """One account behind one address. `after_answer` is called after each page of records, under the lock."""

    account: StandInAccount
    semantics: Semantics = field(default_factory=Semantics)
    after_answer: Callable[[], None] = lambda: None
    weather: Callable[[], str] = lambda: ""
    """Called for each GET that is answered: `502` breaks the answer, `reset` the connection."""
    token: str = "standin-token"
    refresh_token: str = "standin-refresh-1"
    url: str = ""
    requests: list[Asked] = field(default_factory=list)
    pages: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    contacts: StandInAccount | None = None
    """Contacts, as an account of its own that has those in the place of leads."""
    companies: StandInAccount | None = None
    """Companies, likewise."""
    tasks: StandInAccount | None = None
    notes: dict[str, StandInAccount] = field(default_factory=dict)
    """Notes by what they hang on, such as `leads`. Tasks and notes are in the place of leads, too."""
    reference: ReferenceLists | None = None
    """Lists of pipelines, users and so on that can be changed; without it there are a pipeline and a user."""

    def __post_init__(self) -> None:
        semantics = self.semantics
        self.limiter = Limiter(semantics.limit, semantics.requests_per_second, burst=semantics.bucket_burst)
        self.lock = threading.Lock()
        self._pages = LeadPages(self.account, self.semantics)
        self._events = EventPages(self.account, self.semantics)
        _add_odd_records(self.account, self.semantics)
        self._more: dict[str, LeadPages] = {
            f"/api/v4/{of}/notes": NotePages(notes, semantics) for of, notes in self.notes.items()
        }
        if self.tasks:
            self._more["/api/v4/tasks"] = TaskPages(self.tasks, semantics, "tasks")
        if self.contacts:
            self._more["/api/v4/contacts"] = LeadPages(self.contacts, semantics, "contacts")
        if self.companies:
            self._more["/api/v4/companies"] = LeadPages(self.companies, semantics, "companies")

    @property
    def refused(self) -> int:
        """How many requests got 429."""
        return self.limiter.refused

    def asked(self, path: str = "/api/v4/leads") -> list[Asked]:
        """Requests for one path."""
        return [each for each in self.requests if each.path == path]

    def reply(self, path: str, params: Params, token: str) -> Reply:
        """The answer to a GET."""
        if not self.limiter.admits():
            return Reply(429)
        if token != self.token:
            return problem(401)
        with self.lock:
            if path == "/api/v4/leads":
                reply = self._pages.reply(params, self.url + path)
                self.after_answer()
                return reply
            if path in self._more:
                reply = self._more[path].reply(params, self.url + path)
                self.after_answer()
                return reply
            small = self.reference and self.reference.reply(path, params, self.url + path)
            return small or self._other(path, params)

    def exchange(self, given: Json) -> Reply:
        """The answer of the token endpoint: each refresh token works once."""
        if given.get("grant_type") == "refresh_token" and given.get("refresh_token") != self.refresh_token:
            hint = {"hint": "Token has been revoked", "title": "…", "status": 401, "detail": "…"}
            return Reply(401, hint)
        turn = int(self.refresh_token.rpartition("-")[2]) + 1
        self.token, self.refresh_token = f"standin-token-{turn}", f"standin-refresh-{turn}"
        tokens = {"access_token": self.token, "refresh_token": self.refresh_token}
        return Reply(200, {"token_type": "Bearer", "expires_in": 86400, **tokens})

    def _other(self, path: str, params: Params) -> Reply:
        base = self.url + path
        semantics, account = self.semantics, self.account
        if path == "/api/v4/account":
            return Reply(200, about(account, semantics, params, self.reference))
        if path in {f"/api/v4/{of}/custom_fields" for of in ("leads", "contacts", "companies")}:
            limit = page_size(params, semantics.fields_limit_max, semantics)
            return plain_list(account.fields, "custom_fields", params, base, limit=limit)
        if path == "/api/v4/leads/pipelines":
            return Reply(
                200, {"_page": 1, "_total_items": 1, "_links": {}, "_embedded": {"pipelines": [PIPELINE]}}
            )
        if path == "/api/v4/events":
            return self._events.reply(params, base)
        if path.startswith("/api/v4/users/"):
            return Reply(200, USER) if path.endswith(f"/{content.USER_ID}") else NOTHING
        return problem(404)


@contextmanager
def running_standin(standin: StandIn, *, port: int = 0) -> Iterator[StandIn]:
    """Serve it on a free port of 127.0.0.1 until the end of the block."""
    with _Server(("127.0.0.1", port), _handler(standin)) as server:
        standin.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield standin
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    # Connections that are kept alive end with the test, not with their client.
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64


def _handler(standin: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            time.sleep(standin.semantics.jitter_seconds * random.random())
            at, address = time.monotonic(), urlsplit(self.path)
            params = parse_qs(address.query, keep_blank_values=True)
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            reply = standin.reply(address.path, params, token)
            time.sleep(standin.semantics.latency_seconds)
            reply = _in_outage(reply, standin)
            reply = {"502": Reply(502), "reset": RESET}.get(standin.weather(), reply)
            standin.requests.append(Asked(at, address.path, params, reply.status))
            self._send(reply)

        def do_HEAD(self) -> None:
            self._send(Reply(204))

        def do_POST(self) -> None:
            given = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            known = urlsplit(self.path).path == "/oauth2/access_token"
            self._send(standin.exchange(given) if known else problem(404))

        def _send(self, reply: Reply) -> None:
            if reply is RESET:
                _reset(self)
                return
            body, kind = _content(reply)
            self.send_response_only(reply.status)
            self.send_header("Content-Type", kind)
            if reply.status != 204:
                self.send_header("Content-Length", str(len(body)))
            if standin.semantics.date_offset_seconds is not None:
                self.send_header(
                    "Date", formatdate(time.time() + standin.semantics.date_offset_seconds, usegmt=True)
                )
            if reply.status == 429 and standin.semantics.retry_after:
                self.send_header("Retry-After", standin.semantics.retry_after)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """The tests' output stays readable."""

    return Handler


def _in_outage(reply: Reply, standin: StandIn) -> Reply:
    """The page of a list, without its records if all lists are empty now."""
    semantics = standin.semantics
    is_page = reply.status == 200 and "_page" in reply.body
    if not is_page or next(standin.pages) not in semantics.lists_empty_on:
        return reply
    if semantics.lists_empty_as == "204":
        return NOTHING
    return Reply(200, reply.body | {"_links": {}, "_embedded": {name: [] for name in reply.body["_embedded"]}})


def _reset(handler: BaseHTTPRequestHandler) -> None:
    """Break the connection: with no time to linger, closing sends RST instead of FIN."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def _content(reply: Reply) -> tuple[bytes, str]:
    """Body and content type."""
    if reply.status in {429, 502, 504} or reply.body == "<html>":  # the gateway's, which speaks HTML
        return b"<html>no</html>", "text/html"
    body = b"" if reply.body is None else json.dumps(reply.body).encode()
    return body, "application/hal+json" if reply.status == 200 else "application/problem+json"


def _add_odd_records(account: StandInAccount, semantics: Semantics) -> None:
    live = [each for each in account.leads if not each["is_deleted"]]
    trash = [each for each in account.leads if each["is_deleted"]]
    for each in live[: semantics.null_updated_at_in_leads] + trash[: semantics.null_updated_at_in_trash]:
        each["updated_at"] = None
    for place, each in enumerate(live[len(live) - semantics.huge_ids :]):
        each["id"] = content.INT64_MAX + 1 + place
