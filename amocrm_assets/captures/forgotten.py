"""Captures without forgotten people: the list of them in the storage, and rewritten captures.

A removed record is replaced by a tombstone, a line with the id of the request; so a capture still shows how many
records were read. Apart from this a capture is never changed.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from hashlib import file_digest
from typing import TYPE_CHECKING

from amocrm_assets.captures.files import CaptureWriter, open_capture, read_findings
from amocrm_assets.errors import ActionRequired
from amocrm_assets.privacy.forgotten import ForgottenList, from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from amocrm_assets.captures.files import OpenCapture
    from amocrm_assets.entities import Captured
    from amocrm_assets.storage import Storage

_TOMBSTONE = b'{"amocrm_assets_forgotten":'
_SALT_BYTES = 32


@dataclass(frozen=True)
class Rewritten:
    """The result for one capture: SHA-256 of the file afterwards."""

    records: int
    after: str


def forgotten_name(subdomain: str) -> str:
    """Name of the list in the storage."""
    return f"privacy/{subdomain}/forgotten.json"


def read_forgotten(storage: Storage, subdomain: str) -> ForgottenList | None:
    """The forgotten people of an account; None if there are none. Raises `ActionRequired` for a damaged list."""
    name = forgotten_name(subdomain)
    found = storage.read(name)
    if found is None:
        return None
    try:
        return from_json(found.content)
    except (ValueError, KeyError, TypeError) as error:
        raise ActionRequired(
            f"Reading {storage.uri(name)}",
            cause="it is not the list of people who are forgotten.",
            fix="Bring it back from a backup (docs/privacy.md). Without it they would be read again.",
            source=subdomain,
        ) from error


def new_list(region: str) -> ForgottenList:
    """An empty list with a new salt."""
    return ForgottenList(secrets.token_bytes(_SALT_BYTES), region=region)


def write_forgotten(storage: Storage, subdomain: str, forgotten: ForgottenList) -> None:
    """Store the list. The caller holds the account's lock."""
    there = storage.read(forgotten_name(subdomain))
    storage.write(
        forgotten_name(subdomain), to_json(forgotten), if_version=None if there is None else there.version
    )


def without_tombstones(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The records without tombstones."""
    return (line for line in lines if not is_tombstone(line))


def is_tombstone(line: bytes) -> bool:
    """Whether the line replaces a removed record."""
    return line.startswith(_TOMBSTONE)


def digest_of_file(storage: Storage, name: str) -> str:
    """SHA-256 of a file of the storage. Raises `FileNotFoundError`."""
    with storage.as_local_path(name) as path, path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def count_forgotten(entity: Captured, storage: Storage, name: str, forgotten: ForgottenList) -> int:
    """The number of records of a capture, and fields of its header, that would be changed or removed.

    Raises `CaptureDamaged`.
    """
    with open_capture(entity, storage, name) as capture:
        options = sum(forgotten.definition(each) is not each for each in capture.header.fields)
        return options + sum(new != line for line, new in _forgotten_lines(entity, capture, forgotten))


def rewrite_capture(
    entity: Captured, storage: Storage, name: str, forgotten: ForgottenList, *, request: str
) -> Rewritten:
    """Replace a capture atomically by one without these people. Raises `CaptureDamaged`.

    Its name and header do not change, except the number of tombstones and options of fields with their data.
    """
    tombstone = _TOMBSTONE + json.dumps(request).encode() + b"}"
    with open_capture(entity, storage, name) as capture:
        lines = [(line, new) for line, new in _forgotten_lines(entity, capture, forgotten)]
        stones = sum(new is None or is_tombstone(new) for _, new in lines)
        fields = [forgotten.definition(each) for each in capture.header.fields]
        header = replace(capture.header, fields=fields, forgotten=stones or None)
        writer = CaptureWriter(entity, storage, header)
        try:
            writer.add(tombstone if new is None else new for _, new in lines)
            writer.publish_over(name, read_findings(storage, name))
        finally:
            writer.discard()
    return Rewritten(sum(new != line for line, new in lines), digest_of_file(storage, name))


def _forgotten_lines(
    entity: Captured, capture: OpenCapture, forgotten: ForgottenList
) -> Iterator[tuple[bytes, bytes | None]]:
    """Each record, and its remaining form."""
    for name, line in _named(entity, capture):
        yield line, line if is_tombstone(line) else forgotten.kept(name, line)


def _named(entity: Captured, capture: OpenCapture) -> Iterator[tuple[str, bytes]]:
    """Each record with the name of its list."""
    lists = capture.header.lists
    if lists is None:
        yield from ((entity.name, line) for line in capture.records)
        return
    names = (each.name for each in lists for _ in range(each.records))
    yield from zip(names, capture.records, strict=True)
