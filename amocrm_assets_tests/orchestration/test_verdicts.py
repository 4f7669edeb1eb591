"""What the checks of a step say of its days, without a run. For runs see `test_checks`."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from amocrm_assets.crm.pagination.findings import filters_ignored, only_deleted_ignored
from amocrm_assets.entities import CONTACTS, EVENTS, LEADS
from amocrm_assets.orchestration import checks
from amocrm_assets.orchestration.checks import WORST, raw_specs, reading_results, rows_results, rows_specs, verdict
from amocrm_assets.rows.files import RowsWritten
from amocrm_assets.rows.oddities import Oddity
from amocrm_assets_tests.accounts import source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)
KEY = dg.AssetKey("own")
HASHING = source(hash_fields=["PHONE"])
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


def facts(result: dg.AssetCheckResult) -> dict[str, Any]:
    return {name: getattr(value, "value", value) for name, value in (result.metadata or {}).items()}


def read(*, findings: Sequence[Any] = (), zone: str = "Europe/Moscow", **more: Any) -> dict[str, Any]:
    """The metadata of a day that was read."""
    return {"findings": findings, "account_timezone": zone, **more}


def of(results: Sequence[dg.AssetCheckResult], name: str) -> dg.AssetCheckResult:
    (found,) = [each for each in results if each.check_name == name]
    return found


def written(*, oddities: Sequence[Oddity] = (), missing: Mapping[str, Sequence[str]] | None = None) -> RowsWritten:
    return RowsWritten("rows", 1, 1, 0.0, (), tuple(oddities), (), missing or {})


def test_days_with_problems_are_named_with_cause_and_fix() -> None:
    bad = verdict(
        "own", bad=[FIRST], of={FIRST: 1, SECOND: 2}, message="A. *", fix="Repair it.", nothing="", some="x"
    )
    assert (bad.passed, bad.severity, bad.description) == (False, WARN, "A. * Repair it.")
    assert facts(bad) == {
        "days": 2, "bad_days": 1, "some": "x", "which_days": str(FIRST), "cause": "A. *", "fix": "Repair it.",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "description", "named"),
    [
        ({"bad": [FIRST], "fix": ""}, "A.", {"which_days"}),
        (
            {"bad": [FIRST], "fix": "Repair it.", "description": "On the page."},
            "On the page.",
            {"which_days", "cause"},
        ),
        ({"bad": [], "fix": "Repair it.", "description": "On the page."}, None, set()),
    ],
)
def test_a_result_says_only_what_is_known(given: dict[str, Any], description: str | None, named: set[str]) -> None:
    result = verdict("own", of={FIRST: 1}, message="A.", **given)
    assert result.passed is (not given["bad"])
    assert result.description == description
    assert facts(result).keys() >= named
    assert not facts(result).keys() & (
        {"which_days", "cause", "fix"} - named - ({"fix"} if "cause" in named else set())
    )


def test_a_finding_by_which_records_may_be_missing_hides_no_day_that_it_concerns() -> None:
    ignored, deleted = filters_ignored(LEADS.live), only_deleted_ignored(LEADS.live)
    worse = of(
        reading_results(
            source(), {FIRST: read(findings=[ignored]), SECOND: read(findings=[ignored, deleted])}, None
        ),
        checks.COMPLETE,
    )
    assert (worse.passed, worse.severity) == (False, ERROR)
    assert facts(worse)["which_days"] == str(SECOND)
    assert worse.description == str(deleted)
    assert facts(worse)["findings"] == f"leads: {ignored.kind}, leads: {deleted.kind}"

    mild = of(reading_results(source(), {FIRST: read(findings=[ignored]), SECOND: read()}, None), checks.COMPLETE)
    assert (mild.passed, mild.severity) == (False, WARN)
    assert facts(mild)["which_days"] == str(FIRST)
    assert facts(mild)["cause"].startswith(f"List of {LEADS.live.title}: {ignored.cause}")
    assert facts(mild)["fix"] == ignored.fix


def test_a_zone_with_other_midnights_is_shown_as_plain_text() -> None:
    results = reading_results(source(), {FIRST: read(), SECOND: read(zone="Asia/Tokyo")}, None)
    other = of(results, checks.TIMEZONE)
    assert (other.passed, facts(other)["which_days"]) == (False, str(SECOND))
    assert (facts(other)["account_timezone"], facts(other)["source_timezone"]) == ("Asia/Tokyo", "Europe/Moscow")
    assert "account_timezone" not in facts(of(reading_results(source(), {FIRST: read()}, None), checks.TIMEZONE))


def test_a_hash_key_is_checked_where_anything_is_hashed() -> None:
    days = {
        FIRST: read(hash_key="a1", hash_key_changed=True),
        SECOND: read(hash_key="a1"),
        date(2026, 3, 3): read(),
    }
    changed = of(reading_results(HASHING, days, None), checks.HASH_KEY)
    assert (changed.passed, facts(changed)["which_days"], facts(changed)["hash_key"]) == (False, str(FIRST), "a1")
    for by, is_there in ((HASHING, True), (source(), False)):
        assert (checks.HASH_KEY in {each.check_name for each in reading_results(by, days, None)}) is is_there
        assert (checks.HASH_KEY in {each.name for each in raw_specs(LEADS, by, KEY)}) is is_there


@pytest.mark.parametrize(("now", "passed"), [(0, True), (86400 * 90, False)])
def test_an_authorisation_that_ends_soon_is_a_warning_with_its_date(
    monkeypatch: pytest.MonkeyPatch, now: int, *, passed: bool
) -> None:
    monkeypatch.setattr("amocrm_assets.orchestration.checks.time.time", lambda: float(now))
    result = of(reading_results(source(), {}, 86400 * 100), checks.AUTHORISATION)
    assert (result.passed, result.severity, facts(result)) == (passed, WARN, {"authorisation_ends": 8640000.0})
    assert (result.description is None) is passed
    assert passed or "AMOCRM_SANDBOX_TOKEN" in str(result.description)


@pytest.mark.parametrize(
    ("entity", "chosen", "words"),
    [
        (LEADS, {}, "All are imported"),
        (LEADS, {"leads_custom_fields": ["City"]}, "Some are chosen"),
        (CONTACTS, {}, "All are imported"),
        (EVENTS, {}, None),
    ],
)
def test_fields_are_checked_where_a_table_has_fields_to_choose(
    entity: Any, chosen: dict[str, Any], words: str | None
) -> None:
    by = source(**chosen)
    described = {each.name: str(each.description) for each in rows_specs(entity, entity.table, by, KEY)}
    results = {each.check_name for each in rows_results(entity, entity.table, by, {FIRST: written()})}
    assert described.keys() == results == {checks.ODDITIES, *([checks.FIELDS] if words else [])}
    assert words is None or words in described[checks.FIELDS]


def test_a_table_without_custom_fields_has_no_check_of_them() -> None:
    details = LEADS.for_source(source(import_lead_details=True)).tables[1]
    assert {each.name for each in rows_specs(LEADS, details, source(), KEY)} == {checks.ODDITIES}


def test_a_field_that_is_missing_is_named_with_those_that_may_be_meant() -> None:
    days = {
        FIRST: written(missing={"Gorod": ["Город", "City"], "Cit\u200by": ["City"], "Other": []}),
        SECOND: written(),
    }
    result = of(rows_results(LEADS, LEADS.table, source(), days), checks.FIELDS)
    assert facts(result)["which_days"] == str(FIRST)
    said = str(result.description)
    assert "`Gorod` (did you mean `Город`" in said
    assert "or `City`?)" in said
    assert "`City`: " in said  # which character differs
    assert "`Other`. Correct" in said


def test_the_most_frequent_oddities_are_shown_with_all_of_them_counted() -> None:
    oddities = [Oddity(f"kind {number}", number, "7") for number in range(1, WORST + 3)]
    result = of(
        rows_results(LEADS, LEADS.table, source(), {FIRST: written(oddities=oddities), SECOND: written()}),
        checks.ODDITIES,
    )
    assert (result.passed, facts(result)["oddities"]) == (False, sum(range(1, WORST + 3)))
    assert result.metadata is not None
    table: Any = result.metadata["worst"]
    assert [record.data["what"] for record in table.records] == [
        f"kind {number}" for number in range(WORST + 2, 2, -1)
    ]
    fine = of(rows_results(LEADS, LEADS.table, source(), {FIRST: written()}), checks.ODDITIES)
    assert facts(fine) == {"days": 1, "bad_days": 0}
