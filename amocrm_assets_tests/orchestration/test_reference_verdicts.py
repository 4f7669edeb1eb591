"""What is said of the lists of a reference table, and of ids in none. See also `test_reference_failures`."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any, Literal

import dagster as dg
import pytest

from amocrm_assets.captures import CapturedFinding, CapturedList
from amocrm_assets.entities.reference import reference_table
from amocrm_assets.errors import RowsDamaged
from amocrm_assets.orchestration.reference_checks import list_results, newest_lists, reference_known_of
from amocrm_assets.rows.reference import UnknownId
from amocrm_assets_tests.accounts import source
from amocrm_assets_tests.orchestration.lone_checks import shown, verdict_of

SOURCE = source(import_reference=True)
USERS = reference_table("amoCrmUsers")
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR
DAYS = [date(2026, 3, day) for day in (1, 2, 3, 4)]


def facts(result: dg.AssetCheckResult) -> dict[str, Any]:
    return {name: getattr(value, "value", value) for name, value in (result.metadata or {}).items()}


def users(
    *findings: CapturedFinding, outcome: Literal["read", "refused", "failed"] = "read"
) -> dict[str, CapturedList]:
    return {
        "users": CapturedList(
            name="users", records=3, is_complete=not findings, outcome=outcome, findings=findings
        )
    }


def finding(*, may_miss: bool) -> CapturedFinding:
    return CapturedFinding(kind="count_differs", may_miss=may_miss, cause="it *differs*.", fix="Wait.")


@pytest.mark.parametrize(
    ("lists", "given", "severity", "said"),
    [
        (users(), {}, None, None),
        (users(finding(may_miss=False)), {}, WARN, r"List of users: it \*differs\*. Wait."),
        (users(finding(may_miss=True)), {}, ERROR, r"List of users: it \*differs\*. Wait."),
        ({}, {}, ERROR, "The list was not read yet. Materialise `raw_reference`."),
        (
            users(),
            {"is_complete": False, "oddities": {"no id": 2}},
            ERROR,
            "lacks some users (no id). Nothing was",
        ),
        (users(), {"is_complete": False}, ERROR, "lacks some users (). Nothing was"),
        (users(finding(may_miss=True)), {"is_complete": False}, ERROR, r"it \*differs\*. Wait."),
        (users(finding(may_miss=False)), {"is_complete": False}, ERROR, "lacks some users"),
    ],
)
def test_a_list_that_was_not_read_completely_is_named_with_its_fix(
    lists: dict[str, CapturedList], given: dict[str, Any], severity: dg.AssetCheckSeverity | None, said: str | None
) -> None:
    """A finding by which records may be missing explains what is missing; nothing else is said of it."""
    result = list_results(SOURCE, USERS, lists, **given)
    assert result.passed is (severity is None)
    assert severity in (None, result.severity)
    assert (said is None) is (result.description is None)
    assert said is None or said in str(result.description)
    assert ("cause" in facts(result), "fix" in facts(result)) == (said is not None, said is not None)


def test_the_lists_of_a_table_are_shown_with_their_outcomes_and_oddities() -> None:
    result = list_results(SOURCE, USERS, users(finding(may_miss=True), outcome="failed"), oddities={"no id": 2})
    assert facts(result) == {
        "lists": "users: failed, 3 records",
        "findings": "users: count_differs",
        "oddities": "no id (2)",
        "cause": "List of users: it *differs*.",
        "fix": "Wait.",
    }
    assert facts(list_results(SOURCE, USERS, users())) == {"lists": "users: read, 3 records"}
    assert facts(list_results(SOURCE, USERS, {}))["lists"] == "none"


@pytest.mark.parametrize(
    ("captures", "names"), [([], []), (["a"], ["a"]), (["a", "b", "c"], ["c"]), (["without"], [])]
)
def test_the_newest_capture_says_how_the_lists_were_read(
    monkeypatch: pytest.MonkeyPatch, captures: list[str], names: list[str]
) -> None:
    def header(_: object, __: object, name: str) -> Any:
        lists = [CapturedList(name=name, records=1, is_complete=True, outcome="read")]
        return SimpleNamespace(lists=None if name == "without" else lists)

    monkeypatch.setattr(
        "amocrm_assets.captures.all_captures", lambda *_: [SimpleNamespace(name=name) for name in captures]
    )
    monkeypatch.setattr("amocrm_assets.captures.read_header", header)
    storage: Any = None
    assert list(newest_lists(storage, SOURCE)) == names


def with_ids(monkeypatch: pytest.MonkeyPatch, unknown: dict[date, list[UnknownId]]) -> None:
    """The days with rows are `DAYS`; those that are not in `unknown` have damaged rows."""

    def of(_: object, day: date) -> list[UnknownId]:
        if day not in unknown:
            raise RowsDamaged("Reading", cause="its hash differs.", fix="Materialise it.")
        return unknown[day]

    monkeypatch.setattr("amocrm_assets.rows.stored.days_with_rows", lambda *_: DAYS)
    monkeypatch.setattr("amocrm_assets.rows.reference.KnownIds.__init__", lambda *_: None)
    monkeypatch.setattr("amocrm_assets.rows.reference.KnownIds.unknown", of)


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize("bounds", [None, (DAYS[1], DAYS[2]), (DAYS[0], DAYS[0])])
def test_ids_of_the_days_of_the_run_are_looked_up_or_of_all_days(
    monkeypatch: pytest.MonkeyPatch, bounds: tuple[date, date] | None
) -> None:
    with_ids(monkeypatch, {day: [UnknownId("created_by", 1, "5")] for day in DAYS})
    first, last = bounds or (DAYS[0], DAYS[-1])
    named = shown(verdict_of(reference_known_of(SOURCE), bounds))
    assert named["days"] == named["bad_days"] == (last - first).days + 1
    assert str(named["which_days"]).startswith(str(first))


@pytest.mark.usefixtures("deployment")
def test_unknown_ids_are_counted_by_column_with_the_first_example(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day with damaged rows is the verdict of `ids_unique`."""
    with_ids(
        monkeypatch,
        {
            DAYS[0]: [UnknownId("created_by", 2, "5"), UnknownId("group_id", 1, "8")],
            DAYS[1]: [],
            DAYS[2]: [UnknownId("created_by", 3, "6")],
        },
    )
    verdict = verdict_of(reference_known_of(SOURCE))
    assert (verdict.passed, verdict.severity) == (False, WARN)
    assert shown(verdict) == {
        "days": 3,
        "bad_days": 2,
        "which_days": f"{DAYS[0]}, {DAYS[2]}",
        "unknown_ids": "created_by: 5, group_id: 1",
    }
    assert "5 × created_by (for example 5, missing in amoCrmUsers); 1 × group_id (for example 8" in str(
        verdict.description
    )
