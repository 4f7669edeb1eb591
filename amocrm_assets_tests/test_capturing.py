"""Days go from amoCRM into captures completely, whatever the account holds and does."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.captures import capture_names, days_with_capture, open_capture, read_findings
from amocrm_assets.days import day_window
from amocrm_assets.entities import LEADS
from amocrm_assets.sandbox import Fault
from amocrm_assets_tests.accounts import DAY, leads_of, sandbox_with, source
from amocrm_assets_tests.capturing_days import capture, days_from, leads_in

if TYPE_CHECKING:
    from amocrm_assets.storage import Storage


def test_a_day_is_kept_with_its_deleted_leads(storage: Storage) -> None:
    with sandbox_with(leads_of(DAY, 700), leads_of(DAY, 30, deleted=True)) as sandbox:
        (captured,) = capture(sandbox, storage, [DAY], source())

    leads = leads_in(storage, DAY)
    assert len({lead["id"] for lead in leads}) == len(leads) == captured.capture.records == 730
    assert sum(lead["is_deleted"] is True for lead in leads) == 30


def test_deleted_leads_are_left_out_when_the_source_says_so(storage: Storage) -> None:
    with sandbox_with(leads_of(DAY, 7), leads_of(DAY, 3, deleted=True)) as sandbox:
        capture(sandbox, storage, [DAY], source(import_deleted=False))

    assert len(leads_in(storage, DAY)) == 7


def test_a_day_without_leads_has_a_capture_without_leads(storage: Storage) -> None:
    with sandbox_with() as sandbox:
        (captured,) = capture(sandbox, storage, [DAY], source())

    assert captured.capture.records == 0
    assert days_with_capture(LEADS, storage, "sandbox") == [DAY]


def test_names_are_dropped_before_anything_is_written(storage: Storage) -> None:
    with sandbox_with(leads_of(DAY, 20)) as sandbox:
        names = [
            str(lead["name"]) for lead_id in sandbox.account.stamps() if (lead := sandbox.account.lead(lead_id))
        ]
        capture(sandbox, storage, [DAY], source(import_lead_name=False))

    leads = leads_in(storage, DAY)
    assert len(leads) == len(names) == 20
    assert not any("name" in lead for lead in leads)


def check_days(storage: Storage, days: list[date], stamps: dict[int, int]) -> None:
    """Each day's captures hold the leads that were updated within it, by the source's zone, and no others."""
    for day in days:
        window = day_window(day, source().zone)
        expected = {lead for lead, at in stamps.items() if window.from_at <= at <= window.to_at}
        assert {lead["id"] for lead in leads_in(storage, day)} == expected


def test_each_lead_lies_in_the_day_of_the_sources_zone(storage: Storage) -> None:
    days = days_from(DAY, 3)
    with sandbox_with(leads_of(DAY, 900, days=3)) as sandbox:
        capture(sandbox, storage, days, source())
        stamps = sandbox.account.stamps()

    check_days(storage, days, stamps)


def test_a_year_is_one_reading(storage: Storage) -> None:
    first = date(2025, 3, 1)
    with sandbox_with(leads_of(first, 3_650, days=365)) as sandbox:
        captured = capture(sandbox, storage, days_from(first, 365), source(start_date="2025-01-01"))
        sent = [each for each in sandbox.requests.of("/api/v4/leads") if "custom" not in each.path]

    assert sum(day.capture.records for day in captured) == 3_650
    # A second page by number is asked of the list as it was before its slice was cut, so its rest may come twice.
    assert sum(each.rows for each in sent) <= 3_650 * 1.05 + 6 * 250
    assert len(sent) <= 2 * 3_650 / 250 + 3
    shares = [float(str(day.metadata["requests"])) for day in captured]
    assert sum(shares) == pytest.approx(len(sandbox.requests.of("/api/")), rel=0.01)
    assert sum(share > 0 for share in shares) > len(sandbox.requests.of("/api/"))


def test_days_that_lie_apart_are_read_apart(storage: Storage) -> None:
    days = [DAY, DAY + timedelta(days=10)]
    with sandbox_with(leads_of(DAY, 1_100, days=11)) as sandbox:
        captured = capture(sandbox, storage, days, source())
        rows = sum(
            request.rows for request in sandbox.requests.of("/api/v4/leads") if "custom" not in request.path
        )

    assert [day.day for day in captured] == days
    # The days between them are not read.
    assert sum(day.capture.records for day in captured) == 200
    assert rows < 1_100 * 2 / 3
    assert days_with_capture(LEADS, storage, "sandbox") == days


def test_nobody_untouched_is_lost_while_leads_are_edited_and_everything_fails(storage: Storage) -> None:
    window = day_window(DAY, source().zone)
    faults = tuple(Fault(kind, rate=0.04) for kind in ("reset", "reset-midway", "cut", "cut-short", "500", "503"))
    with sandbox_with(
        leads_of(DAY, 2_000),
        edits_per_answer=5,
        touched_from=window.from_at,
        touched_to=window.to_at,
        faults=faults,
    ) as sandbox:
        tied = window.from_at + 40_000
        sandbox.account.load(list(range(900_001, 900_901)), [tied] * 900)
        capture(sandbox, storage, [DAY], source())
        untouched = sandbox.account.stamps(window.from_at, window.to_at)

    ids = [lead["id"] for lead in leads_in(storage, DAY)]
    assert set(untouched) <= set(ids)
    assert len(set(ids)) == len(ids)


def test_an_account_that_ignores_filters_is_read_whole(storage: Storage) -> None:
    with sandbox_with(
        leads_of(DAY, 2_000, days=4), leads_of(DAY, 50, deleted=True), filters_enabled=False
    ) as sandbox:
        day = DAY + timedelta(days=2)
        (captured,) = capture(sandbox, storage, [day], source())
        window = day_window(day, source().zone)
        expected = set(sandbox.account.stamps(window.from_at, window.to_at))

    assert {lead["id"] for lead in leads_in(storage, day)} == expected
    assert captured.metadata["filters_honoured"] is False
    kept = read_findings(storage, captured.capture.name)
    reported = [(each.kind, each.cause, each.fix) for each in captured.metadata["findings"]]  # type: ignore[union-attr]
    assert [(each.kind, each.cause, each.fix) for each in kept] == reported
    assert ("leads", "filters_ignored", False) in [(each.record_list, each.kind, each.may_miss) for each in kept]


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)]
)
def test_a_day_is_as_long_as_its_zone_makes_it(day: date, hours: int) -> None:
    window = day_window(day, source(timezone="Europe/Berlin").zone)

    assert window.to_at - window.from_at + 1 == hours * 3600
    assert datetime.fromtimestamp(window.from_at, UTC).date() in {day, day - timedelta(days=1)}


def test_the_last_second_is_read_where_the_end_of_a_filter_is_not_included(storage: Storage) -> None:
    window = day_window(DAY, source().zone)
    with sandbox_with(half_open=True) as sandbox:
        stamps = [window.from_at, *[window.from_at + 500] * 900, window.to_at, window.to_at]
        sandbox.account.load(list(range(1, len(stamps) + 1)), stamps)
        capture(sandbox, storage, [DAY], source())

    assert {lead["id"] for lead in leads_in(storage, DAY)} == set(range(1, len(stamps) + 1))


def test_a_range_with_a_crowded_second_is_read_from_an_account_that_ignores_filters(storage: Storage) -> None:
    days = days_from(DAY, 7)
    second_day = day_window(days[1], source().zone)
    with sandbox_with(leads_of(DAY, 2_100, days=7), filters_enabled=False) as sandbox:
        sandbox.account.load(list(range(900_001, 900_901)), [second_day.from_at + 7_000] * 900)
        capture(sandbox, storage, days, source())
        stamps = sandbox.account.stamps()

    check_days(storage, days, stamps)


def test_a_lead_without_its_name_keeps_all_other_bytes(storage: Storage) -> None:
    def with_numbers(body: bytes) -> bytes:
        return body.replace(b'"price":', b'"odd":[1.50,12345678901234567890.123,1e400],"price":')

    with sandbox_with(leads_of(DAY, 1)) as sandbox:
        sandbox.rewrite = with_numbers
        capture(sandbox, storage, [DAY], source(import_lead_name=False))

    (name,) = capture_names(LEADS, storage, "sandbox", DAY)
    with open_capture(LEADS, storage, name) as opened:
        (line,) = list(opened.records)
    assert b'"odd":[1.50,12345678901234567890.123,1e400]' in line
    assert b'"name":' not in line.partition(b'"custom_fields_values"')[0]
