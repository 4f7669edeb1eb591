"""A probe of the sandbox finds its options for the lists besides leads, and its report holds nothing personal."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.probe import MAX_REQUESTS
from amocrm_assets.sandbox import Fault
from amocrm_assets.sandbox.account.history import BEGINNING
from amocrm_assets_tests.accounts import sandbox_with
from amocrm_assets_tests.crm.probe.list_answers import ALL, DOCUMENTED, MOVING, Switches, check, of_all
from amocrm_assets_tests.crm.probe.probing import probe_url

if TYPE_CHECKING:
    from pathlib import Path

# In the sandbox, calls of the first list are few. Options, and what is found otherwise.
FEW_CALLS: Switches = {"page_size_calls": None}
IN_SANDBOX: dict[str, tuple[Switches, Switches]] = {
    "as documented": ({}, {}),
    "filters_enabled": (
        {"filters_enabled": False},
        of_all("filters", "contacts", "companies")
        | of_all("from_inclusive", "contacts", "companies", value=None)
        | of_all("to_inclusive", "contacts", "companies", value=None),
    ),
    "half_open": ({"half_open": True}, of_all("to_inclusive", *MOVING, "tasks")),
    "only_deleted_ignored": (
        {"only_deleted_ignored": True},
        of_all("only_deleted", "contacts", "companies", value="ignored"),
    ),
    "page_limit_max": ({"page_limit_max": 50}, of_all("page_size", value=50)),
    "events_order oldest": (
        {"events_order": "oldest"},
        {"order_events": "oldest first", "types_events": ..., "unnamed_types_events": ...},
    ),
    "events_order shuffled": (
        {"events_order": "shuffled"},
        {"order_events": "none", "types_events": ..., "unnamed_types_events": ...},
    ),
    "tasks refused": (
        {"faults": (Fault("403-json", path="/api/v4/tasks"),)},
        {name: None for name in DOCUMENTED if name.endswith("_tasks")},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_SANDBOX)
def test_an_option_of_the_sandbox_is_found_and_nothing_else(name: str, tmp_path: Path) -> None:
    options, changed = IN_SANDBOX[name]
    options = {"populations": None, "leads_per_day": 40, "frozen_at": BEGINNING + 40 * 86_400 + 40_000, **options}
    with sandbox_with(**options) as sandbox:
        report = probe_url(sandbox.url, sandbox.token, tmp_path, **ALL)
        assert report.requests == len(sandbox.requests) <= MAX_REQUESTS
    check(report, DOCUMENTED | FEW_CALLS | changed)


def test_a_report_of_all_lists_holds_no_name_text_or_id(tmp_path: Path) -> None:
    with sandbox_with(populations=None, leads_per_day=40, frozen_at=BEGINNING + 20 * 86_400) as sandbox:
        report = probe_url(sandbox.url, sandbox.token, tmp_path, **ALL)
        contacts = list(filter(None, map(sandbox.contacts.record, sandbox.contacts.stamps())))
        tasks = list(filter(None, map(sandbox.tasks.record, sandbox.tasks.stamps())))
    # The sandbox's clock stands still, far from this machine's.
    answers = [asdict(answer) for answer in report.answers if answer.question != "clock"]
    serialised = json.dumps(answers, ensure_ascii=False)
    assert re.findall(r"\d{5,}", serialised) == []  # neither an id nor a time
    personal = {each["name"] for each in contacts} | {each["text"] for each in tasks}
    assert len(personal) > 50
    assert [each for each in personal if each in serialised] == []
    assert re.findall("[а-яё]", serialised, re.IGNORECASE) == []


def test_an_empty_account_leaves_the_questions_open_with_the_reason(tmp_path: Path) -> None:
    with sandbox_with() as sandbox:
        report = probe_url(sandbox.url, sandbox.token, tmp_path, **ALL)
    answers = {answer.question: answer.observed for answer in report.answers}
    assert {answers[name] for name in DOCUMENTED if not name.startswith("only_deleted")} == {"the list is empty."}
