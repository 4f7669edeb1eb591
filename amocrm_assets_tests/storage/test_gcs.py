"""What only Cloud Storage knows: lost answers, rights, leases across machines, temporary files."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.errors import SettingsError, StorageRefused, StorageUnavailable
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets_tests.storage.bucket_failures import NAME, PLACE, bucket_storage, fails, fails_always, keys
from amocrm_assets_tests.storage.fake_gcs import BUCKET, FakeGcs, Fault
from amocrm_assets_tests.storage.files import content, create, replace

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

__all__ = ["bucket_storage"]


def test_objects_lie_below_the_prefix_and_nowhere_else(gcs: FakeGcs, storage: Storage) -> None:
    create(storage, NAME, b"x")
    create(open_storage(f"gs://{BUCKET}"), NAME, b"y")
    with storage.lock("locks/acme", wait_seconds=1):
        assert keys(gcs) == [NAME, f"some/prefix/{NAME}", "some/prefix/locks/.acme.lease"]
    assert storage.names("") == [NAME]
    assert storage.uri(NAME) == f"gs://bucket/some/prefix/{NAME}"
    assert open_storage(f"gs://{BUCKET}/some").names("") == [f"prefix/{NAME}"]


def test_opening_asks_nobody_and_an_address_without_a_bucket_is_refused(gcs: FakeGcs) -> None:
    open_storage(f"gs://{BUCKET}/some/prefix/")
    assert gcs.requests == []
    with pytest.raises(SettingsError, match="names no bucket"):
        open_storage("gs:///prefix")


def test_long_lists_are_read_to_their_end(gcs: FakeGcs, storage: Storage) -> None:
    gcs.page_size = 2
    names = [f"captures/{number}" for number in range(5)]
    for name in names:
        create(storage, name, b"")
    assert storage.names("captures") == names


def test_large_files_go_whole_and_over_nobody(gcs: FakeGcs, storage: Storage) -> None:
    large = os.urandom(9_000_000)
    create(storage, NAME, large)
    assert "PUT /upload/storage/v1/b/bucket/o" in gcs.requests
    with pytest.raises(FileExistsError):
        create(storage, NAME, large[::-1])
    assert content(storage, NAME) == large


def test_an_upload_whose_answer_is_lost_is_done_once_and_counts_as_done(gcs: FakeGcs, storage: Storage) -> None:
    fails(gcs, "answer lost")
    create(storage, NAME, b"whole")
    assert content(storage, NAME) == b"whole"
    fails(gcs, "answer lost")
    version = storage.write("token", b"first", if_version=None)
    fails(gcs, "unavailable", "answer lost")
    newer = storage.write("token", b"second", if_version=version)
    assert newer is not None
    assert storage.version("token") == newer
    fails(gcs, "answer lost", method="DELETE")
    storage.delete("token")
    assert storage.read("token") is None


def test_somebody_elses_object_is_not_taken_for_ones_own_after_a_lost_answer(
    gcs: FakeGcs, storage: Storage
) -> None:
    create(storage, NAME, b"theirs")
    fails(gcs, "unavailable")
    with pytest.raises(FileExistsError):
        create(storage, NAME, b"ours")


def test_a_download_that_is_cut_off_is_never_taken_for_whole(gcs: FakeGcs, storage: Storage) -> None:
    create(storage, NAME, b"whole" * 1000)
    fails(gcs, "cut off", method="GET")
    assert content(storage, NAME) == b"whole" * 1000


def test_a_bucket_that_does_not_answer_may_pass(gcs: FakeGcs, storage: Storage) -> None:
    fails_always(gcs, "unavailable")
    with pytest.raises(StorageUnavailable, match="Listing gs://bucket/some/prefix/captures/"):
        storage.names("captures")


def test_a_network_that_is_down_may_pass(gcs: FakeGcs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    with pytest.raises(StorageUnavailable):
        PLACE.opened().names("")
    assert gcs.requests == []


def test_a_replaced_object_is_never_read_half_old_half_new(gcs: FakeGcs, storage: Storage) -> None:
    storage.write("token", b"old", if_version=None)
    replacing = [b"new"]

    def replaces_between(request: Request) -> Fault | None:
        if request.url.path.startswith("/download") and replacing:
            gcs.buckets[BUCKET]["some/prefix/token"].content = replacing.pop()
            gcs.buckets[BUCKET]["some/prefix/token"].properties["generation"] = "77"
        return None

    gcs.fault = replaces_between
    found = storage.read("token")
    assert found is not None
    assert (found.content, found.version) == (b"new", "77")


def test_files_on_their_way_are_private_and_gone_afterwards(storage: Storage, tmp_path: Path) -> None:
    replace(storage, NAME, b"x")
    with storage.as_local_path(NAME) as path:
        folder = tmp_path / f"amocrm-assets-{os.getuid()}"
        assert path.is_relative_to(folder)
        assert folder.stat().st_mode & 0o077 == 0
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_folder_for_files_on_their_way_that_others_can_see_is_refused(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / f"amocrm-assets-{os.getuid()}").mkdir(mode=0o755)
    with pytest.raises(StorageRefused, match="TMPDIR"):
        create(storage, NAME, b"x")


def test_downloads_of_killed_readers_are_removed_a_day_later(storage: Storage) -> None:
    create(storage, NAME, b"x")
    with storage.as_local_path(NAME) as path:
        storage.remove_stale("captures")
        assert path.exists()
        two_days_ago = time.time() - 2 * 24 * 3600
        os.utime(path, (two_days_ago, two_days_ago))
        storage.remove_stale("captures")
        assert not path.exists()
