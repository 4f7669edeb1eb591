"""The storage of captures, rows and tokens: one interface for a local folder and a `gs://` prefix.

A name is a relative path in the storage (`captures/acme/leads/2026-01-01/….jsonl.gz`). All writes are atomic.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from amocrm_assets.errors import SettingsError
from amocrm_assets.settings import file_mode
from amocrm_assets.settings.places import local_path

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


@dataclass(frozen=True)
class Versioned:
    """A small file and its version when it was read."""

    content: bytes
    version: str


class Storage(Protocol):
    """A storage for files. Errors: `StorageUnavailable` (transient) and `StorageRefused` (action required)."""

    def names(self, prefix: str) -> list[str]:
        """Names of all complete files in the folder `prefix` ("" is everything), sorted."""
        ...

    def uri(self, name: str) -> str:
        """The location of a file for other programs: an absolute path or `gs://…`."""
        ...

    def temp_file(self, name: str) -> AbstractContextManager[Path]:
        """A local path to write a file into before it is published; removed when the context ends.

        Files that a killed process left there are removed by `remove_stale`.
        """
        ...

    def remove_stale(self, prefix: str) -> int:
        """Remove temporary files of killed processes, for the file `prefix` and all files in the folder `prefix`.

        The caller holds the lock of their writers.
        """
        ...

    def create(self, name: str, file: Path) -> None:
        """Publish a written file under a new name, durably. Raises `FileExistsError` if the name is taken."""
        ...

    def replace(self, name: str, file: Path) -> None:
        """Publish a written file durably, replacing an existing one."""
        ...

    def as_local_path(self, name: str) -> AbstractContextManager[Path]:
        """A local path for reading the file. Raises `FileNotFoundError`."""
        ...

    def version(self, name: str) -> str:
        """The version of a file of any size, without downloading it. Raises `FileNotFoundError`."""
        ...

    def read(self, name: str) -> Versioned | None:
        """A small file with its version, or None."""
        ...

    def write(self, name: str, content: bytes, *, if_version: str | None) -> str | None:
        """Write a small private file (0600) durably if it still has the version; None means it must not exist.

        Returns the new version, or None if another process was faster.
        """
        ...

    def delete(self, name: str) -> None:
        """Remove a file if it exists."""
        ...

    def lock(self, name: str, *, wait_seconds: float) -> AbstractContextManager[None]:
        """Hold a lock across threads, processes and, on `gs://`, machines. Raises `Busy` after the wait.

        The lock of a killed holder is released automatically.
        """
        ...


def checked_name(name: str) -> str:
    """Validate a name: it must stay within the storage and have no hidden part. Other names are bugs."""
    if not all(part and not part.startswith(".") for part in name.split("/")):
        raise ValueError(f"{name!r} is not a name in a storage")
    return name


def open_storage(url: str) -> Storage:
    """The storage at a folder's path or at `gs://bucket/prefix`. Raises `SettingsError` for other schemes.

    For accepted forms, and how relative paths are resolved, see `settings.places`.
    """
    if url.startswith("gs://"):
        from amocrm_assets.storage.gcs import GcsStorage

        return GcsStorage(url)
    if "://" in url:
        raise SettingsError(
            f"Opening the storage {url}",
            cause="it is neither a folder nor a bucket of Cloud Storage.",
            fix="Write a folder's path or gs://bucket/prefix into AMOCRM_STORAGE or AMOCRM_TOKENS.",
        )
    from amocrm_assets.storage.folder import FolderStorage

    folder = Path(url) if Path(url).is_absolute() else local_path("AMOCRM_STORAGE", url)
    return FolderStorage(folder, file_mode=file_mode())
