"""A checksum inside a Parquet file: replacing the file replaces both in one step, also on `gs://`.

The footer's metadata holds 64 characters under `NAME`: the SHA-256 of the whole file, computed while these
characters were zeros. Other programs can read the file as usual.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING

from amocrm_assets.errors import InternalError
from amocrm_assets.storage.disk import disk_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa
    import pyarrow.parquet as pq

    from amocrm_assets.storage import Storage

NAME = "amocrm_assets_sha256"
_ZEROS = b"0" * 64
# The name in the footer, then the value's field header (type binary) and length in Thrift's compact encoding.
_MARK = NAME.encode() + b"\x18\x40"
# A Parquet file ends with the length of its footer and these four bytes.
_MAGIC, _END_BYTES = b"PAR1", 8
_CHUNK_BYTES = 1024 * 1024

UNSEALED = {NAME: _ZEROS.decode()}
"""Metadata that a file must be written with before `seal`."""


@contextmanager
def sealed_file(
    storage: Storage, name: str, schema: pa.Schema, metadata: Mapping[str, str] | None = None
) -> Iterator[pq.ParquetWriter]:
    """Write a sealed file; it replaces the existing file when the block ends without an error."""
    import pyarrow.parquet as pq

    with storage.temp_file(name) as path:
        with disk_errors(f"Writing {name}", path):
            with pq.ParquetWriter(path, schema, compression="zstd") as writer:
                yield writer
                writer.add_key_value_metadata({**(metadata or {}), **UNSEALED})
            seal(path)
        storage.replace(name, path)


@contextmanager
def sealed_path(storage: Storage, name: str) -> Iterator[Path | None]:
    """A file to read from; None if it is missing or its checksum is wrong."""
    with ExitStack() as stack:
        try:
            path = stack.enter_context(storage.as_local_path(name))
        except FileNotFoundError:
            yield None
            return
        with disk_errors(f"Reading {name}", path):
            broken = broken_seal(path)
        yield None if broken else path


def seal(path: Path) -> None:
    """Write the digest into a file that was written with `UNSEALED`."""
    place = _place(path)
    if place is None:
        raise InternalError(
            f"Sealing {path.name}",
            cause="its footer has no place for a digest.",
            fix="Report this.",
            path=str(path),
        )
    digest, _ = _digests(path, place)
    with path.open("r+b") as file:
        file.seek(place)
        file.write(digest)


def broken_seal(path: Path) -> str | None:
    """What is wrong with a file; None if its checksum is right."""
    place = _place(path)
    if place is None:
        return "it has no checksum: it is damaged, or an older version wrote it"
    computed, stored = _digests(path, place)
    return None if computed == stored else "its checksum is wrong: the file was damaged or changed"


def _place(path: Path) -> int | None:
    """The offset of the digest in the file; None if there is none."""
    with path.open("rb") as file:
        size_bytes = file.seek(0, 2)
        file.seek(max(size_bytes - _END_BYTES, 0))
        end = file.read(_END_BYTES)
        footer_bytes = int.from_bytes(end[:4], "little")
        if not end.endswith(_MAGIC) or footer_bytes > size_bytes - _END_BYTES:
            return None
        start = size_bytes - _END_BYTES - footer_bytes
        file.seek(start)
        # The last match: texts of records (in column statistics) come before the file's own metadata.
        found = file.read(footer_bytes).rfind(_MARK)
    place = start + found + len(_MARK)
    return place if found >= 0 and place + len(_ZEROS) <= size_bytes - _END_BYTES else None


def _digests(path: Path, place: int) -> tuple[bytes, bytes]:
    """The computed digest of the file, and the stored one."""
    digest, stored, at = sha256(), b"", 0
    with path.open("rb") as file:
        while chunk := bytearray(file.read(_CHUNK_BYTES)):
            begin, end = max(place - at, 0), min(place + len(_ZEROS) - at, len(chunk))
            if begin < end:
                stored += chunk[begin:end]
                chunk[begin:end] = b"0" * (end - begin)
            digest.update(chunk)
            at += len(chunk)
    return digest.hexdigest().encode(), stored
