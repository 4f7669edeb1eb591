"""A dataset whose tables expire: shards are kept all the same, or the load fails. Nothing vanishes in silence."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from google.cloud import bigquery

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import WarehouseRefused
from amocrm_assets.warehouse import LoadResult
from amocrm_assets.warehouse.address import BigQueryAddress, read_address
from amocrm_assets.warehouse.bigquery.clients import open_client
from amocrm_assets_tests.warehouse.places import Place, lead
from amocrm_assets_tests.warehouse.recording_bigquery import Fault, RecordingBigQuery

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = date(2026, 1, 1)
NEXT = DAY + timedelta(days=1)
SHARD = "amoCrmLeads_acme_20260101"
SIXTY_DAYS_MS = 60 * 86_400 * 1000
NO_BILLING = Fault(
    "PATCH",
    "/tables/",
    status=403,
    reason="billingNotEnabled",
    message="Billing has not been enabled for this",
    times=99,
)


@pytest.fixture
def client(bigquery_url: str) -> Iterator[bigquery.Client]:
    address = read_address(bigquery_url)
    assert isinstance(address, BigQueryAddress)
    with open_client(address.project, endpoint=address.endpoint) as client:
        dataset = bigquery.Dataset(f"{address.project}.{address.dataset}")
        dataset.default_table_expiration_ms = SIXTY_DAYS_MS
        dataset.location = address.location
        client.create_dataset(dataset)
        yield client


@pytest.mark.slow
def test_a_shard_stays_in_a_dataset_whose_tables_expire(client: bigquery.Client, bigquery_place: Place) -> None:
    outcomes = bigquery_place.load_shards(
        bigquery_place.load(DAY, [lead(1)]), bigquery_place.load(NEXT, [lead(2)])
    )

    for outcome in outcomes.values():
        assert isinstance(outcome, LoadResult), outcome
        assert client.get_table(outcome.table).expires is None
        assert "its expiration was removed" in outcome.warnings[0]
    assert bigquery_place.warehouse.expirations(LEADS.table, "acme") == {}


@pytest.mark.slow
def test_shards_that_are_going_to_expire_are_found_and_kept_by_a_load(
    client: bigquery.Client, bigquery_place: Place
) -> None:
    loads = [bigquery_place.load(DAY, [lead(1)]), bigquery_place.load(NEXT, [lead(2)])]
    bigquery_place.load_shards(*loads)
    bigquery_place.load_shards(bigquery_place.load(NEXT, [lead(2)], subdomain="acme-eu"))
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    for name in (SHARD, "amoCrmLeads_acme-eu_20260102"):
        table = client.get_table(bigquery_place.warehouse.table(name))
        table.expires = moment
        client.update_table(table, ["expires"])

    assert bigquery_place.warehouse.expirations(LEADS.table, "acme") == {DAY: moment}
    bigquery_place.load_shards(loads[0], run_id="run-2")
    assert bigquery_place.warehouse.expirations(LEADS.table, "acme") == {}


def test_preparing_warns_of_such_a_dataset_and_leaves_nothing_behind(
    server: RecordingBigQuery, wired: Place
) -> None:
    server.table_expiration_ms = SIXTY_DAYS_MS
    (warning,) = wired.warehouse.prepare()

    assert "new tables of the dataset p:d expire after 60 days" in warning
    assert "`bq update --default_table_expiration 0 p:d`" in warning
    assert server.tables == {}


def test_preparing_says_nothing_of_a_dataset_whose_tables_stay(server: RecordingBigQuery, wired: Place) -> None:
    assert wired.warehouse.prepare() == []
    assert not server.sent("PATCH", "/tables/")


@pytest.mark.parametrize("refusal", ["fault", "no effect"])
def test_a_sandbox_project_which_allows_no_other_expiration_is_refused_before_amocrm_is_asked(
    server: RecordingBigQuery, wired: Place, refusal: str
) -> None:
    server.table_expiration_ms = SIXTY_DAYS_MS
    server.keeps_expiration = refusal == "no effect"
    server.faults = [NO_BILLING] if refusal == "fault" else []

    with pytest.raises(WarehouseRefused, match="Link the project to a billing account"):
        wired.warehouse.prepare()

    assert server.tables == {}


def test_a_probe_that_may_not_be_deleted_still_expires_by_itself(server: RecordingBigQuery, wired: Place) -> None:
    server.table_expiration_ms = SIXTY_DAYS_MS
    server.permissions = frozenset(
        f"bigquery.tables.{right}" for right in ("get", "getData", "update", "updateData")
    )

    wired.warehouse.prepare()

    (probe,) = server.tables.values()
    assert 3000 < int(probe["expirationTime"]) / 1000 - datetime.now(UTC).timestamp() < 3700


@pytest.mark.parametrize("refusal", ["fault", "no effect"])
def test_a_shard_that_cannot_be_kept_fails_its_day(server: RecordingBigQuery, wired: Place, refusal: str) -> None:
    server.table_expiration_ms = SIXTY_DAYS_MS
    server.keeps_expiration = refusal == "no effect"
    server.faults = [NO_BILLING] if refusal == "fault" else []

    outcome = wired.load_shards(wired.load(DAY, [lead(1)]))[DAY]

    assert isinstance(outcome, WarehouseRefused)
    assert outcome.operation.startswith(f"Keeping p.d.{SHARD}, which BigQuery deletes at ")
    assert "Link the project to a billing account" in outcome.fix
    assert outcome.facts["expires_at"]


def load_beside_changes(server: RecordingBigQuery, wired: Place, *, times: int) -> LoadResult | Exception:
    """What becomes of a shard whose properties others change so often before it is kept."""
    server.table_expiration_ms = SIXTY_DAYS_MS
    server.faults = [
        Fault("PATCH", SHARD, status=412, reason="conditionNotMet", message="Precondition", times=times)
    ]
    return wired.load_shards(wired.load(DAY, [lead(1)]))[DAY]


def test_a_change_by_somebody_else_meanwhile_does_not_make_a_shard_expire(
    server: RecordingBigQuery, wired: Place, naps: list[float]
) -> None:
    outcome = load_beside_changes(server, wired, times=2)

    assert isinstance(outcome, LoadResult), outcome
    (warning,) = outcome.warnings
    assert "its expiration was removed. See docs/bigquery.md, Tables that expire." in warning
    first, second = naps
    assert 0.5 <= first <= 1.5
    assert 1 <= second <= 2
    # Each attempt looks at the table anew: an update of what was read before would be refused for ever.
    assert len(server.sent("GET", f"/tables/{SHARD}$")) == 1 + 1 + 3
    assert "expirationTime" not in server.tables[SHARD]


def test_a_shard_that_others_change_again_and_again_fails_its_day(
    server: RecordingBigQuery, wired: Place, naps: list[float]
) -> None:
    outcome = load_beside_changes(server, wired, times=99)

    assert isinstance(outcome, WarehouseRefused)
    assert "properties were changed at the same time" in outcome.fix
    assert len(naps) == 4
