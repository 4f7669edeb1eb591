"""What every warehouse does alike. Each test runs against each of them."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amocrm_assets.entities import LEADS, latest_table
from amocrm_assets.errors import ShardMismatch, WarehouseRefused
from amocrm_assets.settings import SUBDOMAIN
from amocrm_assets.warehouse import LoadResult, ShardLoad
from amocrm_assets_tests.warehouse.places import Place, lead

pytestmark = pytest.mark.slow

subdomains = st.from_regex(SUBDOMAIN, fullmatch=True)

DAY = date(2026, 1, 1)
NEXT = DAY + timedelta(days=1)


def test_what_is_read_equals_what_was_put(place: Place) -> None:
    leads = [lead(1), lead(2, name=None, is_deleted=True, sale=-5, custom_fields=[]), lead(3, updated_at=None)]

    outcome = place.load_shards(place.load(DAY, leads))[DAY]

    assert isinstance(outcome, LoadResult), outcome
    assert outcome.row_count == 3
    assert outcome.table == place.warehouse.table("amoCrmLeads_acme_20260101")
    assert place.leads(DAY) == leads


def test_columns_keep_their_order_and_integers_stay_integers(place: Place) -> None:
    place.load_shards(place.load(DAY, [lead(1), lead(2, sale=None)]))

    frame = place.warehouse.read(LEADS.table, "acme", [DAY])

    assert list(frame.columns) == [column.name for column in LEADS.table.columns]
    assert frame["sale"].dtype == pd.ArrowDtype(pa.int64())
    assert frame["is_deleted"].dtype == pd.ArrowDtype(pa.bool_())
    assert frame["sale"].tolist()[0] == 2**53 + 1


def test_a_day_without_leads_has_an_empty_shard(place: Place) -> None:
    outcome = place.load_shards(place.load(DAY, []))[DAY]

    assert isinstance(outcome, LoadResult), outcome
    assert outcome.row_count == 0
    assert place.warehouse.shard_days(LEADS.table, "acme") == {DAY: 0}
    assert list(place.warehouse.read(LEADS.table, "acme", [DAY]).columns) == [
        column.name for column in LEADS.table.columns
    ]


def test_a_shard_is_replaced_and_not_added_to(place: Place) -> None:
    place.load_shards(place.load(DAY, [lead(1), lead(2)]))
    place.load_shards(place.load(DAY, [lead(2, name="renamed")]), run_id="run-2")

    assert place.leads(DAY) == [lead(2, name="renamed")]


def test_putting_twice_equals_putting_once(place: Place) -> None:
    load = place.load(DAY, [lead(1)])
    place.load_shards(load)
    place.load_shards(load)

    assert place.leads(DAY) == [lead(1)]


def test_many_shards_are_put_by_one_call(place: Place) -> None:
    days = [DAY + timedelta(days=number) for number in range(4)]

    outcomes = place.load_shards(*[place.load(day, [lead(number)]) for number, day in enumerate(days)])

    assert all(isinstance(outcome, LoadResult) for outcome in outcomes.values()), outcomes
    assert place.warehouse.shard_days(LEADS.table, "acme") == dict.fromkeys(days, 1)
    assert [row["id"] for row in place.leads(*days)] == list(range(4))


def test_a_shard_that_fails_leaves_the_old_one_and_does_not_hinder_the_others(place: Place) -> None:
    place.load_shards(place.load(DAY, [lead(1)]))
    gone = ShardLoad(LEADS.table, "acme", DAY, "rows/acme/leads/nowhere.parquet", 1)

    outcomes = place.load_shards(gone, place.load(NEXT, [lead(2)]), run_id="run-2")

    assert isinstance(outcomes[DAY], WarehouseRefused)
    assert "Materialise the asset `leads` for 2026-01-01" in str(outcomes[DAY])
    assert isinstance(outcomes[NEXT], LoadResult)
    assert place.leads(DAY, NEXT) == [lead(1), lead(2)]


def test_a_count_that_is_not_that_of_the_rows_is_a_mismatch(place: Place) -> None:
    load = place.load(DAY, [lead(1)])

    outcome = place.load_shards(ShardLoad(LEADS.table, load.subdomain, load.day, load.rows, row_count=2))[DAY]

    assert isinstance(outcome, ShardMismatch)
    assert "it holds 1 rows, and 2 were loaded" in str(outcome)


def test_a_file_that_is_no_rows_file_is_refused(place: Place) -> None:
    place.load_shards(place.load(DAY, [lead(1)]))
    load = place.load(DAY, [lead(1), lead(2)])
    with place.storage.temp_file(load.rows) as file:
        file.write_bytes(b"PAR1 and nothing that follows from it")
        place.storage.replace(load.rows, file)

    outcome = place.load_shards(load, run_id="run-2")[DAY]

    assert isinstance(outcome, WarehouseRefused)
    assert place.leads(DAY) == [lead(1)]


def test_shards_of_other_accounts_and_other_tables_are_not_counted(place: Place) -> None:
    place.load_shards(
        place.load(DAY, [lead(1)]),
        place.load(NEXT, [lead(2)], subdomain="acme-eu"),
        place.load(NEXT, [lead(3)], subdomain="acme_2026"),
    )

    assert place.warehouse.shard_days(LEADS.table, "acme") == {DAY: 1}
    assert place.warehouse.shard_days(LEADS.table, "acme-eu") == {NEXT: 1}
    assert place.warehouse.shard_days(LEADS.table, "nobody") == {}
    assert place.warehouse.shard_days_of(LEADS.table, ["acme", "acme-eu", "nobody"]) == {
        "acme": {DAY: 1},
        "acme-eu": {NEXT: 1},
        "nobody": {},
    }
    assert place.warehouse.shard_days_of(LEADS.table, []) == {}


def test_reading_a_day_without_shard_says_what_to_materialise(place: Place) -> None:
    place.load_shards(place.load(DAY, [lead(1)]))

    with pytest.raises(WarehouseRefused, match="Materialise `amoCrmLeads` for 2026-01-02 first"):
        place.warehouse.read(LEADS.table, "acme", [DAY, NEXT])


def test_reading_no_day_gives_an_empty_frame_with_all_columns(place: Place) -> None:
    frame = place.warehouse.read(LEADS.table, "acme", [])

    assert len(frame) == 0
    assert list(frame.columns) == [column.name for column in LEADS.table.columns]


@given(subdomains, subdomains)
def test_a_flat_table_is_never_met_by_a_wildcard_over_shards(kept: str, queried: str) -> None:
    """A column of another type in any matching table fails the query over all."""
    assert not latest_table(LEADS.table).name_of(kept, None).startswith(LEADS.table.shard_prefix(queried))


def test_an_account_with_a_hyphen_keeps_it_in_the_name(place: Place) -> None:
    outcome = place.load_shards(place.load(DAY, [lead(1)], subdomain="my-shop"))[DAY]

    assert isinstance(outcome, LoadResult), outcome
    assert outcome.table.endswith("amoCrmLeads_my-shop_20260101")
    assert place.query(f"SELECT id FROM {place.quoted(LEADS.table.shard_name('my-shop', DAY))}") == [(1,)]


def test_preparing_twice_is_preparing_once(place: Place) -> None:
    place.warehouse.prepare()
    place.load_shards(place.load(DAY, [lead(1)]))
    place.warehouse.prepare()

    assert place.warehouse.shard_days(LEADS.table, "acme") == {DAY: 1}


integers = st.none() | st.integers(-(2**63), 2**63 - 1)
texts = st.none() | st.text(st.characters(codec="utf-8"), max_size=20)
values = st.lists(st.fixed_dictionaries({"value": texts, "enum": integers}), max_size=3)
fields = st.lists(
    st.fixed_dictionaries(
        {"id": integers, "name": texts, "is_system": st.none() | st.booleans(), "values": values}
    ),
    max_size=3,
)
KINDS = {"INTEGER": integers, "STRING": texts, "BOOLEAN": st.none() | st.booleans(), "RECORD": fields}
rows = st.fixed_dictionaries({column.name: KINDS[column.type] for column in LEADS.table.columns})


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(leads=st.lists(rows, max_size=25))
def test_any_row_comes_back_as_it_was_put(place: Place, leads: list[dict[str, object]]) -> None:
    outcome = place.load_shards(place.load(DAY, leads))[DAY]

    assert isinstance(outcome, LoadResult), outcome
    assert place.leads(DAY) == leads
