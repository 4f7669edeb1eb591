"""Where captures, rows and tokens are kept: a local folder or a `gs://` prefix, one interface for both.

A name is a path below the place (`captures/acme/leads/2026-01-01/….jsonl.gz`). Whatever is written appears
whole or not at all. What the files mean: see those who write them.
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
    """A small file and the version it had when it was read."""

    content: bytes
    version: str


class Storage(Protocol):
    """A place for files. Errors: `StorageUnavailable` may pass, `StorageRefused` needs a person."""

    def names(self, prefix: str) -> list[str]:
        """Names of all finished files below the folder `prefix` ("" is everything), sorted."""
        ...

    def uri(self, name: str) -> str:
        """Where a file lies for other programs: an absolute path or `gs://…`."""
        ...

    def temp_file(self, name: str) -> AbstractContextManager[Path]:
        """A local path to write a file into before it is published; gone when the context ends.

        What a killed process left behind there is removed by `remove_stale`.
        """
        ...

    def remove_stale(self, prefix: str) -> int:
        """Remove what killed processes left of the file `prefix` and of all below the folder `prefix`.

        The caller holds the lock of their writers.
        """
        ...

    def create(self, name: str, file: Path) -> None:
        """Publish a written file under a new name, durably. Raises `FileExistsError` if the name is taken."""
        ...

    def replace(self, name: str, file: Path) -> None:
        """Publish a written file, in the place of one that may be there, durably."""
        ...

    def as_local_path(self, name: str) -> AbstractContextManager[Path]:
        """The file as a local path to read from. Raises `FileNotFoundError`."""
        ...

    def version(self, name: str) -> str:
        """The version of a file of any size, without bringing it here. Raises `FileNotFoundError`."""
        ...

    def read(self, name: str) -> Versioned | None:
        """A small file with its version, or None."""
        ...

    def write(self, name: str, content: bytes, *, if_version: str | None) -> str | None:
        """Write a small private file durably (0600) if it still has the version; None means: must not exist.

        Returns the new version, or None when somebody else was quicker.
        """
        ...

    def delete(self, name: str) -> None:
        """Remove a file if it is there."""
        ...

    def lock(self, name: str, *, wait_seconds: float) -> AbstractContextManager[None]:
        """Hold a lock across threads, processes and, on `gs://`, machines. Raises `Busy` after the wait.

        A killed holder's lock comes free by itself.
        """
        ...


def checked_name(name: str) -> str:
    """The name itself, if it stays below the place and hides no part. Other names are mistakes of ours."""
    if not all(part and not part.startswith(".") for part in name.split("/")):
        raise ValueError(f"{name!r} is not a name in a storage")
    return name


def open_storage(url: str) -> Storage:
    """The storage at a folder's path or at `gs://bucket/prefix`. Raises `SettingsError` for other schemes.

    What people may write, and where a relative path begins: see `settings.places`.
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
