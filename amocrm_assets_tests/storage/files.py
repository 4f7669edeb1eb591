"""Publishing and reading files in one line, for tests."""

from __future__ import annotations

from amocrm_assets.storage import Storage


def create(storage: Storage, name: str, content: bytes) -> None:
    """Publish a file under a new name."""
    with storage.temp_file(name) as temp:
        temp.write_bytes(content)
        storage.create(name, temp)


def replace(storage: Storage, name: str, content: bytes) -> None:
    """Publish a file in the place of one that may be there."""
    with storage.temp_file(name) as temp:
        temp.write_bytes(content)
        storage.replace(name, temp)


def content(storage: Storage, name: str) -> bytes:
    """What a file holds."""
    with storage.as_local_path(name) as path:
        return path.read_bytes()
