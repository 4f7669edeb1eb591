"""A server that repeats what it was sent: after whole runs no token is anywhere but in the token store."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from amocrm_assets.crm.authorisation.token_store import Connected, StoredTokens, TokenStore
from amocrm_assets.crm.http.redaction import MIN_PIECE
from amocrm_assets.days import day_window
from amocrm_assets.settings import Deployment, SourceSettings
from amocrm_assets_tests.guarantees.left_behind import Deployed
from amocrm_assets_tests.orchestration.sources import write_source
from amocrm_assets_tests.serving import served_beside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

DAY = date(2026, 3, 10)
TOKEN = "eyJ0eXAi.Zm9vYmFyYmF6cXV4/k+MARKED1TOKEN.c2lnbmF0dXJl"
ACCESS, REFRESH, SECRET = "MARKED2access/token+stored", "MARKED3refresh/token+stored", "MARKED4client/secret+set"
SECRETS = (TOKEN, ACCESS, REFRESH, SECRET)
OAUTH = {"client_id_env": "ID", "client_secret_env": "SECRET", "redirect_uri": "http://127.0.0.1:8910/callback"}


def spellings(secret: str) -> str:
    """A secret as texts may hold it."""
    escaped = "".join(f"\\u{ord(each):04x}" for each in secret)
    return f"{secret} {quote(secret, safe='')} {escaped} {json.dumps(secret)[1:-1]}"


@dataclass
class Repeating:
    """How the server answers: `status` for leads, and whether a header line cannot be parsed."""

    status: int = 200
    has_broken_headers: bool = False
    sent: list[str] = field(default_factory=list)

    def respond(self, path: str, repeated: str) -> tuple[int, Any]:
        """Status and body of an answer that repeats what was sent."""
        if path == "/oauth2/access_token":
            return 400, {"hint": repeated, "detail": repeated, "title": repeated, "access_token": repeated}
        if path == "/api/v4/account":
            extras = small_list("users_groups", repeated) | small_list("task_types", repeated)
            about = {"id": 7, "name": f"Acme {repeated}", "subdomain": "acme", "current_user_id": 1}
            return 200, {**about, "_embedded": extras}
        if self.status != 200 and path == "/api/v4/leads":
            return self.status, {"detail": repeated, "title": repeated}
        if path != "/api/v4/leads":
            return 200, {"_links": {}, "_embedded": small_list(path.rpartition("/")[2], repeated)}
        at = day_window(DAY, SourceSettings.model_validate(attributes("http://127.0.0.1")).zone).from_at
        values = [{"field_id": 5, "field_name": repeated, "field_type": "text", "values": [{"value": repeated}]}]
        lead = {"id": 9, "name": f"Lead {repeated}", "updated_at": at + 60, "custom_fields_values": values}
        return 200, {"_links": {}, "_embedded": {"leads": [lead]}}


def small_list(name: str, repeated: str) -> dict[str, Any]:
    """A list of the account with one record, whose texts say it all; a pipeline has the statuses each one has."""
    record = {
        "id": 5,
        "name": f"A name {repeated}",
        "email": repeated,
        "type": "text",
        "code": repeated,
        "color": repeated,
    }
    statuses = [record, *({**record, "id": status_id} for status_id in (142, 143))]
    stages = {"_embedded": {"statuses": statuses}} if name == "pipelines" else {}
    return {name: [{**record, **stages}]}


@contextmanager
def repeating(state: Repeating) -> Iterator[str]:
    """The address of such a server."""

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            state.sent += [*self.headers.get("Authorization", "").split()[1:], body]
            repeated = self.headers.get("Authorization", "") + " ".join(json.loads(body).values() if body else ())
            status, response = state.respond(self.path.partition("?")[0], spellings(repeated))
            if status == 200 and "only_deleted" in self.path:
                status, response = 204, None
            content = b"" if response is None else json.dumps(response).encode()
            self.send_response(status)
            for name in ("X-Request-Id", "Set-Cookie", "Warning"):
                self.send_header(name, f"id={repeated}")
            self.send_header("Location", f"https://{quote(repeated, safe='')}/{repeated}")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if state.has_broken_headers:
                self.flush_headers()
                self.wfile.write(f"{repeated}\r\n\r\n".encode())
            else:
                self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = respond  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """The tests' output stays readable."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, served_beside(server):
        yield f"http://127.0.0.1:{server.server_port}"


