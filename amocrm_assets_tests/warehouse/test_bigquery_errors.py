"""What Google's refusals are called: each with its own cause, and a fix that helps against it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.api_core.exceptions import RetryError, ServiceUnavailable, from_http_status
from google.auth.exceptions import RefreshError, TransportError

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import AmoCrmAssetsError, WarehouseRefused, WarehouseUnavailable
from amocrm_assets.warehouse import LoadResult, open_warehouse
from amocrm_assets.warehouse.bigquery.errors import google_errors, to_error
from amocrm_assets_tests.warehouse.places import Place, lead
from amocrm_assets_tests.warehouse.recording_bigquery import Fault, RecordingBigQuery

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2026, 1, 1)
SHARD = "amoCrmLeads_acme_20260101"


def translated(error: Exception) -> AmoCrmAssetsError:
    with pytest.raises(AmoCrmAssetsError) as caught, google_errors("Trying"):
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("status", "reason", "times"),
    [
        (412, "conditionNotMet", 1),
        (403, "rateLimitExceeded", 999),
        (503, "backendError", 999),
        (403, "accessDenied", 1),
    ],
)
def test_a_description_that_is_refused_after_a_good_load_is_a_warning(
    server: RecordingBigQuery, wired: Place, status: int, reason: str, times: int
) -> None:
    server.faults = [Fault("PATCH", SHARD, status=status, reason=reason, message="Not now", times=times)]

    outcome = wired.load_shards(wired.load(DAY, [lead(1)]))[DAY]

    assert isinstance(outcome, LoadResult), outcome
    assert outcome.row_count == 1
    (warning,) = outcome.warnings
    assert warning.startswith("The shard is loaded; its description and labels are not set.")
    assert "Not now" in warning


def test_a_load_without_trouble_has_no_warnings(wired: Place) -> None:
    outcome = wired.load_shards(wired.load(DAY, [lead(1)]))[DAY]

    assert isinstance(outcome, LoadResult), outcome
    assert outcome.warnings == ()


def test_a_shard_that_was_not_tried_for_want_of_quota_says_so_of_itself(
    server: RecordingBigQuery, wired: Place
) -> None:
    server.job_errors = [{"reason": "quotaExceeded", "message": "Quota exceeded: load jobs per day"}] * 100
    days = [DAY + timedelta(days=number) for number in range(40)]

    outcomes = wired.load_shards(*[wired.load(day, []) for day in days])

    not_tried = 0
    for day, outcome in outcomes.items():
        assert isinstance(outcome, WarehouseRefused)
        assert outcome.operation == f"Loading p.d.amoCrmLeads_acme_{day:%Y%m%d}"
        assert outcome.facts["table"] == f"p.d.amoCrmLeads_acme_{day:%Y%m%d}"
        assert "Wait until Google refills the quota" in outcome.fix
        if "not tried, because the quota is used up" in outcome.cause:
            not_tried += 1
            assert "load jobs per day" in outcome.cause
    assert not_tried == 40 - len(server.jobs)


@pytest.mark.parametrize(("reason", "code"), [("accessDenied", 403), ("conditionNotMet", 412)])
@pytest.mark.parametrize(
    ("message", "fix"),
    [
        (
            (
                "VPC Service Controls: Request is prohibited by organization's policy."
                " vpcServiceControlsUniqueIdentifier: abc. bigquery.googleapis.com needs bigquery.tables.create"
            ),
            "VPC Service Controls perimeter",
        ),
        (
            "Cloud KMS permission denied for key projects/p/locations/eu/keyRings/r/cryptoKeys/k",
            "CryptoKey Encrypter/Decrypter",
        ),
        (
            "'us' violates constraint 'constraints/gcp.resourceLocations' on the resource",
            "allows some locations only",
        ),
        ("Constraint constraints/gcp.restrictNonCmekServices violated for bigquery", "--default_kms_key="),
        ("Constraint constraints/custom.noBigQuery violated", "organisation policy forbids this"),
    ],
)
def test_rules_of_an_organisation_have_a_fix_of_their_own(message: str, fix: str, reason: str, code: int) -> None:
    error = to_error("Trying", reason=reason, message=message, code=code)

    assert isinstance(error, WarehouseRefused)
    assert fix in error.fix
    assert "Grant bigquery" not in error.fix


def test_repeats_that_gave_up_show_what_they_gave_up_on() -> None:
    denied = from_http_status(403, "Permission bigquery.tables.get denied")  # type: ignore[no-untyped-call]

    refused = translated(RetryError("Timeout of 120s exceeded", denied))  # type: ignore[no-untyped-call]
    overloaded = ServiceUnavailable("overloaded")  # type: ignore[no-untyped-call]
    unavailable = translated(RetryError("Timeout of 120s exceeded", overloaded))  # type: ignore[no-untyped-call]

    assert isinstance(refused, WarehouseRefused)
    assert "Grant bigquery.tables.get" in refused.fix
    assert isinstance(unavailable, WarehouseUnavailable)
    assert "overloaded" in unavailable.cause
    assert "Timeout of" not in str(unavailable)


def test_a_sign_in_that_is_refused_needs_a_person_and_one_that_cannot_be_reached_may_pass() -> None:
    refused = translated(RefreshError("invalid_grant: Invalid JWT Signature."))  # type: ignore[no-untyped-call]
    unreached = translated(TransportError("Failed to resolve oauth2.googleapis.com"))  # type: ignore[no-untyped-call]

    assert isinstance(refused, WarehouseRefused)
    assert "new key of the service account" in refused.fix
    assert isinstance(unreached, WarehouseUnavailable)


def service_account(private_key: str) -> str:
    return json.dumps(
        {
            "type": "service_account",
            "client_email": "a@p.iam.gserviceaccount.com",
            "private_key": private_key,
            "token_uri": "http://127.0.0.1:1/token",
        }
    )


@pytest.mark.parametrize("kind", ["missing", "folder", "broken", "list", "not a key"])
def test_a_key_file_that_is_none_is_refused_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    key = tmp_path / "key.json"
    contents = {"broken": "{", "list": "[]", "not a key": service_account("no key at all")}
    if kind == "folder":
        key.mkdir()
    elif kind != "missing":
        key.write_text(contents[kind])
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))

    with pytest.raises(WarehouseRefused) as caught:
        open_warehouse("bigquery://my-project/crm?location=EU").prepare()

    assert "Connecting to BigQuery" in str(caught.value)
    assert "GOOGLE_APPLICATION_CREDENTIALS" in caught.value.fix
    assert str(key) in caught.value.cause


def test_a_sign_in_server_that_is_away_is_no_matter_for_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = tmp_path / "key.json"
    key.write_text(service_account(pem.decode()))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))

    with pytest.raises(WarehouseUnavailable):
        open_warehouse("bigquery://my-project/crm?location=EU", wait_seconds=1).prepare()


def missing(what: str) -> Fault:
    return Fault("POST", "/queries$", status=404, reason="notFound", message=f"Not found: {what}", times=99)


def test_no_dataset_is_no_shards(server: RecordingBigQuery, wired: Place) -> None:
    server.has_dataset = False
    server.faults = [missing("Dataset p:d was not found in location EU")]

    assert wired.warehouse.shard_days(LEADS.table, "acme") == {}
    assert wired.warehouse.expirations(LEADS.table, "acme") == {}


@pytest.mark.parametrize(
    ("what", "fix"),
    [
        ("Project p", "Correct the project's id"),
        ("Job p:EU.abc", "Set the dataset's location"),
        ("Table p:d.__TABLES__", "audit log"),
        ("Dataset p:d was not found in location EU", "Run again"),
    ],
)
def test_other_things_that_are_not_found_are_not_taken_for_no_shards(
    server: RecordingBigQuery, wired: Place, what: str, fix: str
) -> None:
    server.faults = [missing(what)]

    with pytest.raises(WarehouseRefused, match=fix):
        wired.warehouse.shard_days(LEADS.table, "acme")


def test_a_dataset_elsewhere_is_not_taken_for_no_shards(server: RecordingBigQuery, wired: Place) -> None:
    server.location = "US"
    server.faults = [missing("Dataset p:d was not found in location EU")]

    with pytest.raises(WarehouseRefused, match="Set location=US"):
        wired.warehouse.shard_days(LEADS.table, "acme")


def test_reading_from_a_dataset_that_is_gone_does_not_advise_to_materialise_a_day(
    server: RecordingBigQuery, wired: Place
) -> None:
    server.faults = [
        Fault("GET", SHARD, status=404, reason="notFound", message="Not found: Dataset p:d", times=99)
    ]

    with pytest.raises(WarehouseRefused) as caught:
        wired.warehouse.read(LEADS.table, "acme", [DAY])

    assert "Not found: Dataset" in caught.value.cause
    assert "Materialise" not in caught.value.fix


def test_the_shards_of_many_accounts_are_one_listing(server: RecordingBigQuery, wired: Place) -> None:
    server.has_dataset = False
    server.faults = [missing("Dataset p:d")]

    assert wired.warehouse.shard_days_of(LEADS.table, ["acme", "other", "my-shop"]) == {
        "acme": {},
        "other": {},
        "my-shop": {},
    }
    assert len(server.sent("POST", "/queries$")) == 1


@pytest.mark.parametrize(
    ("reason", "passing", "refused"),
    [
        ("", (408, 429, 500, 502, 503, 504), (400, 407, 409, 428, 430, 499, 501, 505, None)),
        ("invalid", (503,), (400, None)),
        ("backendError", (403, None), ()),
        ("quotaExceeded", (), (429, 503, 403, None)),
    ],
)
def test_codes_and_reasons_tell_what_may_pass(
    reason: str, passing: tuple[int | None, ...], refused: tuple[int | None, ...]
) -> None:
    found = {code: to_error("Trying", reason=reason, message="No.", code=code) for code in (*passing, *refused)}

    assert {code for code, error in found.items() if isinstance(error, WarehouseUnavailable)} == set(passing)
    assert {error.cause for error in found.values()} == {f"BigQuery says: No ({reason or c})." for c in found}
