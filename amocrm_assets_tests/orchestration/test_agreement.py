"""Which days `events_agree` compares, and what it says. For the comparison see `rows/test_agreement`."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import dagster as dg
import pytest

from amocrm_assets.entities import AGREEMENT
from amocrm_assets.errors import RowsDamaged
from amocrm_assets.orchestration import agreement
from amocrm_assets.orchestration.agreement import agreement_result, events_agree_of
from amocrm_assets.rows.agreement import DayAgreement
from amocrm_assets_tests.accounts import source
from amocrm_assets_tests.orchestration.lone_checks import shown, verdict_of

FIRST, SECOND, THIRD = DAYS = [date(2026, 3, day) for day in (10, 11, 12)]
WEEK = timedelta(days=7)
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR
BY = source(import_events=True)


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize(
    ("run", "compared"),
    [
        (None, DAYS),
        ((FIRST, FIRST), [FIRST - WEEK, FIRST]),
        ((SECOND, THIRD), [SECOND - WEEK, THIRD]),
    ],
)
def test_a_run_compares_the_week_before_it_again_and_alone_it_compares_every_day(
    monkeypatch: pytest.MonkeyPatch, run: tuple[date, date] | None, compared: list[date]
) -> None:
    days: list[list[date]] = []

    def compare(_: object, __: object, given: list[date]) -> dict[date, DayAgreement]:
        days.append(given)
        return dict.fromkeys(given, DayAgreement())

    monkeypatch.setattr(agreement, "days_with_rows", lambda *_: DAYS)
    monkeypatch.setattr("amocrm_assets.rows.agreement.days_to_compare", lambda _, __, *bounds: list(bounds))
    monkeypatch.setattr("amocrm_assets.rows.agreement.agreement_of_days", compare)

    verdict = verdict_of(events_agree_of(BY), run)

    assert days == [compared]
    assert shown(verdict) == {"days": len(compared), "bad_days": 0}


@pytest.mark.usefixtures("deployment")
def test_rows_that_are_damaged_are_a_warning_and_fail_no_run_of_other_days(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def compare(*_: object) -> Any:
        raise RowsDamaged(f"Reading {SECOND}", cause="its *hash* differs.", fix="Materialise `leads`.")

    monkeypatch.setattr(agreement, "days_with_rows", lambda *_: DAYS)
    monkeypatch.setattr("amocrm_assets.rows.agreement.agreement_of_days", compare)

    verdict = verdict_of(events_agree_of(BY))

    assert (verdict.passed, verdict.severity) == (False, WARN)
    assert verdict.description == r"Nothing was compared: its \*hash\* differs. Materialise `leads`."
    assert shown(verdict) == {
        "cause": "Nothing was compared: its *hash* differs.",
        "fix": "Materialise `leads`.",
        "error": "RowsDamaged",
    }


def test_what_certainly_should_be_there_is_an_error_and_names_no_doubtful_day() -> None:
    found = {
        FIRST: DayAgreement(missing={7: {"lead_added"}, 5: {"lead_added"}}, deleted=1),
        SECOND: DayAgreement(doubtful={8: {AGREEMENT.deleted}}, deleted=2),
        THIRD: DayAgreement(is_waiting=True),
    }
    result = agreement_result(found)
    assert (result.passed, result.severity) == (False, ERROR)
    facts = {name: getattr(value, "value", value) for name, value in (result.metadata or {}).items()}
    assert (facts["which_days"], facts["missing"], facts["example_ids"]) == (str(FIRST), 2, "5, 7")
    assert (facts["deleted_since"], facts["waiting"]) == (3, str(THIRD))
    assert "trash" not in str(facts["fix"])


def test_what_may_have_been_purged_is_a_warning_that_says_so() -> None:
    result = agreement_result({FIRST: DayAgreement(doubtful={8: {AGREEMENT.deleted}}), SECOND: DayAgreement()})
    assert (result.passed, result.severity) == (False, WARN)
    assert "purged from amoCRM's trash" in str(result.description)
    assert "which_days" in (result.metadata or {})
