"""What only a local folder knows: full and read-only disks, rights, relative paths."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from amocrm_assets.errors import SettingsError, StorageRefused, StorageUnavailable
from amocrm_assets.storage import open_storage
from amocrm_assets.storage.disk import disk_errors
from amocrm_assets_tests.disks import SMALL_DISK_BYTES, make_read_only, small_disk, without_locks
from amocrm_assets_tests.storage.files import create, replace


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    with small_disk(tmp_path) as place:
        yield place


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOTDIR])
def test_what_needs_a_person_is_refused_with_a_fix(number: int) -> None:
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
        storage.temp_file("big") as temp,
        disk_errors("Writing big", temp),
    ):
        temp.write_bytes(os.urandom(2 * SMALL_DISK_BYTES))
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


def test_a_disk_without_locks_is_refused_since_a_file_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed process would leave such a file behind, for whoever comes next to wait for."""
    without_locks(monkeypatch)
    storage = open_storage(str(tmp_path))
    with (
        pytest.raises(StorageRefused, match="file system with hard links and locks"),
        storage.lock("one", wait_seconds=1),
    ):
        pytest.fail("it is locked")


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


def test_a_relative_folder_begins_at_the_project_wherever_the_process_stands_and_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr("amocrm_assets.settings.places.project_folder", lambda: tmp_path)
    monkeypatch.chdir(elsewhere)
    storage = open_storage("data")
    monkeypatch.chdir("/")
    create(storage, "one", b"")
    assert (tmp_path / "data" / "one").exists()
    assert not list(elsewhere.iterdir())
    assert storage.uri("one") == str(tmp_path / "data" / "one")


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mode & 0o7777 for path in sorted(folder.rglob("*"))}


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A process that lets everybody read what it makes, unless told otherwise."""
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.usefixtures("open_umask")
@pytest.mark.parametrize(
    ("setting", "file", "folder"), [(None, 0o600, 0o700), ("0640", 0o640, 0o750), ("660", 0o660, 0o770)]
)
def test_files_and_folders_are_for_their_owner_and_for_a_group_only_where_it_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str | None, file: int, folder: int
) -> None:
    monkeypatch.delenv("AMOCRM_FILE_MODE", raising=False)
    if setting:
        monkeypatch.setenv("AMOCRM_FILE_MODE", setting)
    root = tmp_path / "made" / "storage"
    storage = open_storage(str(root))
    create(storage, "captures/acme/one", b"x")
    replace(storage, "rows/acme/one", b"x")
    storage.write("tokens/acme", b"secret", if_version=None)
    with storage.temp_file("captures/acme/two") as temp_path, storage.lock("locks/acme", wait_seconds=1):
        temp_path.write_bytes(b"half")
        found = modes(tmp_path)
        wanted = {name: folder if (tmp_path / name).is_dir() else file for name in found}
    assert found == wanted | {"made/storage/tokens/acme": 0o600}


@pytest.mark.usefixtures("open_umask")
def test_folders_that_an_earlier_version_opened_to_others_are_closed_by_the_next_write(tmp_path: Path) -> None:
    (tmp_path / "captures" / "acme").mkdir(parents=True)
    (tmp_path / "captures" / "acme" / "old").write_bytes(b"x")
    before = tmp_path.stat().st_mode
    create(open_storage(str(tmp_path)), "captures/acme/new", b"x")
    assert (tmp_path / "captures").stat().st_mode & 0o7777 == 0o700
    # The storage's own folder is somebody's choice, and may hold other things.
    assert tmp_path.stat().st_mode == before


@pytest.mark.usefixtures("open_umask")
def test_a_folder_whose_files_belong_to_its_group_stays_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMOCRM_FILE_MODE", "0660")
    tmp_path.chmod(0o2770)
    create(open_storage(str(tmp_path)), "captures/acme/new", b"x")
    assert (tmp_path / "captures" / "acme").stat().st_mode & 0o7777 == 0o2770


@pytest.mark.parametrize("setting", ["0644", "0666", "0400", "0700", "644", "rw-------", "-1", "0o777", "06 00"])
def test_a_mode_that_lets_everybody_in_or_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv("AMOCRM_FILE_MODE", setting)
    with pytest.raises(SettingsError, match="Set AMOCRM_FILE_MODE to 0600"):
        open_storage("data")
