"""Each finding has its row in the manual, with the same word on whether records may be missing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from amocrm_assets.crm.pagination import findings, list_findings
from amocrm_assets.crm.pagination.findings import Finding, FindingKind, FindingLog
from amocrm_assets.crm.pagination.pages import Unusable
from amocrm_assets.days import Window
from amocrm_assets.entities import LEADS, RecordList
from amocrm_assets.entities.reference import WholeList
from amocrm_assets.errors import AmoCrmUnavailable
from amocrm_assets_tests.companies_lite import COMPANIES

ROOT = Path(__file__).parents[3]
ROW = re.compile(r"^\| `(\w+)` \| (yes|no) \|", re.MULTILINE)


def of_whole_lists() -> dict[str, Finding]:
    """Those of lists that are read whole."""
    users = WholeList("users", "users", "/api/v4/users", "users")
    error = AmoCrmUnavailable("Reading users", cause="503.", fix="Wait.")
    found = [
        list_findings.refused(users, error, "user 1"),
        list_findings.failed(users, error),
        list_findings.unproven(users, 3, 4),
        list_findings.empty(users),
        list_findings.parts_missing(users),
        list_findings.total_missing(users),
    ]
    return {finding.kind: finding for finding in found}


RECORD_KINDS = [kind for kind in get_args(FindingKind) if kind not in of_whole_lists()]


def made(kind: str, record_list: RecordList = LEADS.live) -> Finding:
    more = {"records_unusable": [Unusable(1, b"{}")], "count_differs": Window(1, 2)}
    found: Finding = getattr(findings, kind)(record_list, *([more[kind]] if kind in more else []))
    return found


def test_the_manual_lists_every_finding_and_says_whether_records_may_be_missing() -> None:
    manual = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").partition("### Findings")[2]
    documented = {kind: word == "yes" for kind, word in ROW.findall(manual.partition("\n## ")[0])}
    records = {kind: made(kind).may_miss for kind in RECORD_KINDS}
    assert documented == records | {kind: finding.may_miss for kind, finding in of_whole_lists().items()}


@pytest.mark.parametrize("record_list", [*COMPANIES.lists(with_deleted=True)], ids=lambda each: each.name)
def test_a_finding_about_another_entity_does_not_speak_of_leads(record_list: RecordList) -> None:
    for kind in RECORD_KINDS:
        assert "lead" not in str(made(kind, record_list))


@pytest.mark.parametrize(("count", "end"), [(1, "id 1."), (10, "id 9, id 10."), (11, "id 10 and 1 more.")])
def test_so_many_unusable_records_are_named_and_the_others_are_counted(count: int, end: str) -> None:
    assert findings.MAX_NAMED == 10
    records = [Unusable(number, b"{}") for number in range(1, count + 1)]
    assert findings.records_unusable(LEADS.live, records).cause.endswith(end)


def test_an_unusable_record_without_id_is_named_as_such() -> None:
    cause = findings.records_unusable(LEADS.live, [Unusable(None, b"{}"), Unusable(7, b"{}")]).cause
    assert cause.endswith("one without id, id 7.")


def test_a_finding_says_its_list_its_cause_and_its_fix() -> None:
    for kind in RECORD_KINDS:
        finding = made(kind)
        assert finding.kind == kind
        assert str(finding) == f"List of leads: {finding.cause} {finding.fix}"


def test_each_kind_of_finding_is_kept_once_as_it_was_first_found() -> None:
    log = FindingLog()
    first, other = made("count_differs"), made("types_ignored")
    for finding in (first, other, findings.count_differs(LEADS.live, Window(5, 6)), other):
        log.found(finding)
    assert log.findings == (first, other)


@pytest.mark.parametrize(
    ("name", "whose"),
    [("users", "as an administrator,"), ("pipelines", "as a user who may see them, or an admin")],
)
def test_a_refused_list_says_who_may_see_it(name: str, whose: str) -> None:
    error = AmoCrmUnavailable(f"Reading {name}", cause="403.", fix="Wait.", status=403)
    finding = list_findings.refused(WholeList(name, name, f"/api/v4/{name}", name), error, "user 1")
    assert finding.cause.startswith(f"amoCRM returns 403 to /api/v4/{name} for user 1.")
    assert whose in finding.fix


@pytest.mark.parametrize(
    ("total", "evidence"), [(4, "amoCRM counts 4."), (0, "amoCRM counts 0."), (None, "no page was the last one.")]
)
def test_a_list_that_was_not_verified_says_what_contradicted_it(total: int | None, evidence: str) -> None:
    finding = list_findings.unproven(WholeList("users", "users", "/api/v4/users", "users"), 3, total)
    assert f"it had 3 records, and {evidence}" in finding.cause


def test_a_list_that_is_empty_with_all_others_may_miss_records() -> None:
    finding = list_findings.all_empty(WholeList("users", "users", "/api/v4/users", "users"))
    assert (finding.kind, finding.may_miss) == ("list_empty", True)
