"""Storage in Cloud Storage: objects in `gs://bucket/prefix`, with the guarantees of a folder.

Objects are written atomically, and replace only the expected generation. Unfinished files are in a private folder
of this machine. For requests to the bucket see `bucket`, for locks `lease`.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amocrm_assets.errors import SettingsError, StorageRefused
from amocrm_assets.storage import Versioned, checked_name
from amocrm_assets.storage.bucket import Bucket
from amocrm_assets.storage.disk import disk_errors
from amocrm_assets.storage.folder import FolderStorage
from amocrm_assets.storage.lease import Lease

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

# Age after which a download belongs to a killed reader; no download takes this long.
_OLDEST_DOWNLOAD_SECONDS = 24 * 3600.0


class GcsStorage:
    """Objects with a prefix in a bucket."""

    def __init__(self, url: str, *, lease_seconds: float = 60.0, give_up_seconds: float = 120.0) -> None:
        """A killed holder's lock expires after `lease_seconds`; failing requests end after `give_up_seconds`."""
        bucket, _, prefix = url.removeprefix("gs://").partition("/")
        if not bucket:
            raise SettingsError(
                f"Opening the storage {url}",
                cause="it names no bucket.",
                fix="Write AMOCRM_STORAGE or AMOCRM_TOKENS like gs://my-bucket/amocrm.",
            )
        self._opened = partial(type(self), url, lease_seconds=lease_seconds, give_up_seconds=give_up_seconds)
        self._bucket = Bucket(bucket, give_up_seconds=give_up_seconds)
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._lease_seconds = lease_seconds
        self._place = f"{bucket}/{self._prefix}"

    def __reduce__(self) -> tuple[Any, ...]:
        """For other processes, which need connections of their own."""
        return self._opened, ()

    def names(self, prefix: str) -> list[str]:
        """Names of all objects in the folder `prefix`, sorted, without locks."""
        folder = f"{checked_name(prefix)}/" if prefix else ""
        names = (key.removeprefix(self._prefix) for key in self._bucket.keys(f"{self._prefix}{folder}"))
        return sorted(name for name in names if not any(part.startswith(".") for part in name.split("/")))

    def uri(self, name: str) -> str:
        """The object's address."""
        return self._bucket.uri(self._key(name))

    def temp_file(self, name: str) -> AbstractContextManager[Path]:
        """A file on this machine."""
        return self._files("written").temp_file(name)

    def remove_stale(self, prefix: str) -> int:
        """Remove files of killed processes of this machine in `prefix`, and downloads of killed readers."""
        self._remove_old_downloads()
        return self._files("written").remove_stale(prefix)

    def create(self, name: str, file: Path) -> None:
        """Upload a file under a new name. Raises `FileExistsError` if the name is taken."""
        if self._bucket.upload(self._key(name), file, if_generation="0") is None:
            raise FileExistsError(name)

    def replace(self, name: str, file: Path) -> None:
        """Upload a file, replacing an existing object."""
        self._bucket.upload(self._key(name), file, if_generation=None)

    @contextmanager
    def as_local_path(self, name: str) -> Iterator[Path]:
        """A copy of the object on this machine. Raises `FileNotFoundError`."""
        with self._files("read").temp_file(name) as path:
            self._bucket.download(self._key(name), path)
            yield path

    def version(self, name: str) -> str:
        """The object's generation. Raises `FileNotFoundError`."""
        there = self._bucket.stat(self._key(name))
        if there is None:
            raise FileNotFoundError(name)
        return str(there.generation)

    def read(self, name: str) -> Versioned | None:
        """A small object with its generation, or None."""
        key = self._key(name)
        while there := self._bucket.stat(key):
            generation = str(there.generation)
            content = self._bucket.read(key, generation=generation)
            if content is not None:  # otherwise it was just replaced
                return Versioned(content, generation)
        return None

    def write(self, name: str, content: bytes, *, if_version: str | None) -> str | None:
        """Write a small object if it still has the version; None means that it must not exist.

        Returns the new version, or None if another process was faster. The bucket controls read access.
        """
        written = self._bucket.upload(self._key(name), content, if_generation=if_version or "0")
        return str(written.generation) if written else None

    def delete(self, name: str) -> None:
        """Remove an object if it exists."""
        self._bucket.delete(self._key(name))

    def lock(self, name: str, *, wait_seconds: float) -> AbstractContextManager[None]:
        """Hold a lock across threads, processes and machines. Raises `Busy` after the wait."""
        folder, _, last = self._key(name).rpartition("/")
        key = f"{folder}/.{last}.lease".lstrip("/")
        lease = Lease(self._bucket, key, name=name, seconds=self._lease_seconds)
        return lease.held(wait_seconds=wait_seconds)

    def _key(self, name: str) -> str:
        return f"{self._prefix}{checked_name(name)}"

    def _files(self, kind: str) -> FolderStorage:
        return FolderStorage(_private_folder() / kind / self._place)

    def _remove_old_downloads(self) -> None:
        folder = _private_folder() / "read"
        with disk_errors("Removing old downloads", folder):
            for path in folder.rglob("*"):
                if path.is_file() and path.stat().st_mtime < time.time() - _OLDEST_DOWNLOAD_SECONDS:
                    path.unlink(missing_ok=True)


def _private_folder() -> Path:
    """A folder for temporary files that only this user can read."""
    folder = Path(tempfile.gettempdir()) / f"amocrm-assets-{os.getuid()}"
    with disk_errors("Making a folder for temporary files", folder):
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise StorageRefused(
            "Making a folder for temporary files",
            cause=f"{folder} exists, and other users can read it.",
            fix="Remove it, or set TMPDIR to a private folder.",
        )
    return folder
