"""Columns beside those of rows: dates and moments of seconds, names of ids, and texts that do not fit."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.entities.latest import NameOf
from amocrm_assets.entities.reference import reference_table
from amocrm_assets.rows.latest_table import sorted_file
from amocrm_assets.rows.latest_table.values import Names, dates, moments, names_now
from amocrm_assets.rows.reference import write_reference_tables
from amocrm_assets_tests.rows.days import field, lead
from amocrm_assets_tests.rows.latest_table.tables import SOURCE, defined, seconds, settings, write_day, written
from amocrm_assets_tests.rows.reference.readings import capture, night

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.storage import Storage

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = -62_135_596_800 + 86_400, 253_402_300_799 - 86_400


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("zone", "second", "day"),
    [
        ("UTC", 0, date(1970, 1, 1)),
        ("UTC", -1, date(1969, 12, 31)),
        ("UTC", None, None),
        ("Europe/Moscow", at("2026-03-10T20:59:59Z"), date(2026, 3, 10)),
        ("Europe/Moscow", at("2026-03-10T21:00:00Z"), date(2026, 3, 11)),
        ("Asia/Kathmandu", at("2026-03-10T18:14:59Z"), date(2026, 3, 10)),
        ("Asia/Kathmandu", at("2026-03-10T18:15:00Z"), date(2026, 3, 11)),
        ("America/New_York", at("2026-01-10T04:59:59Z"), date(2026, 1, 9)),
        ("America/New_York", at("2026-01-10T05:00:00Z"), date(2026, 1, 10)),
        # The clocks go forward in this night.
        ("Europe/Berlin", at("2026-03-28T22:59:59Z"), date(2026, 3, 28)),
        ("Europe/Berlin", at("2026-03-28T23:00:00Z"), date(2026, 3, 29)),
        ("Europe/Berlin", at("2026-03-29T21:59:59Z"), date(2026, 3, 29)),
        ("Europe/Berlin", at("2026-03-29T22:00:00Z"), date(2026, 3, 30)),
        # A day is left at both ends, for any time zone.
        ("UTC", FIRST, date(1, 1, 2)),
        ("UTC", FIRST - 1, None),
        ("UTC", LAST, date(9999, 12, 30)),
        ("UTC", LAST + 1, None),
        ("UTC", -(2**63), None),
        ("UTC", 2**63 - 1, None),
    ],
)
def test_the_date_of_a_second_is_that_of_the_zone_and_its_moment_is_in_utc(
    zone: str, second: int | None, day: date | None
) -> None:
    # Beside others, one of them with another offset.
    column = pa.chunked_array([[second], [None, at("2026-07-10T12:00:00Z"), second]], pa.int64())
    assert dates(column, ZoneInfo(zone)).to_pylist() == [day, None, date(2026, 7, 10), day]
    moment = None if day is None else EPOCH + timedelta(seconds=second or 0)
    assert moments(column).to_pylist() == [moment, None, datetime(2026, 7, 10, 12, tzinfo=UTC), moment]


@pytest.mark.parametrize(
    ("by", "names", "rows", "found"),
    [
        (["a"], {(5,): "five", (-7,): "seven"}, [(5,), (-7,), (6,), (None,)], ["five", "seven", None, None]),
        (["a"], {}, [(5,), (None,)], [None, None]),
        (
            ["a", "b"],
            {(3, 142): "won", (5, 142): "won of five", (5, 21): "first", (3, 30): None},
            [(3, 142), (5, 142), (5, 21), (3, 21), (3, 30), (4, 142), (5, None), (None, 142)],
            ["won", "won of five", "first", None, None, None, None, None],
        ),
        (
            ["a", "b", "c"],
            {(a, b, c): f"{a}{b}{c}" for a in (1, 2) for b in (1, 2, 3) for c in (1, 4) if (a, b, c) != (1, 2, 4)},
            [(2, 3, 4), (1, 1, 1), (1, 2, 4), (2, 1, 1), (1, 3, 4)],
            ["234", "111", None, "211", "134"],
        ),
    ],
)
def test_an_id_of_one_or_several_parts_has_its_name(
    by: list[str], names: dict[tuple[int, ...], str | None], rows: list[tuple[Any, ...]], found: list[str | None]
) -> None:
    wanted = NameOf("name", "A name.", by=tuple(by), table="amoCrmUsers")
    columns = dict(zip(by, zip(*rows, strict=True), strict=True))
    table = pa.table(columns, schema=pa.schema([(each, pa.int64()) for each in by]))
    assert Names(wanted, list(names), list(names.values())).of(table).to_pylist() == found


def names_of(wanted: Sequence[NameOf], storage: Storage, *, import_reference: bool) -> list[list[Any]]:
    rows = pa.table({"status_id": [21, 22, 23], "pipeline_id": [3, 3, 3]})
    names = names_now(wanted, storage, settings(import_reference=import_reference))
    return [each.of(rows).to_pylist() for each in names]


def test_names_and_other_values_are_the_present_ones_of_lists_that_are_imported(storage: Storage) -> None:
    by, table = ("pipeline_id", "status_id"), "amoCrmStatuses"
    wanted = [
        NameOf("status_name", "A name.", by=by, table=table),
        NameOf("status_sort", "A position.", by=by, table=table, value="sort", type="INTEGER"),
        NameOf("pipeline_name", "A name.", by=("pipeline_id",), table="amoCrmPipelines"),
    ]
    none = [[None] * 3] * 3
    assert names_of(wanted, storage, import_reference=True) == none
    for number, name in enumerate(["before", "now"]):
        stages = [{"id": 21, "name": name, "sort": number}, {"id": 22, "name": "second", "sort": 9}]
        pipeline = {"id": 3, "name": f"P {name}", "_embedded": {"statuses": stages}}
        capture(storage, night(number), {"pipelines": [pipeline]})
    write_reference_tables([reference_table(each) for each in (table, "amoCrmPipelines")], storage, "acme")
    assert names_of(wanted, storage, import_reference=True) == [
        ["now", "second", None],
        [1, 9, None],
        ["P now"] * 3,
    ]
    assert names_of(wanted, storage, import_reference=False) == none


def test_texts_that_do_not_fit_are_counted_in_all_groups_of_rows(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sorted_file, "ROW_GROUP", 1)

    def sent(number: int, *texts: str | None) -> dict[str, Any]:
        fields = [field("text", {"value": text}, field_id=place) for place, text in enumerate(texts, 1) if text]
        return lead(number, updated_at=seconds(0), custom_fields_values=fields)

    leads = [sent(1, "x", "5"), sent(2, "7", "6"), sent(3, "y", "z"), sent(4, "w", None)]
    listed = [defined(1, "A", "numeric"), defined(2, "B", "numeric"), defined(3, "C")]
    write_day(storage, 0, leads, by=SOURCE, fields=listed, entity=LEADS)
    assert written(storage, SOURCE).unfit == {"cf_1": 3, "cf_2": 1}
