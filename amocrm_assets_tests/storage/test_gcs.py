"""What only Cloud Storage knows: lost answers, rights, leases across machines, temporary files."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from starlette.requests import Request

from amocrm_assets.errors import Busy, SettingsError, StorageRefused, StorageUnavailable
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets.storage.gcs import GcsStorage
from amocrm_assets_tests.storage.fake_gcs import BUCKET, FakeGcs, Fault, Refusal
from amocrm_assets_tests.storage.files import content, create, replace
from amocrm_assets_tests.storage.places import LEASE_SECONDS, Place

PLACE = Place(f"gs://{BUCKET}/some/prefix")
NAME = "captures/acme/one.jsonl.gz"


@pytest.fixture
def storage(gcs: FakeGcs) -> Storage:
    """A storage in the bucket; nothing else is in it."""
    assert gcs.buckets == {BUCKET: {}}
    return PLACE.opened()


def keys(gcs: FakeGcs) -> list[str]:
    return sorted(gcs.buckets[BUCKET])


def fails(gcs: FakeGcs, *faults: Fault, method: str = "POST") -> None:
    """Let these faults befall the next requests of a method."""
    left = list(faults)
    gcs.fault = lambda request: left.pop(0) if left and request.method == method else None


def fails_always(gcs: FakeGcs, fault: Fault, *, methods: Iterable[str] = ("GET", "POST", "DELETE", "PUT")) -> None:
    def befalls(request: Request) -> Fault | None:
        return fault if request.method in methods else None

    gcs.fault = befalls


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


def test_a_missing_bucket_is_refused_with_its_name(gcs: FakeGcs) -> None:
    assert BUCKET in gcs.buckets
    storage = open_storage("gs://no-such-bucket/prefix")
    with pytest.raises(StorageRefused, match="Create the bucket no-such-bucket"):
        storage.names("")
    with pytest.raises(StorageRefused, match="Create the bucket no-such-bucket"):
        storage.write("token", b"", if_version=None)


def test_a_missing_right_is_named(gcs: FakeGcs, storage: Storage) -> None:
    fails_always(gcs, "forbidden")
    with pytest.raises(StorageRefused, match=r"storage\.objects\.list"):
        storage.names("")
    with pytest.raises(StorageRefused, match=r"storage\.objects\.create"):
        create(storage, NAME, b"")
    with pytest.raises(StorageRefused, match=r"storage\.objects\.delete"):
        storage.delete(NAME)
    with pytest.raises(StorageRefused, match=r"storage\.objects\.get"):
        storage.read(NAME)


def test_credentials_that_are_refused_or_missing_need_a_person(
    gcs: FakeGcs, storage: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fails_always(gcs, "unauthorized")
    with pytest.raises(StorageRefused, match="Application Default Credentials"):
        storage.names("")
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(StorageRefused, match="Application Default Credentials"):
        PLACE.opened().names("")


@pytest.mark.parametrize(
    ("status", "message", "fix"),
    [
        (
            403,
            (
                "Object 'bucket/.x' is subject to bucket's retention policy or object retention and cannot be"
                " deleted or overwritten until 2027-01-01T00:00:00Z"
            ),
            "Remove the retention policy or retention configuration from bucket",
        ),
        (
            403,
            (
                "Object 'bucket/.x' is under active Event-Based hold and cannot be deleted, overwritten or"
                " archived until hold is removed."
            ),
            "turn off the default event-based hold of bucket",
        ),
        (400, "Bucket is a requester pays bucket but no user project provided.", "Turn requester pays off"),
        (
            403,
            (
                "Permission denied on Cloud KMS key. Please ensure that your Cloud Storage service account has"
                " been authorized to use this key."
            ),
            "gs-project-accounts",
        ),
        (
            400,
            "The Cloud KMS key version is not in the ENABLED state.",
            "Enable that version of the Cloud KMS key",
        ),
        (
            403,
            "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: 1a2b3c",
            "VPC Service Controls perimeter",
        ),
        (412, "'eu' violates constraint 'constraints/gcp.resourceLocations'", "organisation policy"),
        (403, "The billing account for the owning project is disabled in state absent", "billing account"),
    ],
)
def test_rules_of_an_organisation_or_a_bucket_are_known_and_their_fix_is_named(
    gcs: FakeGcs, storage: Storage, status: int, message: str, fix: str
) -> None:
    fails_always(gcs, Refusal(status, message))
    with pytest.raises(StorageRefused) as caught:
        create(storage, NAME, b"x")
    assert message.rstrip(".") in caught.value.cause
    assert fix in caught.value.fix


SERVICE_ACCOUNT = {"type": "service_account", "client_email": "a@p.iam.gserviceaccount.com"}


@pytest.mark.parametrize(
    "key",
    [
        "",
        "{not json",
        "[]",
        '"text"',
        "{}",
        '{"type": "unheard of"}',
        json.dumps(SERVICE_ACCOUNT),
        json.dumps(SERVICE_ACCOUNT | {"token_uri": "http://127.0.0.1:9", "private_key": "garbage"}),
        json.dumps({"type": "authorized_user", "client_id": "a"}),
        json.dumps({"type": "external_account"}),
        None,
    ],
)
def test_a_key_file_that_is_none_needs_a_person_who_is_told_its_name(
    gcs: FakeGcs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str | None
) -> None:
    file = tmp_path / "key.json"
    file.mkdir() if key is None else file.write_text(key)
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    with pytest.raises(StorageRefused, match="Set GOOGLE_APPLICATION_CREDENTIALS to the path") as caught:
        PLACE.opened().names("")
    assert str(file) in caught.value.cause
    assert gcs.requests == []


@pytest.mark.parametrize("constraint", ["gcp.restrictNonCmekServices", "gcp.resourceLocations"])
def test_a_policy_that_is_answered_like_a_lost_race_is_no_lost_race(gcs: FakeGcs, constraint: str) -> None:
    gcs.fault = lambda request: (
        Refusal(412, f"Request violates constraint 'constraints/{constraint}'")
        if request.method != "GET"
        else None
    )
    operations: list[Callable[[Storage], object]] = [
        locked,
        lambda storage: storage.write("x", b"", if_version=None),
        lambda storage: storage.create("x", Path(__file__)),
        lambda storage: storage.delete("x"),
    ]
    for operation in operations:
        with pytest.raises(StorageRefused, match="An organisation policy forbids this"):
            operation(PLACE.opened())


def test_a_lock_that_can_never_be_written_is_busy_in_the_end(gcs: FakeGcs) -> None:
    gcs.fault = lambda request: Refusal(412, "conditionNotMet") if request.method == "POST" else None
    with pytest.raises(Busy):
        PLACE.opened().lock("x", wait_seconds=0.1).__enter__()
    assert len(gcs.requests) < 20


def locked(storage: Storage) -> None:
    with storage.lock("x", wait_seconds=0):
        raise AssertionError("there is no key for it")


def brought_here(storage: Storage) -> None:
    with storage.as_local_path("x"):
        raise AssertionError("there is no key for it")


@pytest.mark.parametrize(
    "operation",
    [
        locked,
        brought_here,
        lambda storage: storage.names(""),
        lambda storage: storage.read("x"),
        lambda storage: storage.version("x"),
        lambda storage: storage.write("x", b"", if_version=None),
        lambda storage: storage.create("x", Path(__file__)),
        lambda storage: storage.replace("x", Path(__file__)),
        lambda storage: storage.delete("x"),
    ],
)
@pytest.mark.usefixtures("gcs")
def test_whatever_is_done_first_meets_a_wrong_key_in_words(
    operation: Callable[[Storage], object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key.json").write_text("{not json")
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    with pytest.raises(StorageRefused, match="Set GOOGLE_APPLICATION_CREDENTIALS to the path"):
        operation(PLACE.opened())


def test_a_sign_in_that_refuses_needs_a_person_and_one_that_cannot_be_reached_may_pass(
    gcs: FakeGcs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    for token_uri, kind, message in (
        (gcs.url, StorageRefused, "Make a new key of the service account"),
        ("http://127.0.0.1:9", StorageUnavailable, "could not be reached"),
    ):
        known = {**SERVICE_ACCOUNT, "token_uri": token_uri, "private_key": key.decode()}
        (tmp_path / "key.json").write_text(json.dumps(known))
        with pytest.raises(kind, match=message):
            PLACE.opened().names("")


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


@pytest.mark.slow
def test_a_lease_is_renewed_for_as_long_as_it_is_held(storage: Storage) -> None:
    waits = 2 * LEASE_SECONDS
    with (
        storage.lock("locks/acme", wait_seconds=1),
        pytest.raises(Busy, match="locks/acme"),
        storage.lock("locks/acme", wait_seconds=waits),
    ):
        pass
    with storage.lock("locks/acme", wait_seconds=0):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_machine_whose_clock_is_off_neither_steals_a_lease_nor_waits_for_a_dead_one(
    gcs: FakeGcs, storage: Storage, hours: int
) -> None:
    gcs.clock_offset = timedelta(hours=hours)
    with PLACE.process("lock('locks/acme', wait_seconds=5)") as holder:
        with pytest.raises(Busy), storage.lock("locks/acme", wait_seconds=LEASE_SECONDS / 2):
            pass
        holder.kill()
        holder.wait()
        time.sleep(LEASE_SECONDS)
        # It has run out by the bucket's clock: taken at first sight, without another wait.
        with storage.lock("locks/acme", wait_seconds=0):
            pass


def loses_lease(gcs: FakeGcs) -> None:
    """Let another machine write the lease, and wait until its holder has looked after it."""
    gcs.buckets[BUCKET]["some/prefix/locks/.acme.lease"].properties["generation"] = "77"
    time.sleep(LEASE_SECONDS / 2)


def test_waiters_for_many_locks_write_no_object_that_they_share(gcs: FakeGcs) -> None:
    """Cloud Storage takes about one write a second of an object."""
    storage = GcsStorage(PLACE.url)

    def waits_in_vain(number: int) -> None:
        with (
            storage.lock(f"locks/{number}", wait_seconds=5),
            pytest.raises(Busy),
            storage.lock(f"locks/{number}", wait_seconds=0.1),
        ):
            pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(waits_in_vain, range(8)))
    assert max(gcs.writes.values()) == 1


def test_a_waiter_asks_the_buckets_clock_once_however_often_the_lease_is_renewed(
    gcs: FakeGcs, storage: Storage
) -> None:
    with (
        storage.lock("locks/acme", wait_seconds=1),
        pytest.raises(Busy),
        storage.lock("locks/acme", wait_seconds=1.5 * LEASE_SECONDS),
    ):
        pass
    assert gcs.writes["some/prefix/locks/.acme.lease"] > 3
    assert gcs.writes["some/prefix/locks/.acme.lease.clock"] == 1


def test_a_lease_that_was_lost_is_told_in_the_end_and_left_to_its_new_holder(
    gcs: FakeGcs, storage: Storage
) -> None:
    with (
        pytest.raises(StorageUnavailable, match="it expired while it was held"),
        storage.lock("locks/acme", wait_seconds=1),
    ):
        loses_lease(gcs)
    assert gcs.buckets[BUCKET]["some/prefix/locks/.acme.lease"].properties["generation"] == "77"


def test_an_error_under_a_lost_lease_is_not_hidden(gcs: FakeGcs, storage: Storage) -> None:
    def loses_and_fails() -> None:
        loses_lease(gcs)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), storage.lock("locks/acme", wait_seconds=1):
        loses_and_fails()


def test_a_lease_outlives_a_short_failure_of_the_bucket(gcs: FakeGcs) -> None:
    with GcsStorage(PLACE.url, lease_seconds=4).lock("locks/acme", wait_seconds=1):
        fails(gcs, "unavailable", "answer lost")
        time.sleep(1.2)
    assert len([request for request in gcs.requests if request.startswith("POST")]) > 2
    assert keys(gcs) == []


def test_a_lease_is_taken_although_the_answer_was_lost(gcs: FakeGcs, storage: Storage) -> None:
    fails(gcs, "answer lost")
    with storage.lock("locks/acme", wait_seconds=0):
        assert keys(gcs) == ["some/prefix/locks/.acme.lease"]
