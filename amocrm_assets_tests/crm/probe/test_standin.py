"""A probe finds every switch of the second stand-in that read-only questions can find."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.pagination.traits import AccountTraits
from amocrm_assets.crm.probe import MAX_REQUESTS
from amocrm_assets_tests.crm.probe.probing import account, probe_standin
from amocrm_assets_tests.standin import Semantics, lead
from amocrm_assets_tests.standin.account import INCOMING_STATUS

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.crm.probe import ProbeReport

from amocrm_assets_tests.crm.probe.standin_answers import DOCUMENTED, FOUND, NOW_AND_THEN, Switches


def check(report: ProbeReport, expected: Switches) -> None:
    """Compare all answers that do not depend on this machine."""
    found = {answer.question: answer.value for answer in report.answers}
    assert {name: value for name, value in found.items() if expected.get(name, ...) is not ...} == {
        name: value for name, value in expected.items() if value is not ...
    }


def test_an_account_as_documented_is_found_to_be_so(tmp_path: Path) -> None:
    report, standin = probe_standin(tmp_path)
    check(report, DOCUMENTED)
    assert report.requests == len(standin.requests) <= MAX_REQUESTS


@pytest.mark.slow
@pytest.mark.parametrize("name", FOUND)
def test_a_switch_is_found_and_nothing_else(name: str, tmp_path: Path) -> None:
    switches, changed = FOUND[name]
    report, standin = probe_standin(tmp_path, **switches)
    check(report, DOCUMENTED | changed)
    assert report.requests == len(standin.requests) <= MAX_REQUESTS


def test_live_leads_that_come_once_instead_of_the_trash_are_told_and_change_nothing(tmp_path: Path) -> None:
    report, _ = probe_standin(tmp_path, only_deleted="odd once")
    check(report, DOCUMENTED)
    (answer,) = [answer for answer in report.answers if answer.question == "only_deleted"]
    assert answer.observed.endswith("live leads came once")


@pytest.mark.parametrize("links", ["missing", "null", "list"])
def test_links_that_are_no_object_leave_the_lists_unsettled(links: str, tmp_path: Path) -> None:
    report, standin = probe_standin(tmp_path, links=links)
    assert report.value("links") == "unreadable"
    assert report.value("fields_limit") == DOCUMENTED["fields_limit"]
    assert report.value("filters_leads") is report.value("page_size") is None
    assert len(standin.requests) < 20


def test_damaged_answers_are_counted(tmp_path: Path) -> None:
    report, standin = probe_standin(tmp_path, links="null", odd_links_on=NOW_AND_THEN)
    assert 3 < int(str(report.value("failures"))) < len(standin.asked())
    check(report, DOCUMENTED | {"failures": ...})
    (answer,) = [answer for answer in report.answers if answer.question == "failures"]
    assert "a page whose _links are no object" in answer.observed


@pytest.mark.parametrize("listed", [True, False])
def test_incoming_leads_are_looked_for_in_the_plain_list(listed: bool, tmp_path: Path) -> None:  # noqa: FBT001
    there = account()
    at = min(each["updated_at"] for each in there.leads) + 1
    there.leads.append(lead(7, at, status=INCOMING_STATUS))
    report, _ = probe_standin(tmp_path, there, incoming_listed=listed)
    assert report.value("incoming") is listed


@pytest.mark.parametrize("offset", [-3600.0, 7200.0])
def test_the_clocks_are_compared(offset: float, tmp_path: Path) -> None:
    report, _ = probe_standin(tmp_path, date_offset_seconds=offset)
    assert isinstance(ahead := report.value("clock"), int)
    assert abs(ahead - offset) <= 30


@pytest.mark.slow
def test_the_time_of_answers_is_measured(tmp_path: Path) -> None:
    report, _ = probe_standin(tmp_path, latency_seconds=0.2)
    assert isinstance(seconds := report.value("answer_seconds"), float)
    assert 0.2 <= seconds < 5


def test_every_switch_of_the_standin_is_tried() -> None:
    tried = {switch for switches, _ in FOUND.values() for switch in switches}
    elsewhere = {"incoming_listed", "latency_seconds", "date_offset_seconds", "odd_links_on"}
    elsewhere |= {"lists_empty_on", "lists_empty_as"}  # an outage is no property of an account
    # How requests are counted, and how many, cannot be found without refusals.
    elsewhere |= {"limit", "bucket_burst", "requests_per_second", "retry_after", "jitter_seconds"}
    # Of the lists that a source does not import here: see test_lists.py.
    elsewhere |= {each.name for each in fields(Semantics) if each.name.startswith(("events_", "notes_", "tasks_"))}
    assert {each.name for each in fields(Semantics)} == tried | elsewhere


@pytest.mark.slow
def test_what_was_found_is_what_readings_start_from(tmp_path: Path) -> None:
    report, _ = probe_standin(tmp_path, from_exclusive=True, limit_max=50)
    assert report.traits() == AccountTraits(from_is_inclusive=False, filters=True, max_limit=50)
    report, _ = probe_standin(tmp_path, leads_filter=False)
    assert report.traits().filters is None  # the trash is filtered
    report, _ = probe_standin(tmp_path, leads_filter=False, trash_filters=False)
    assert report.traits() == AccountTraits(from_is_inclusive=None, filters=False, max_limit=None)
