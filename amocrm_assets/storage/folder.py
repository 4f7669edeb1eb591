"""Storage in a local folder: writes are atomic, and durable when they return.

Files appear by linking or renaming a complete, synced temporary file; names with a leading dot (temporary files,
locks) are not part of the storage.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from amocrm_assets.cancellation import check_cancelled, is_cancelled
from amocrm_assets.errors import Busy
from amocrm_assets.storage import Versioned, checked_name
from amocrm_assets.storage.disk import disk_errors
from amocrm_assets.storage.holder import held_by, this_holder
from amocrm_assets.storage.modes import PRIVATE, folder_mode, make_file, make_folder, sync, tighten
from amocrm_assets.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEMP_SUFFIX = ".partial"
# A write holds its lock for one small file; after this time something is stuck.
_WRITE_WAIT_SECONDS = 30.0


class FolderStorage:
    """Files in a folder, which is created by the first write."""

    def __init__(self, folder: str | Path, *, file_mode: int = PRIVATE) -> None:
        """`file_mode` is the mode of new files; folders also get the execute bit for everyone who may read."""
        self._root = Path(folder).absolute()
        self._file_mode = file_mode

    def names(self, prefix: str) -> list[str]:
        """Names of all complete files in `prefix`, sorted."""
        top = self._path(prefix) if prefix else self._root
        found: list[str] = []
        with disk_errors(f"Listing {prefix or 'everything'}", top):
            for folder, folders, files in os.walk(top, onerror=_unless_missing):
                folders[:] = [name for name in folders if not name.startswith(".")]
                below = Path(folder).relative_to(self._root)
                found += [(below / name).as_posix() for name in files if not name.startswith(".")]
        return sorted(found)

    def uri(self, name: str) -> str:
        """The file's absolute path."""
        return str(self._path(name))

    @contextmanager
    def temp_file(self, name: str) -> Iterator[Path]:
        """A path in the file's target folder, so that publishing never copies."""
        path = self._path(name)
        temp_path = path.with_name(f".{path.name}.{uuid4().hex}{_TEMP_SUFFIX}")
        with disk_errors(f"Preparing {name}", path.parent):
            self._make_parent(path)
            make_file(temp_path, self._file_mode)
        try:
            yield temp_path
        finally:
            with disk_errors(f"Removing the temporary file of {name}", temp_path):
                temp_path.unlink(missing_ok=True)

    def remove_stale(self, prefix: str) -> int:
        """Remove temporary files for the file `prefix` and for all files in the folder `prefix`.

        The caller holds the lock of their writers.
        """
        top = self._path(prefix) if prefix else self._root
        with disk_errors(f"Removing stale files of {prefix or 'everything'}", top):
            left = [*top.parent.glob(f".{top.name}.*{_TEMP_SUFFIX}"), *top.rglob(f".*{_TEMP_SUFFIX}")]
            for path in left:
                path.unlink(missing_ok=True)
        return len(left)

    def create(self, name: str, file: Path) -> None:
        """Publish a temporary file under a new name, durably. Raises `FileExistsError` if the name is taken."""
        path = self._path(name)
        with disk_errors(f"Publishing {name}", path):
            sync(file)
            taken = not _linked(file, path)
            sync(path.parent)
        if taken:
            raise FileExistsError(name)

    def replace(self, name: str, file: Path) -> None:
        """Publish a temporary file durably, replacing an existing one."""
        path = self._path(name)
        with disk_errors(f"Publishing {name}", path):
            sync(file)
            file.replace(path)
            sync(path.parent)

    @contextmanager
    def as_local_path(self, name: str) -> Iterator[Path]:
        """The file itself. Raises `FileNotFoundError`."""
        path = self._path(name)
        if not path.is_file():
            raise FileNotFoundError(name)
        yield path

    def version(self, name: str) -> str:
        """The digest of the file's content. Raises `FileNotFoundError`."""
        with self.as_local_path(name) as path, disk_errors(f"Reading {name}", path), path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()

    def read(self, name: str) -> Versioned | None:
        """A small file with its version, the digest of its content, or None."""
        path = self._path(name)
        with disk_errors(f"Reading {name}", path):
            content: bytes | None = None
            with suppress(FileNotFoundError):
                content = path.read_bytes()
        return None if content is None else Versioned(content, sha256(content).hexdigest())

    def write(self, name: str, content: bytes, *, if_version: str | None) -> str | None:
        """Write a small private file (0600) durably if it still has the version; None means it must not exist.

        Returns the new version, or None if another process was faster.
        """
        with self.lock(f"{name}.write", wait_seconds=_WRITE_WAIT_SECONDS), self.temp_file(name) as temp_path:
            there = self.read(name)
            if (there and there.version) != if_version:
                return None
            with disk_errors(f"Writing {name}", temp_path):
                temp_path.chmod(PRIVATE)
                temp_path.write_bytes(content)
            self.replace(name, temp_path)
        return sha256(content).hexdigest()

    def delete(self, name: str) -> None:
        """Remove a file durably if it exists."""
        path = self._path(name)
        with disk_errors(f"Deleting {name}", path), suppress(FileNotFoundError):
            path.unlink()
            sync(path.parent)

    @contextmanager
    def lock(self, name: str, *, wait_seconds: float) -> Iterator[None]:
        """Hold a lock across threads and processes of machines that share the folder. Raises `Busy`.

        It is a lock of the operating system, which releases it when the holder's process ends. The empty lock
        file stays, since after removing it two waiters could lock two different files.
        """
        from filelock import FileLock, Timeout

        path = self._path(name)
        lock_path = path.with_name(f".{path.name}.lock")
        note = _HolderNote(path.with_name(f".{path.name}.holder"), self._file_mode)
        with disk_errors(f"Preparing the lock {name}", path.parent):
            self._make_parent(path)
        # Not thread-local: a generator that holds a lock may be closed by another thread.
        lock = FileLock(lock_path, mode=self._file_mode, thread_local=False, fallback_to_soft=False)
        with (
            disk_errors(f"Taking the lock {name}", lock_path),
            waiting(f"the lock {name}", until=time.time() + wait_seconds, holder=note.read),
        ):
            try:
                lock.acquire(timeout=wait_seconds, cancel_check=is_cancelled)
            except Timeout as error:
                check_cancelled()
                raise Busy(
                    f"Taking the lock {name}",
                    cause=held_by(note.read(), wait_seconds),
                    fix="Wait until that run has ended, then run again.",
                    lock=name,
                    holder=note.read(),
                ) from error
        try:
            note.write()
            yield
        finally:
            note.remove()
            lock.release()

    def _make_parent(self, path: Path) -> None:
        """Create the folder of a file. If an earlier version made a folder readable for others, restrict it."""
        top = self._root / path.relative_to(self._root).parts[0]
        if top != path:
            tighten(top, folder_mode(self._file_mode))
        make_folder(path.parent, self._file_mode)

    def _path(self, name: str) -> Path:
        return self._root / checked_name(name)


class _HolderNote:
    """Records who holds a lock, in a separate file: on some file systems closing the lock file twice releases it.

    It is only for messages, so write errors are ignored. The record of a killed holder stays until the next one.
    """

    def __init__(self, path: Path, file_mode: int) -> None:
        self._path = path
        self._file_mode = file_mode

    def write(self) -> None:
        self.remove()
        with suppress(OSError):
            make_file(self._path, self._file_mode)
            self._path.write_text(this_holder(), encoding="utf-8")

    def read(self) -> str | None:
        with suppress(OSError):
            return self._path.read_text(encoding="utf-8", errors="replace") or None
        return None

    def remove(self) -> None:
        with suppress(OSError):
            self._path.unlink()


def _unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _linked(file: Path, path: Path) -> bool:
    """Give the file its name atomically, without replacing an existing file."""
    try:
        path.hardlink_to(file)
    except FileExistsError:
        return False
    return True
