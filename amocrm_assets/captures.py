"""Captures: raw leads of one account and one partition day, as amoCRM sent them, in append-only files.

The layout of a file (docs/captures.md), writing it, finding it and reading it with proof of wholeness belong
here. Asking amoCRM comes before, understanding a lead's fields after.
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any

from zlib_ng import gzip_ng, zlib_ng

from amocrm_assets.errors import CaptureDamaged
from amocrm_assets.storage.disk import disk_errors

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from pathlib import Path

    from amocrm_assets.storage import Storage

FORMAT = 1
FORMAT_KEY = "amocrm_assets_capture"
_SUFFIX = ".jsonl.gz"
_STAMP = "%Y%m%dT%H%M%S.%fZ"
_NAME = re.compile(r"captures/[^/]+/leads/(?P<day>[0-9-]{10})/(?P<stamp>[0-9]{8}T[0-9]{6}\.[0-9]{6}Z)\.jsonl\.gz")
# A member of this size compresses as well as one whole stream, and hundreds of open days stay small in memory.
_BUFFER_BYTES = 128 * 1024
# Small enough to be allocated without asking the operating system for fresh pages each time.
_CHUNK_BYTES = 64 * 1024
_GZIP_LEVEL = 5


@dataclass(frozen=True)
class CaptureHeader:
    """What is known of a capture before its leads: the first line of the file.

    `from_at` and `to_at` bound the window that was read, `fields` is the account's catalogue of custom fields.
    """

    subdomain: str
    day: date
    from_at: int
    to_at: int
    timezone: str
    captured_at: datetime
    account_id: int
    fields: list[dict[str, Any]]

    def __post_init__(self) -> None:
        """Refuse a time without zone: file names are written in UTC."""
        if self.captured_at.tzinfo is None:
            raise ValueError("captured_at needs a time zone")


@dataclass(frozen=True)
class PublishedCapture:
    """A capture that is in the storage to stay."""

    name: str
    leads: int
    size_bytes: int


class CaptureWriter:
    """A capture that is being written; nothing of it is seen before `publish`.

    No file stays open between calls, since a backfill writes hundreds of days side by side: leads are gathered
    and appended as whole gzip members. End it by `publish` or `discard`.
    """

    def __init__(self, storage: Storage, facts: CaptureHeader) -> None:
        self._storage = storage
        self._facts = facts
        self._leads = 0
        self._digest = sha256()
        self._buffer = bytearray()
        self._scratch = ExitStack()
        folder = _folder(facts.subdomain, facts.day)
        self._path = self._scratch.enter_context(storage.temp_file(f"{folder}/capture{_SUFFIX}"))
        self._take(_line(_head_of(facts)))

    def add(self, lines: Iterable[bytes]) -> None:
        """Add leads, each the bytes of one JSON object as amoCRM sent it, without a line break in it."""
        for line in lines:
            if b"\n" in line:
                raise ValueError("a lead's bytes hold a line break")
            self._take(line + b"\n")
            self._leads += 1

    def publish(self) -> PublishedCapture:
        """Write the last line and put the file into the storage under its final name, durably."""
        with self._scratch:
            self._buffer += _line({"leads": self._leads, "sha256": self._digest.hexdigest()})
            self._flush()
            size_bytes = self._path.stat().st_size
            return PublishedCapture(self._name_it(), self._leads, size_bytes)

    def discard(self) -> None:
        """Forget what was written."""
        self._scratch.close()

    def _take(self, line: bytes) -> None:
        self._digest.update(line)
        self._buffer += line
        if len(self._buffer) >= _BUFFER_BYTES:
            self._flush()

    def _flush(self) -> None:
        member = gzip_ng.compress(self._buffer, _GZIP_LEVEL, mtime=0)
        operation = f"Writing the capture of {self._facts.subdomain} {self._facts.day}"
        with disk_errors(operation, self._path), self._path.open("ab") as file:
            file.write(member)
        self._buffer.clear()

    def _name_it(self) -> str:
        """Publish under the first free microsecond: two readings may end at the same instant."""
        captured_at = self._facts.captured_at.astimezone(UTC)
        while True:
            name = f"{_folder(self._facts.subdomain, self._facts.day)}/{captured_at.strftime(_STAMP)}{_SUFFIX}"
            try:
                self._storage.create(name, self._path)
            except FileExistsError:
                captured_at += timedelta(microseconds=1)
            else:
                return name


@dataclass(frozen=True)
class OpenCapture:
    """A capture that is being read: its facts, and its leads once."""

    facts: CaptureHeader
    leads: Iterator[bytes]


@dataclass(frozen=True)
class CaptureFound:
    """A capture in the storage, by its name alone."""

    name: str
    captured_at: datetime


def capture_names(storage: Storage, subdomain: str, day: date) -> list[str]:
    """Names of the captures of a day, the oldest first."""
    return [found.name for _, found in _captures_below(storage, _folder(subdomain, day))]


def captured_days(storage: Storage, subdomain: str) -> list[date]:
    """Days that have a capture, in order."""
    return list(newest_captures(storage, subdomain))


def newest_captures(storage: Storage, subdomain: str) -> dict[date, CaptureFound]:
    """The newest capture of each day that has one, by one look at the storage; the days in order."""
    return dict(_captures_below(storage, f"captures/{subdomain}/leads"))


def _captures_below(storage: Storage, folder: str) -> Iterator[tuple[date, CaptureFound]]:
    """Captures by day and age. A file with another kind of name, which nothing here wrote, is none."""
    for name in storage.names(folder):
        if match := _NAME.fullmatch(name):
            captured_at = datetime.strptime(match["stamp"], _STAMP).replace(tzinfo=UTC)
            yield date.fromisoformat(match["day"]), CaptureFound(name, captured_at)


@contextmanager
def open_capture(storage: Storage, name: str) -> Iterator[OpenCapture]:
    """Read a capture from its first line on. Raises `FileNotFoundError`.

    `leads` raises `CaptureDamaged` at its end when the file is not what was written: nothing that was made of the
    leads may be used before the iterator has ended. The file is open only while `leads` is being read.
    """
    with storage.as_local_path(name) as path:
        with closing(_verified_lines(name, path)) as lines:
            facts = _facts_from(name, next(lines))
        yield OpenCapture(facts, islice(_verified_lines(name, path), 1, None))


def _folder(subdomain: str, day: date) -> str:
    return f"captures/{subdomain}/leads/{day.isoformat()}"


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _head_of(facts: CaptureHeader) -> dict[str, Any]:
    changed = {"day": facts.day.isoformat(), "captured_at": facts.captured_at.isoformat()}
    return {FORMAT_KEY: FORMAT} | vars(facts) | changed


def _facts_from(name: str, line: bytes) -> CaptureHeader:
    import msgspec

    try:
        head = json.loads(line)
        capture_format = head.pop(FORMAT_KEY)
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise _damaged(name, "its first line does not say that it is a capture.") from error
    if capture_format != FORMAT:
        raise CaptureDamaged(
            f"Reading {name}",
            cause=f"it has format {capture_format!r}, and this version knows format {FORMAT}.",
            fix="Upgrade amocrm-assets to the version that wrote it, or a newer one.",
            capture=name,
        )
    try:
        facts = msgspec.convert(head, CaptureHeader)
    except msgspec.ValidationError as error:
        raise _damaged(name, f"its first line lacks facts ({error}).") from error
    if _folder(facts.subdomain, facts.day) != name.rpartition("/")[0]:
        raise _damaged(name, f"it was written for {_folder(facts.subdomain, facts.day)}.")
    return facts


def _verified_lines(name: str, path: Path) -> Generator[bytes]:
    """First line and leads; the last line, always held back, proves them."""
    digest, count, held = sha256(), 0, b""
    with ExitStack() as stack:
        with disk_errors(f"Reading {name}", path):
            file = stack.enter_context(gzip_ng.open(path))
        # Chunks grow with what is held, so that a line of many megabytes is not looked through at each of them.
        while chunk := _chunk(name, path, file, max(_CHUNK_BYTES, len(held))):
            held += chunk
            end = held.rfind(b"\n", 0, max(held.rfind(b"\n"), 0)) + 1
            digest.update(memoryview(held)[:end])
            begin = 0
            while begin < end:  # bytes.split looks at each byte, which takes ten times as long
                stop = held.index(b"\n", begin)
                count += 1
                yield held[begin:stop]
                begin = stop + 1
            held = held[end:]
    if count == 0 or _proof_from(name, held) != {"leads": count - 1, "sha256": digest.hexdigest()}:
        raise _damaged(name, "its last line is missing or does not fit the lines before.")


def _chunk(name: str, path: Path, file: gzip_ng.GzipNGFile, size_bytes: int) -> bytes:
    """The next unpacked bytes. Bytes that are no gzip are damage; other errors are the disk's."""
    with disk_errors(f"Reading {name}", path):
        try:
            unpacked: bytes = file.read(size_bytes)
        except (gzip_ng.BadGzipFile, EOFError, zlib_ng.error) as error:
            raise _damaged(name, f"its compression breaks off ({error}).") from error
    return unpacked


def _proof_from(name: str, line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise _damaged(name, "its last line is missing or cut off.") from error


def _damaged(name: str, cause: str) -> CaptureDamaged:
    return CaptureDamaged(
        f"Reading {name}",
        cause=cause,
        fix="Bring it back from a backup, or move it away and materialise its day again (docs/captures.md).",
        capture=name,
    )
