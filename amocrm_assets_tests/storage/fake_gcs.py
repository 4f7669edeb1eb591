"""A small Cloud Storage on loopback: the part of its JSON API that the storage uses, with faults on request.

Emulators on PyPI do not honour every generation precondition (those of deletes and of resumable uploads, or
none), which is what the storage's guarantees rest on. This one does, and it checks checksums.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Literal

import google_crc32c
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


# What happens to a request: nothing is done; or it is done and its answer lost or cut off; or it is refused.
@dataclass(frozen=True)
class Refusal:
    """An answer in words of Google's."""

    status: int
    message: str


Fault = Literal["unavailable", "answer lost", "cut off", "forbidden", "unauthorized"] | Refusal
REFUSALS: dict[Fault | None, Refusal] = {
    "unavailable": Refusal(503, "Backend unavailable"),
    "forbidden": Refusal(403, "someone does not have storage.objects.create access"),
    "unauthorized": Refusal(401, "Invalid Credentials"),
}
BUCKET = "bucket"


@dataclass
class Object:
    """One object: its content and what is known of it."""

    content: bytes
    properties: dict[str, Any]

    @property
    def crc32c(self) -> str:
        return b64encode(google_crc32c.value(self.content).to_bytes(4, "big")).decode()


class FakeGcs:
    """The buckets, the requests so far, and what shall go wrong."""

    def __init__(self) -> None:
        self.url = ""
        self._generations = count(1)
        self._sessions: dict[str, tuple[dict[str, Any], str | None]] = {}
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Be as new, with one empty bucket."""
        self.buckets: dict[str, dict[str, Object]] = {BUCKET: {}}
        self.requests: list[str] = []
        self.writes = Counter[str]()
        self.fault: Callable[[Request], Fault | None] = lambda _: None
        self.clock_offset = timedelta(0)
        self.page_size = 1000
        # Where `{bucket}/{name}` is written as well, for BigQuery's emulator, which loads from there.
        self.mirror: Path | None = None

    def app(self) -> Starlette:
        objects = "/storage/v1/b/{bucket}/o"
        return Starlette(
            routes=[
                Route(f"/upload{objects}", self._faulty(self._upload), methods=["POST", "PUT"]),
                Route(f"/download{objects}/{{name:path}}", self._faulty(self._download)),
                Route(f"{objects}/{{name:path}}", self._faulty(self._object), methods=["GET", "DELETE"]),
                Route(objects, self._faulty(self._list)),
            ]
        )

    def _faulty(self, handler: Callable[[Request, bytes], Response]) -> Callable[[Request], Any]:
        async def faulty(request: Request) -> Response:
            body = await request.body()
            with self._lock:
                self.requests.append(f"{request.method} {request.url.path}")
                fault = self.fault(request)
                refusal = fault if isinstance(fault, Refusal) else REFUSALS.get(fault)
                if refusal:
                    return problem(refusal.status, refusal.message)
                if request.path_params["bucket"] not in self.buckets:
                    return problem(404, "The specified bucket does not exist.")
                done = handler(request, body)
            if fault == "answer lost":
                return problem(503, "Backend unavailable")
            if fault == "cut off":
                done.body = done.body[:-1]
            return done

        return faulty

    def _upload(self, request: Request, body: bytes) -> Response:
        bucket = request.path_params["bucket"]
        condition = request.query_params.get("ifGenerationMatch")
        if session := request.query_params.get("upload_id"):
            properties, condition = self._sessions[session]
            return self._put(bucket, properties, body, condition)
        if request.query_params["uploadType"] == "resumable":
            properties = json.loads(body)
            if (refused := self._refused(bucket, properties["name"], condition)) is not None:
                return refused
            session = str(len(self._sessions))
            self._sessions[session] = (properties, condition)
            location = f"{self.url}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={session}"
            return Response(headers={"Location": location})
        boundary = re.search(r'boundary="?([^"]+)"?', request.headers["content-type"])
        assert boundary is not None
        first, second = body.split(f"--{boundary[1]}".encode())[1:3]
        properties = json.loads(first.partition(b"\r\n\r\n")[2])
        content = second.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
        return self._put(bucket, properties, content, condition)

    def _put(self, bucket: str, properties: dict[str, Any], content: bytes, condition: str | None) -> Response:
        name = properties["name"]
        if (refused := self._refused(bucket, name, condition)) is not None:
            return refused
        stored = Object(content, {"metadata": properties.get("metadata")})
        if properties.get("crc32c", stored.crc32c) != stored.crc32c:
            return problem(400, "Provided CRC32C doesn't match calculated CRC32C")
        stored.properties |= {
            "name": name,
            "bucket": bucket,
            "generation": str(next(self._generations)),
            "size": str(len(content)),
            "crc32c": stored.crc32c,
            "updated": (datetime.now(UTC) + self.clock_offset).isoformat().replace("+00:00", "Z"),
        }
        self.buckets[bucket][name] = stored
        self.writes[name] += 1
        if self.mirror:
            (self.mirror / bucket / name).parent.mkdir(parents=True, exist_ok=True)
            (self.mirror / bucket / name).write_bytes(content)
        return JSONResponse(stored.properties)

    def _refused(self, bucket: str, name: str, condition: str | None) -> Response | None:
        there = self.buckets[bucket].get(name)
        generation = there.properties["generation"] if there else "0"
        return None if condition in (None, generation) else problem(412, "conditionNotMet")

    def _object(self, request: Request, _: bytes) -> Response:
        bucket, name = request.path_params["bucket"], request.path_params["name"]
        there = self.buckets[bucket].get(name)
        if there is None:
            return problem(404, f"No such object: {bucket}/{name}")
        if request.method == "GET":
            return JSONResponse(there.properties)
        refused = self._refused(bucket, name, request.query_params.get("ifGenerationMatch"))
        if refused is None:
            del self.buckets[bucket][name]
            if self.mirror:
                (self.mirror / bucket / name).unlink()
        return refused or Response(status_code=204)

    def _download(self, request: Request, _: bytes) -> Response:
        there = self.buckets[request.path_params["bucket"]].get(request.path_params["name"])
        if (
            there is None
            or request.query_params.get("generation", there.properties["generation"])
            != there.properties["generation"]
        ):
            return problem(404, "No such object")
        return Response(there.content, headers={"X-Goog-Hash": f"crc32c={there.crc32c}"})

    def _list(self, request: Request, _: bytes) -> Response:
        names = sorted(self.buckets[request.path_params["bucket"]])
        found = [name for name in names if name.startswith(request.query_params.get("prefix", ""))]
        start = int(request.query_params.get("pageToken", "0"))
        page: dict[str, Any] = {"items": [{"name": name} for name in found[start : start + self.page_size]]}
        if start + self.page_size < len(found):
            page["nextPageToken"] = str(start + self.page_size)
        return JSONResponse(page)


def problem(status: int, message: str) -> Response:
    """An error as Google writes it."""
    return JSONResponse({"error": {"code": status, "message": message}}, status_code=status)


@contextmanager
def running_gcs() -> Iterator[FakeGcs]:
    """A Cloud Storage with one bucket, served from a thread while the context lasts."""
    gcs = FakeGcs()
    listening = socket.create_server(("127.0.0.1", 0))
    gcs.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(gcs.app(), log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listening],), name="gcs", daemon=True)
    thread.start()
    try:
        yield gcs
    finally:
        server.should_exit = True
        thread.join()
