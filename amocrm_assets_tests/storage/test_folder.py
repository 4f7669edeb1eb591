"""What only a local folder knows: full and read-only disks, rights, relative paths."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from amocrm_assets.errors import StorageRefused, StorageUnavailable
from amocrm_assets.storage import open_storage
from amocrm_assets.storage.disk import disk_errors
from amocrm_assets_tests.disks import SMALL_DISK_BYTES, make_read_only, small_disk
from amocrm_assets_tests.storage.files import create


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    with small_disk(tmp_path) as place:
        yield place


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOTDIR])
def test_what_needs_a_person_is_refused_with_a_mend(number: int) -> None:
    with pytest.raises(StorageRefused) as caught, disk_errors("Writing rows", Path("/data/rows")):
        raise OSError(number, os.strerror(number))
    assert "/data/rows" in str(caught.value)
    assert caught.value.fix
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EMFILE])
def test_what_may_pass_is_unavailable(number: int) -> None:
    with pytest.raises(StorageUnavailable), disk_errors("Writing rows", Path("/data/rows")):
        raise OSError(number, os.strerror(number))


def test_a_full_disk_is_refused_and_nothing_half_written_stays(disk: Path) -> None:
    storage = open_storage(str(disk))
    create(storage, "kept", b"whole")
    with (
        pytest.raises(StorageRefused, match="No space left"),
        storage.temp_file("big") as scratch,
        disk_errors("Writing big", scratch),
    ):
        scratch.write_bytes(os.urandom(2 * SMALL_DISK_BYTES))
    assert storage.names("") == ["kept"]
    assert storage.remove_stale("") == 0
    with pytest.raises(StorageRefused, match="No space left"):
        storage.write("token", os.urandom(2 * SMALL_DISK_BYTES), if_version=None)
    assert storage.read("token") is None
    create(storage, "small", b"fits again")


def test_a_read_only_disk_is_refused(disk: Path) -> None:
    storage = open_storage(str(disk))
    create(storage, "kept", b"whole")
    make_read_only(disk)
    with pytest.raises(StorageRefused, match="Read-only"):
        create(storage, "new/file", b"")
    with pytest.raises(StorageRefused, match="Read-only"):
        storage.write("token", b"", if_version=None)
    with pytest.raises(StorageRefused, match="Read-only"):
        storage.delete("kept")
    with pytest.raises(StorageRefused, match="Read-only"), storage.lock("locks/acme", wait_seconds=1):
        pass
    assert storage.names("") == ["kept"]


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "captures").write_text("in the way")
    storage = open_storage(str(tmp_path))
    with pytest.raises(StorageRefused, match="move it away"):
        create(storage, "captures/acme/one", b"")


def test_small_files_are_private(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    version = storage.write("token", b"secret", if_version=None)
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    storage.write("token", b"newer", if_version=version)
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600


def test_a_relative_folder_stays_where_it_was_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    storage = open_storage("data")
    monkeypatch.chdir("/")
    create(storage, "one", b"")
    assert (tmp_path / "data" / "one").exists()
    assert storage.uri("one") == str(tmp_path / "data" / "one")
