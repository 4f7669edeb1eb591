"""An amoCRM account in which strangers have written: every text of it holds Markdown, HTML and addresses.

The addresses lead to the same server, which keeps every path that was asked for beside amoCRM's API.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from amocrm_assets_tests.serving import served_beside

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]
# So short that a cell of a preview shows each of them whole; `$` is the server's address.
NAMES = (
    "![a]($/a)",
    "[b]($/b) $/c",
    "<img src=$/d>",
    "<$/e> www.x.test",
    "h\\|$/f|x@y.test",
)
VALUES = (
    "`$/g` ``",
    "&lt;a&gt; *h* __i__",
    "# - 1. ~~j~~ > k",
    "[l]: $/l",
    '<a href="$/m">m</a>',
)
FIELD = "![n]($/n) www.o.test"
CHOSEN_AND_MISSING = "![p]($/p) www.o.test"
ZONE = "Mars/![q]($/q) mail@q.test"
ACCOUNT = '<img src="$/r"> $/s'
PROPERTY = "![t]($/t)|www.t.test"
DETAIL = "![u]($/u) <a href=$/v>v</a> $/w www.w.test `x` z@y.test"
TITLE = "Strangers ![y]($/y) $/z"


@dataclass
class Strangers:
    """The account, and what browsers asked its server for. `refuses` answers each list of leads with 403."""

    day_starts_at: int
    url: str = ""
    refuses: bool = False
    hits: list[str] = field(default_factory=list)

    def text(self, written: str) -> str:
        """A text with its addresses filled in."""
        return written.replace("$", self.url)

    def respond(self, path: str, params: dict[str, list[str]]) -> tuple[int, Json]:
        """Status and body of an answer of the API."""
        if path == "/api/v4/account":
            settings = {"datetime_settings": {"timezone": self.text(ZONE)}}
            about = {"id": 7, "name": self.text(ACCOUNT), "subdomain": "strangers", "_embedded": settings}
            return 200, {**about, "current_user_id": 1, "is_api_filter_enabled": True}
        if path == "/api/v4/leads/custom_fields":
            fields = [{"id": 1, "name": self.text(FIELD), "type": "text", "code": None}]
            return 200, {"_links": {}, "_embedded": {"custom_fields": fields}}
        if path != "/api/v4/leads":
            return 404, {"title": "Not found", "status": 404}
        if self.refuses:
            return 403, {"title": "Forbidden", "status": 403, "detail": self.text(DETAIL)}
        return self._leads(params)

    def _leads(self, params: dict[str, list[str]]) -> tuple[int, Json]:
        first = int(params.get("filter[updated_at][from]", ["0"])[-1])
        last = int(params.get("filter[updated_at][to]", [str(2**40)])[-1])
        trash = "only_deleted" in params.get("with", [""])[-1]
        later_page = params.get("page", ["1"])[-1] != "1"
        found = (
            [] if trash or later_page else [lead for lead in self._all() if first <= lead["updated_at"] <= last]
        )
        return (200, {"_links": {}, "_embedded": {"leads": found}}) if found else (204, {})

    def _all(self) -> list[Json]:
        return [
            {
                "id": number,
                "name": self.text(name),
                "price": "a lot",
                "updated_at": self.day_starts_at + 3600 * number,
                "account_id": 7,
                "is_deleted": False,
                self.text(PROPERTY): number,
                "custom_fields_values": [
                    {
                        "field_id": 1,
                        "field_name": self.text(FIELD),
                        "field_type": "text",
                        "values": [{"value": self.text(value)}],
                    },
                ],
            }
            for number, (name, value) in enumerate(zip(NAMES, VALUES, strict=True), start=1)
        ]


@contextmanager
def running_strangers(day_starts_at: int) -> Iterator[Strangers]:
    """Serve the account on a free port of 127.0.0.1; its leads were updated on the day that starts then."""
    account = Strangers(day_starts_at)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(account)) as server:
        account.url = f"http://127.0.0.1:{server.server_port}"
        with served_beside(server):
            yield account


def _handler(account: Strangers) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            if not address.path.startswith("/api/"):
                account.hits.append(self.path)
            status, body = account.respond(address.path, parse_qs(address.query))
            sent = b"" if status == 204 else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def do_HEAD(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """The tests' output stays readable."""

    return Handler
