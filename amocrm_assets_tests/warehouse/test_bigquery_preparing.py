"""What is wrong with project, dataset, rights or credentials is said before amoCRM is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from amocrm_assets.errors import WarehouseRefused, WarehouseUnavailable
from amocrm_assets.storage import open_storage
from amocrm_assets.warehouse import open_warehouse
from amocrm_assets.warehouse.address import BigQueryAddress
from amocrm_assets.warehouse.bigquery.clients import open_client
from amocrm_assets.warehouse.bigquery.preparing import open_dataset
from amocrm_assets.warehouse.bigquery.timeouts import Timeouts
from amocrm_assets_tests.warehouse.places import Place, wired_place
from amocrm_assets_tests.warehouse.recording_bigquery import Fault, RecordingBigQuery

NEEDED = {
    "bigquery.tables.get",
    "bigquery.tables.getData",
    "bigquery.tables.update",
    "bigquery.tables.updateData",
}


def denied(method: str, path: str, message: str, *, reason: str = "accessDenied", status: int = 403) -> Fault:
    return Fault(method, path, status=status, reason=reason, message=message, times=1000)


def test_a_dataset_that_is_missing_is_made_in_the_location_of_the_settings(
    server: RecordingBigQuery, wired: Place
) -> None:
    server.has_dataset = False

    wired.warehouse.prepare()

    (made,) = server.sent("POST", "/datasets$")
    assert made.body["location"] == "EU"
    assert made.body["datasetReference"] == {"projectId": "p", "datasetId": "d"}


def test_preparing_leaves_no_probe_behind(server: RecordingBigQuery, wired: Place) -> None:
    wired.warehouse.prepare()

    (probe,) = server.sent("POST", "/tables$")
    name = probe.body["tableReference"]["tableId"]
    assert name.startswith("amoCrmAssetsProbe_")
    assert "expirationTime" in probe.body
    assert server.sent("DELETE", f"/tables/{name}$")
    assert not server.sent("POST", "/datasets$")


def test_a_dataset_that_another_run_makes_at_the_same_time_and_a_probe_that_is_gone_do_not_matter(
    server: RecordingBigQuery, wired: Place
) -> None:
    server.faults = [
        denied("POST", "/datasets$", "Already Exists: Dataset p:d", reason="duplicate", status=409),
        denied("DELETE", "/tables/", "Not found: Table p:d.probe", reason="notFound", status=404),
        Fault("GET", "/datasets/d$", status=404, reason="notFound", message="Not found: Dataset p:d"),
    ]

    assert wired.warehouse.prepare() == []
    assert len(server.sent("POST", "/datasets$")) == 1
    assert len(server.sent("DELETE", "/tables/")) == 1


def test_who_may_not_delete_leaves_a_probe_that_expires(server: RecordingBigQuery, wired: Place) -> None:
    server.permissions = frozenset(NEEDED)

    wired.warehouse.prepare()

    assert not server.sent("DELETE", "/tables/")


def test_a_dataset_in_another_location_is_refused_and_not_touched(server: RecordingBigQuery, wired: Place) -> None:
    server.location = "US"

    with pytest.raises(WarehouseRefused, match="it is in US, and AMOCRM_WAREHOUSE says EU") as caught:
        wired.warehouse.prepare()

    assert "Set location=US in AMOCRM_WAREHOUSE" in str(caught.value)
    assert [call.method for call in server.calls] == ["GET"]


def test_without_a_location_a_dataset_is_taken_where_it_is(
    server: RecordingBigQuery, naps: list[float], tmp_path: Path
) -> None:
    server.location = "europe-west3"

    wired_place(server, open_storage(str(tmp_path)), naps, location=None).warehouse.prepare()

    (dry,) = server.sent("POST", "/jobs$")
    assert dry.body["jobReference"]["location"] == "europe-west3"
    assert dry.body["configuration"]["dryRun"] is True


@pytest.mark.parametrize("missing", sorted(NEEDED))
def test_each_missing_right_on_tables_is_named(server: RecordingBigQuery, wired: Place, missing: str) -> None:
    server.permissions = frozenset(NEEDED - {missing})

    with pytest.raises(WarehouseRefused, match=f"missing: {missing}") as caught:
        wired.warehouse.prepare()

    assert "BigQuery Data Editor on the dataset" in str(caught.value)
    assert caught.value.facts["permission"] == missing


def test_all_missing_rights_are_named_and_the_first_is_a_fact(server: RecordingBigQuery, wired: Place) -> None:
    server.permissions = frozenset({"bigquery.tables.getData", "bigquery.tables.updateData"})

    with pytest.raises(
        WarehouseRefused, match=r"missing: bigquery\.tables\.get, bigquery\.tables\.update\."
    ) as caught:
        wired.warehouse.prepare()

    assert caught.value.facts["permission"] == "bigquery.tables.get"


@pytest.mark.parametrize(
    ("fault", "permission", "role"),
    [
        (
            denied("GET", "/datasets/d$", "Access Denied: Permission bigquery.datasets.get denied on dataset p:d"),
            "bigquery.datasets.get",
            "BigQuery Data Editor on the dataset",
        ),
        (
            denied("POST", "/datasets$", "User does not have bigquery.datasets.create permission in p."),
            "bigquery.datasets.create",
            "or create the dataset yourself",
        ),
        (
            denied("POST", "/jobs$", "User does not have bigquery.jobs.create permission in project p."),
            "bigquery.jobs.create",
            "BigQuery Job User on the project",
        ),
        (
            denied(
                "POST",
                "/tables$",
                "Permission bigquery.tables.create denied on p:d (or it may not exist).",
            ),
            "bigquery.tables.create",
            "check the names in AMOCRM_WAREHOUSE",
        ),
    ],
)
def test_each_missing_right_to_call_is_named_with_its_role(
    server: RecordingBigQuery, wired: Place, fault: Fault, permission: str, role: str
) -> None:
    server.has_dataset = permission != "bigquery.datasets.create"
    server.faults = [fault]

    with pytest.raises(WarehouseRefused, match=f"Grant {permission} to the account that runs this") as caught:
        wired.warehouse.prepare()

    assert role in str(caught.value)
    assert caught.value.facts["permission"] == permission


@pytest.mark.parametrize(
    ("fault", "fix"),
    [
        (
            denied("GET", "/datasets/d$", "The project p has not enabled BigQuery.", reason="invalid", status=400),
            "Enable the BigQuery API in the project",
        ),
        (
            denied("GET", "/datasets/d$", "BigQuery API has not been used", reason="accessNotConfigured"),
            "Enable the BigQuery API in the project",
        ),
        (
            denied("POST", "/jobs$", "Billing has not been enabled for this project.", reason="billingNotEnabled"),
            "Link the project to a billing account",
        ),
        (
            denied("POST", "/jobs$", "Quota exceeded: jobs per day", reason="quotaExceeded"),
            "Wait until Google refills the quota",
        ),
        (
            denied("POST", "/jobs$", "Something new", reason="somethingNew", status=400),
            "See docs/bigquery.md",
        ),
    ],
)
def test_other_refusals_say_their_fix(server: RecordingBigQuery, wired: Place, fault: Fault, fix: str) -> None:
    server.faults = [fault]

    with pytest.raises(WarehouseRefused, match=fix):
        wired.warehouse.prepare()


def test_a_project_that_does_not_exist_is_refused(server: RecordingBigQuery, wired: Place) -> None:
    server.has_dataset = False
    message = "Not found: Project p"
    server.faults = [
        denied("GET", "/datasets/d$", message, reason="notFound", status=404),
        denied("POST", "/datasets$", message, reason="notFound", status=404),
    ]

    with pytest.raises(WarehouseRefused, match="Correct the project's id in AMOCRM_WAREHOUSE"):
        wired.warehouse.prepare()


def test_a_rate_limit_is_repeated_and_then_may_pass(server: RecordingBigQuery, wired: Place) -> None:
    server.faults = [denied("GET", "/datasets/d$", "Exceeded rate limits", reason="rateLimitExceeded")]

    with pytest.raises(WarehouseUnavailable, match="Run again in some minutes"):
        wired.warehouse.prepare()

    assert len(server.calls) > 1


def test_connections_that_break_again_and_again_may_pass(server: RecordingBigQuery, wired: Place) -> None:
    server.faults = [Fault("GET", "/datasets/d$", kind="cut off", times=1000)]

    with pytest.raises(WarehouseUnavailable, match="did not answer"):
        wired.warehouse.prepare()


def test_missing_credentials_say_where_they_are_described(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nowhere.json"))

    with pytest.raises(WarehouseRefused, match="Application Default Credentials") as caught:
        open_warehouse("bigquery://my-project/crm?location=EU").prepare()

    assert "Connecting to BigQuery" in str(caught.value)


def test_a_dataset_is_not_made_where_nobody_said(server: RecordingBigQuery) -> None:
    """Google's own choice is the US, and a dataset cannot be moved."""
    server.has_dataset = False

    with (
        open_client("p", endpoint=server.url) as client,
        pytest.raises(WarehouseRefused, match="Add the location to AMOCRM_WAREHOUSE, for example \\?location=EU"),
    ):
        open_dataset(client, BigQueryAddress("p", "d"), Timeouts())

    assert not server.sent("POST", "/datasets$")


@pytest.mark.parametrize(("location", "endpoint"), [("EU", None), (None, "an emulator")])
def test_a_dataset_is_made_in_a_location_that_somebody_said_or_in_an_emulator(
    server: RecordingBigQuery, location: str | None, endpoint: str | None
) -> None:
    server.has_dataset = False

    with open_client("p", endpoint=server.url) as client:
        open_dataset(client, BigQueryAddress("p", "d", location, endpoint), Timeouts())

    assert len(server.sent("POST", "/datasets$")) == 1
