"""What a bucket refuses needs a person: rights, keys, policies, the sign-in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from amocrm_assets.errors import StorageRefused, StorageUnavailable
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets_tests.storage.bucket_failures import NAME, PLACE, bucket_storage, fails_always
from amocrm_assets_tests.storage.fake_gcs import BUCKET, FakeGcs, Refusal
from amocrm_assets_tests.storage.files import create

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["bucket_storage"]


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
        (400, "Bucket is a requester pays bucket but no user project provided.", "Switch requester pays off"),
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
