"""A small BigQuery that remembers what it was sent, and fails as it is told.

The emulator answers as BigQuery does; this records what was sent, and breaks
connections. It knows one dataset, tables, load jobs and dry runs.
"""

from __future__ import annotations

import io
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

import pyarrow.parquet as pq

from amocrm_assets_tests.serving import served_beside
from amocrm_assets_tests.warehouse.bigquery_messages import Reply, error, failed, not_found, parts, queried


@dataclass(frozen=True)
class Call:
    """One request, with the JSON that it brought."""

    method: str
    path: str
    body: dict[str, Any]


@dataclass
class Fault:
    """What happens to the next calls that match: an error, a broken connection, an answer lost or never given."""

    method: str
    path: str
    kind: Literal["error", "cut off", "lose answer", "hang", "slow"] = "error"
    """`hang` never answers; `slow` is dealt with once the server's `released` is set."""
    status: int = 503
    reason: str = "backendError"
    message: str = "Something is wrong for now"
    times: int = 1
    passing: int = 0
    """So many calls that match pass before."""

    def meets(self, method: str, path: str) -> bool:
        if self.times == 0 or method != self.method or not re.search(self.path, path):
            return False
        if self.passing:
            self.passing -= 1
            return False
        self.times -= 1
        return True


@dataclass
class RecordingBigQuery:
    """State of the server. Tests set it beforehand and look at `calls` afterwards."""

    url: str = ""
    location: str = "EU"
    has_dataset: bool = True
    permissions: frozenset[str] | None = None
    """Granted on tables; None grants all."""
    faults: list[Fault] = field(default_factory=list)
    job_errors: list[dict[str, str]] = field(default_factory=list)
    """Each makes one new job fail."""
    polls: int = 0
    """How often a job is still running when it is asked after."""
    extra_rows: int = 0
    """How many rows more than were loaded a table says to have."""
    schema_change: dict[str, Any] | None = None
    """What a table's first column says otherwise than it was told."""
    table_expiration_ms: int | None = None
    """The dataset's default: what a new table's life lasts."""
    keeps_expiration: bool = False
    """Whether an update that removes a table's expiration is accepted without effect."""
    row_policies: dict[str, list[str]] = field(default_factory=dict)
    """Row access policies by table, which a load that replaces the table takes away."""
    loses_tags: bool = False
    """Whether tables come out of a load without the policy tags that it named."""
    uri_rows: int = 0
    found: list[dict[str, Any]] = field(default_factory=list)
    """The rows of every query."""
    released: threading.Event = field(default_factory=threading.Event)
    """Ends the calls that hang, and lets slow ones go on."""
    waiting: threading.Event = field(default_factory=threading.Event)
    """Set once a slow call is there."""
    calls: list[Call] = field(default_factory=list)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)

    def sent(self, method: str, path: str) -> list[Call]:
        """Calls by method and a pattern of the path."""
        return [call for call in self.calls if call.method == method and re.search(path, call.path)]

    def respond(self, call: Call, content: bytes) -> Reply:
        """What the call gets when nothing goes wrong on the way."""
        *_, kind, last = call.path.rstrip("/").split("/")
        if last == "rowAccessPolicies":
            named = [{"rowAccessPolicyReference": {"policyId": each}} for each in self.row_policies.get(kind, [])]
            return 200, {"rowAccessPolicies": named} if named else {}
        if kind == "tables" or last == "tables":
            return self._table(call, last)
        if kind == "jobs":
            return self._job(last)
        if last == "queries":
            return 200, queried(self.found)
        if last == "jobs":
            return self._start(call.body, content)
        if call.method == "POST":
            self.has_dataset, self.location = True, call.body.get("location", "US")
        return (200, self._dataset()) if self.has_dataset else not_found("Dataset p:d")

    def _table(self, call: Call, name: str) -> Reply:
        if name.endswith(":testIamPermissions"):
            wanted = call.body["permissions"]
            return 200, {
                "permissions": [each for each in wanted if self.permissions is None or each in self.permissions]
            }
        if call.method == "POST":
            self.tables[call.body["tableReference"]["tableId"]] = call.body
            return 200, call.body
        if name not in self.tables:
            return not_found(f"Table p:d.{name}")
        if call.method == "DELETE":
            return 200, self.tables.pop(name)
        changes = {key: value for key, value in call.body.items() if value is not None}
        if "expirationTime" in call.body and not changes.get("expirationTime") and not self.keeps_expiration:
            self.tables[name].pop("expirationTime", None)
        self.tables[name] |= changes
        return 200, self.tables[name]

    def _dataset(self) -> dict[str, Any]:
        dataset = {"datasetReference": {"projectId": "p", "datasetId": "d"}, "location": self.location}
        if self.table_expiration_ms is not None:
            dataset["defaultTableExpirationMs"] = str(self.table_expiration_ms)
        return dataset

    def _start(self, job: dict[str, Any], content: bytes) -> Reply:
        if job["configuration"].get("dryRun"):
            return 200, {**job, "status": {"state": "DONE"}, "statistics": {"query": {}}}
        job_id = job["jobReference"]["jobId"]
        if job_id in self.jobs:
            return error(409, "duplicate", f"Already Exists: Job p:{self.location}.{job_id}")
        result = self.job_errors.pop(0) if self.job_errors else None
        job["statistics"] = {"load": {}}
        job["left"] = self.polls
        job["status"] = {"state": "DONE"} if result is None else failed(result)
        self.jobs[job_id] = job
        if result is None:
            load = job["configuration"]["load"]
            rows = pq.read_metadata(io.BytesIO(content)).num_rows if content else self.uri_rows
            self._write(load, rows + self.extra_rows)
        return self._job(job_id)

    def _write(self, load: dict[str, Any], rows: int) -> None:
        name = load["destinationTable"]["tableId"]
        fields = load["schema"]["fields"]
        if load["writeDisposition"] == "WRITE_TRUNCATE_DATA":
            fields = self.tables[name]["schema"]["fields"]
        else:
            self.row_policies.pop(name, None)
        if self.loses_tags:
            fields = [{key: value for key, value in each.items() if key != "policyTags"} for each in fields]
        if self.schema_change:
            fields = [{**fields[0], **self.schema_change}, *fields[1:]]
        expires = {}
        if name not in self.tables and self.table_expiration_ms:
            expires["expirationTime"] = str(int(time.time() * 1000) + self.table_expiration_ms)
        self.tables[name] = {
            **self.tables.get(name, expires),
            "tableReference": load["destinationTable"],
            "schema": {"fields": fields},
            "numRows": str(rows),
            "numBytes": str(rows * 100),
            "etag": "1",
        }

    def _job(self, job_id: str) -> Reply:
        if job_id not in self.jobs:
            return not_found(f"Job p:{job_id}")
        job = self.jobs[job_id]
        if job["left"]:
            job["left"] -= 1
            return 200, {**job, "status": {"state": "RUNNING"}}
        return 200, job


