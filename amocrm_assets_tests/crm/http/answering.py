"""A server that gives each path one answer, for what the sandbox never says."""

from __future__ import annotations

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from amocrm_assets_tests.serving import served_beside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@contextmanager
def answering(responses: Mapping[str, tuple[int, bytes]]) -> Iterator[str]:
    """The address of a server that answers a path with that status and JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = responses[self.path.partition("?")[0]]
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """The tests' output stays readable."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, served_beside(server):
        yield f"http://127.0.0.1:{server.server_port}"
