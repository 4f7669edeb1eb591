"""Capture files: written atomically, and verified when they are read (docs/captures.md).

For reading from amoCRM see `crm`, for the captures of a day `finding`.
"""

from __future__ import annotations

import json
import zlib
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any

from zlib_ng import gzip_ng, zlib_ng

from amocrm_assets.captures.header import ReadingFinding, damaged, head_of, header_from, json_line
from amocrm_assets.storage.disk import disk_errors

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from pathlib import Path

    from amocrm_assets.captures.header import CaptureHeader
    from amocrm_assets.entities import Captured
    from amocrm_assets.storage import Storage

# The key of the number of records in the last line, for all entities since the first version of the format.
_COUNT = "leads"
_DIGEST, _FINDINGS = "sha256", "findings"
SUFFIX = ".jsonl.gz"
# The suffix of a file in the same format that replaces removed captures (docs/captures.md).
KEPT_SUFFIX = ".rows.gz"
STAMP = "%Y%m%dT%H%M%S.%fZ"
# Members of this size compress as well as one stream, and hundreds of open days need little memory.
_BUFFER_BYTES = 128 * 1024
# Small enough to be allocated without new pages from the operating system each time.
_CHUNK_BYTES = 64 * 1024
_GZIP_LEVEL = 5
# zlib's value for a stream with a gzip header, and the first bytes of one.
_GZIP_WINDOW = 31
_GZIP_MAGIC = b"\x1f\x8b\x08"
# The last member is searched in this many bytes at the end of a file, before all of it is read.
_TAIL_BYTES = 256 * 1024


@dataclass(frozen=True)
class PublishedCapture:
    """A published capture."""

    name: str
    records: int
    size_bytes: int


class CaptureWriter:
    """A capture that is being written; it becomes visible with `publish`.

    No file stays open between calls, since a backfill writes hundreds of days concurrently: records are buffered
    and appended as complete gzip members. End it with `publish` or `discard`.
    """

    def __init__(
        self, entity: Captured, storage: Storage, header: CaptureHeader, *, after: datetime | None = None
    ) -> None:
        """`after` is the timestamp of the day's newest capture: names sort in the order of reading."""
        self._storage = storage
        self._header = header
        self._after = after
        self._records = 0
        self._digest = sha256()
        self._buffer = bytearray()
        self._is_ended = False
        self._temp = ExitStack()
        self._folder = entity.captures_folder(header.subdomain, header.day)
        self._path = self._temp.enter_context(storage.temp_file(f"{self._folder}/capture{SUFFIX}"))
        self._append(head_of(header))

    def add(self, lines: Iterable[bytes]) -> None:
        """Add records, each the bytes of one JSON object as amoCRM sent it, without a line break."""
        for line in lines:
            if b"\n" in line:
                raise ValueError("a record's bytes hold a line break")
            self._append(line + b"\n")
            self._records += 1

    def publish(self, findings: Iterable[ReadingFinding] = ()) -> PublishedCapture:
        """Write the last line and publish the file under its final name, durably.

        `findings` are what the reading could not prove; they are in the last line, because the first is written
        before they are known.
        """
        with self._temp:
            self.end(findings)
            size_bytes = self._path.stat().st_size
            return PublishedCapture(self._name_it(), self._records, size_bytes)

    def publish_over(self, name: str, findings: Iterable[ReadingFinding] = ()) -> None:
        """Write the last line and replace the capture `name` durably."""
        with self._temp:
            self.end(findings)
            self._storage.replace(name, self._path)

    def end(self, findings: Iterable[ReadingFinding] = ()) -> None:
        """Write the last line, unless it is already written: no more records can be added."""
        if self._is_ended:
            return
        proof: dict[str, Any] = {_COUNT: self._records, _DIGEST: self._digest.hexdigest()}
        if named := [asdict(each) for each in findings]:
            proof[_FINDINGS] = named
        self._buffer += json_line(proof)
        self._flush()
        self._is_ended = True

    def read_back(self) -> OpenCapture:
        """Write the last line; the capture as it would be read once it is published."""
        self.end()
        return OpenCapture(self._header, islice(_verified_lines(self._path.name, self._path), 1, None))

    def discard(self) -> None:
        """Delete what was written."""
        self._temp.close()

    def _append(self, line: bytes) -> None:
        self._digest.update(line)
        self._buffer += line
        if len(self._buffer) >= _BUFFER_BYTES:
            self._flush()

    def _flush(self) -> None:
        member = gzip_ng.compress(self._buffer, _GZIP_LEVEL, mtime=0)
        operation = f"Writing the capture of {self._header.subdomain} {self._header.day}"
        with disk_errors(operation, self._path), self._path.open("ab") as file:
            file.write(member)
        self._buffer.clear()

    def _name_it(self) -> str:
        """Publish under the first free microsecond: two reads may end at the same time.

        If the clock was set back, the new capture must not sort before existing ones, since the later capture
        wins.
        """
        captured_at = self._header.captured_at.astimezone(UTC)
        if self._after is not None:
            captured_at = max(captured_at, self._after + timedelta(microseconds=1))
        while True:
            name = f"{self._folder}/{captured_at.strftime(STAMP)}{SUFFIX}"
            try:
                self._storage.create(name, self._path)
            except FileExistsError:
                captured_at += timedelta(microseconds=1)
            else:
                return name