@contextmanager
def recording_bigquery() -> Iterator[RecordingBigQuery]:
    """Serve on a free port of the loopback address."""
    state, lock = RecordingBigQuery(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            path = urlsplit(self.path).path
            length = int(self.headers.get("Content-Length") or 0)
            fault = next((each for each in state.faults if each.meets(self.command, path)), None)
            if fault and fault.kind == "cut off":
                self.rfile.read(min(100, length))  # and not the rest: the caller's sending is interrupted
                self.close_connection = True
                return
            body, content = parts(self.headers.get("Content-Type", ""), self.rfile.read(length))
            call = Call(self.command, path, body)
            if fault and fault.kind == "slow":
                state.waiting.set()
                state.released.wait(60)
                fault = next((each for each in state.faults if each.meets(self.command, path)), None)
            with lock:
                state.calls.append(call)
                if fault and fault.kind == "error":
                    status, response = error(fault.status, fault.reason, fault.message)
                else:
                    status, response = state.respond(call, content)
            if fault and fault.kind == "hang":
                state.released.wait(60)
            if fault and fault.kind in {"lose answer", "hang"}:
                self.close_connection = True
                return
            self.send(status, json.dumps(response).encode())

        def send(self, status: int, response: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(response)))
            self.end_headers()
            self.wfile.write(response)

        do_GET = do_POST = do_PATCH = do_DELETE = respond  # noqa: N815 - names of http.server

        def log_message(self, *_: Any) -> None:
            """Nothing: the calls are recorded."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        state.url = f"http://127.0.0.1:{server.server_port}"
        with served_beside(server):
            yield state
