"""What is compared with a shard, and what the errors for it name."""

from __future__ import annotations

from datetime import date

import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.entities.reference import reference_table
from amocrm_assets.errors import ShardMismatch, WarehouseRefused
from amocrm_assets.warehouse import ShardLoad, TableLoad
from amocrm_assets.warehouse.verifying import require_columns, rows_of, verify_shard

DAY = date(2026, 1, 1)
SHARD = ShardLoad(LEADS.table, "acme", DAY, "rows/day.parquet", row_count=2)
WHOLE = TableLoad(reference_table("amoCrmUsers"), "acme", "rows/users.parquet", row_count=2)
COLUMNS = ("id INTEGER REQUIRED", "name STRING NULLABLE")


@pytest.mark.parametrize(
    ("row_count", "columns", "cause"),
    [
        (3, COLUMNS, "it holds 3 rows, and 2 were loaded."),
        (2, COLUMNS[:1], "column 2 is missing, not name STRING NULLABLE."),
        (2, (*COLUMNS, "more BOOLEAN NULLABLE"), "column 3 is more BOOLEAN NULLABLE, not in the schema."),
        (
            0,
            COLUMNS[::-1],
            (
                "it holds 0 rows, and 2 were loaded; column 1 is name STRING NULLABLE, not id INTEGER REQUIRED;"
                " column 2 is id INTEGER REQUIRED, not name STRING NULLABLE."
            ),
        ),
    ],
)
def test_every_difference_of_a_shard_is_named_the_count_first(
    row_count: int, columns: tuple[str, ...], cause: str
) -> None:
    with pytest.raises(ShardMismatch) as caught:
        verify_shard(SHARD, "w.shard", row_count=row_count, columns=columns, expected=COLUMNS)

    assert caught.value.cause == cause
    assert caught.value.facts == {"table": "w.shard", "subdomain": "acme", "day": "2026-01-01"}


@pytest.mark.parametrize("load", [SHARD, WHOLE])
def test_a_table_with_the_rows_and_columns_of_its_load_is_right(load: ShardLoad | TableLoad) -> None:
    verify_shard(load, "w.table", row_count=2, columns=COLUMNS, expected=COLUMNS)


def test_a_table_without_days_that_differs_names_no_day() -> None:
    with pytest.raises(ShardMismatch) as caught:
        verify_shard(WHOLE, "w.users", row_count=1, columns=COLUMNS, expected=COLUMNS)

    assert caught.value.facts == {"table": "w.users", "subdomain": "acme"}


@pytest.mark.parametrize(
    ("load", "operation", "fix", "facts"),
    [
        (
            SHARD,
            "Loading the rows of 2026-01-01",
            "Materialise the asset `leads` for 2026-01-01 first.",
            {"subdomain": "acme", "day": "2026-01-01"},
        ),
        (
            WHOLE,
            "Loading the rows of amoCrmUsers_acme",
            "Materialise the asset `amoCrmUsers` first.",
            {"subdomain": "acme"},
        ),
    ],
)
def test_missing_rows_say_what_to_materialise(
    load: ShardLoad | TableLoad, operation: str, fix: str, facts: dict[str, str]
) -> None:
    with pytest.raises(WarehouseRefused) as caught, rows_of(load):
        raise FileNotFoundError(load.rows)

    assert (caught.value.operation, caught.value.fix, caught.value.facts) == (operation, fix, facts)


def test_a_shard_without_a_requested_column_says_so_and_one_with_more_is_read() -> None:
    require_columns(LEADS.table, "w.shard", DAY, ["id", "name", "more"], ["name", "id"])

    with pytest.raises(WarehouseRefused, match="it has no column score, city:") as caught:
        require_columns(LEADS.table, "w.shard", DAY, ["id"], ["id", "score", "city"])
    assert "Materialise `amoCrmLeads` for 2026-01-01" in caught.value.fix