@dataclass(frozen=True)
class OpenCapture:
    """A capture that is being read: its header, and its records once."""

    header: CaptureHeader
    records: Iterator[bytes]


@contextmanager
def open_capture(entity: Captured, storage: Storage, name: str) -> Iterator[OpenCapture]:
    """Read a capture, starting with its first line. Raises `FileNotFoundError`.

    `records` raises `CaptureDamaged` at its end if the file is damaged: do not use results derived from the
    records before the iterator has ended. The file is open only while `records` is iterated.
    """
    with storage.as_local_path(name) as path:
        with closing(_verified_lines(name, path)) as lines:
            header = header_from(entity, name, next(lines))
        yield OpenCapture(header, islice(_verified_lines(name, path), 1, None))


def read_first_line(entity: Captured, storage: Storage, name: str) -> CaptureHeader:
    """The header; the lines after it may be damaged. Raises `CaptureDamaged`."""
    line, unpack = bytearray(), zlib.decompressobj(_GZIP_WINDOW)
    with storage.as_local_path(name) as path, disk_errors(f"Reading {name}", path), path.open("rb") as file:
        while b"\n" not in line and (packed := file.read(_CHUNK_BYTES)):
            try:
                line += unpack.decompress(packed)
            except zlib.error as error:
                raise damaged(name, f"its compressed data ends early ({error}).") from error
    return header_from(entity, name, bytes(line.partition(b"\n")[0]))


def read_findings(storage: Storage, name: str) -> tuple[ReadingFinding, ...]:
    """What the reading of a day could not prove, from the last line alone. Raises `CaptureDamaged`.

    Without `tells_findings` in the header it is unknown.
    """
    import msgspec

    with storage.as_local_path(name) as path, disk_errors(f"Reading {name}", path):
        found = _proof_from(name, _last_line(name, path)).get(_FINDINGS, [])
    try:
        return tuple(msgspec.convert(found, list[ReadingFinding]))
    except msgspec.ValidationError as error:
        raise damaged(name, f"its last line names no findings ({error}).") from error


def _last_line(name: str, path: Path) -> bytes:
    """The last line, without reading the others: it is in the last gzip member of the file."""
    with path.open("rb") as file:
        size_bytes = file.seek(0, 2)
        for tail_bytes in (_TAIL_BYTES, size_bytes):
            file.seek(max(size_bytes - tail_bytes, 0))
            tail = file.read()
            at = tail.rfind(_GZIP_MAGIC)
            while at >= 0:
                unpack = zlib.decompressobj(_GZIP_WINDOW)
                with suppress(zlib.error):
                    unpacked = unpack.decompress(tail[at:])
                    if unpack.eof and not unpack.unused_data:
                        return unpacked.rstrip(b"\n").rpartition(b"\n")[2]
                at = tail.rfind(_GZIP_MAGIC, 0, at)
    raise damaged(name, "its compressed data ends early (no last line).")


def _verified_lines(name: str, path: Path) -> Generator[bytes]:
    """First line and records; the last line, which is always held back, verifies them."""
    digest, count, held = sha256(), 0, b""
    with ExitStack() as stack:
        with disk_errors(f"Reading {name}", path):
            file = stack.enter_context(gzip_ng.open(path))
        # Chunks grow with the buffer, so that a line of many megabytes is not searched again for each chunk.
        while chunk := _chunk(name, path, file, max(_CHUNK_BYTES, len(held))):
            held += chunk
            end = held.rfind(b"\n", 0, max(held.rfind(b"\n"), 0)) + 1
            digest.update(memoryview(held)[:end])
            begin = 0
            while begin < end:  # bytes.split examines each byte, which takes ten times as long
                stop = held.index(b"\n", begin)
                count += 1
                yield held[begin:stop]
                begin = stop + 1
            held = held[end:]
    proof = _proof_from(name, held)
    if count == 0 or (proof.get(_COUNT), proof.get(_DIGEST)) != (count - 1, digest.hexdigest()):
        raise damaged(name, "its last line is missing or does not match the lines before.")


def _chunk(name: str, path: Path, file: gzip_ng.GzipNGFile, size_bytes: int) -> bytes:
    """The next decompressed bytes. Invalid gzip is damage; other errors are errors of the disk."""
    with disk_errors(f"Reading {name}", path):
        try:
            unpacked: bytes = file.read(size_bytes)
        except (gzip_ng.BadGzipFile, EOFError, zlib_ng.error) as error:
            raise damaged(name, f"its compressed data ends early ({error}).") from error
    return unpacked


def _proof_from(name: str, line: bytes) -> dict[str, Any]:
    try:
        proof = json.loads(line)
    except ValueError as error:
        raise damaged(name, "its last line is missing or truncated.") from error
    return proof if isinstance(proof, dict) else {}