def attributes(url: str) -> dict[str, Any]:
    given = {"subdomain": "acme", "base_url": url, "start_date": "2026-01-01", "timezone": "Europe/Moscow"}
    return {**given, "access_token_env": "TOKEN", "requests_per_second": 50}


@pytest.fixture
def deployed(tmp_path: Path) -> Deployed:
    return Deployed(tmp_path, DAY, {"TOKEN": TOKEN, "ID": "integration-1", "SECRET": SECRET})


def assert_no_secret(deployed: Deployed, *, but: tuple[str, ...] = ()) -> dict[str, bytes]:
    """No part of a secret is in any file that a run left, but in those named."""
    left = deployed.left()
    starts = [(secret, at) for secret in SECRETS for at in range(len(secret) - MIN_PIECE + 1)]
    pieces = [secret[at : at + MIN_PIECE].encode() for secret, at in starts]
    where = {name: piece for name, content in left.items() for piece in pieces if piece in content}
    assert {name: piece for name, piece in where.items() if name not in but} == {}
    assert set(but) <= where.keys()
    # The search would have found them: these are the places, and they were written.
    assert any(b"STEP_START" in content for name, content in left.items() if name.endswith(".db"))
    assert any(name.startswith("home/storage/") and "compute_logs" in name for name in left)
    assert b"urllib3" in left["console"]
    return left


def test_a_run_that_lands_leads_with_the_token_in_them_keeps_none(deployed: Deployed) -> None:
    state = Repeating(has_broken_headers=True)
    with repeating(state) as url:
        write_source(deployed.folder / "sources", "acme", attributes(url))
        assert deployed.run() == 0, (deployed.folder / "console").read_text()
    assert TOKEN in state.sent
    left = assert_no_secret(deployed)
    for kind in (".jsonl.gz", ".parquet", ".duckdb"):
        kept = [content for name, content in left.items() if name.endswith(kind)]
        assert any(b"Lead " in content and b"[secret]" in content for content in kept)


@pytest.mark.parametrize("status", [302, 400])
def test_a_run_that_fails_with_the_token_in_the_answer_keeps_none(deployed: Deployed, status: int) -> None:
    state = Repeating(status=status, has_broken_headers=True)
    with repeating(state) as url:
        write_source(deployed.folder / "sources", "acme", attributes(url))
        assert deployed.run() == 1
    assert TOKEN in state.sent
    left = assert_no_secret(deployed)
    assert str(status).encode() in left["console"]


def test_a_run_whose_refresh_is_answered_with_its_secrets_keeps_them_in_the_token_store_alone(
    deployed: Deployed,
) -> None:
    state = Repeating(has_broken_headers=True)
    connected = Connected(account_id=7, account_name="Acme", user_id=1, client_id="integration-1")
    with repeating(state) as url:
        given = {**attributes(url), "oauth": OAUTH}
        del given["access_token_env"]
        write_source(deployed.folder / "sources", "acme", given)
        store = TokenStore.of(SourceSettings(**given), Deployment(tokens=str(deployed.folder / "tokens")))
        now = int(time.time())
        ended = StoredTokens(
            access_token=ACCESS,
            refresh_token=REFRESH,
            obtained_at=now - 90,
            expires_at=now - 1,
            connected=connected,
        )
        store.replace(ended)
        assert deployed.run() == 1
    assert any(REFRESH in body and SECRET in body for body in state.sent)
    assert_no_secret(deployed, but=("tokens/acme/tokens.json",))
