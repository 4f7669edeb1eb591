"""A probe of the sandbox finds its switches, keeps to its limit, and tells nothing of its people."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.crm.probe import MAX_REQUESTS, probe_account, probe_name, to_json
from amocrm_assets.days import day_window
from amocrm_assets.errors import AccessDenied, AccountBlocked, AccountUnpaid, Busy, NotAuthorised
from amocrm_assets.sandbox import Fault, Population
from amocrm_assets.storage.folder import FolderStorage
from amocrm_assets_tests.accounts import DAY, client_of, leads_of, sandbox_with, source
from amocrm_assets_tests.crm.probe.probing import AS_DOCUMENTED, probe_url

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.crm.probe import ProbeReport
    from amocrm_assets.sandbox import Sandbox

WINDOW = day_window(DAY, source().zone)
LEADS = leads_of(DAY, 400), leads_of(DAY, 60, deleted=True)
TIED = Population(leads=12, updated_from=WINDOW.from_at, updated_to=WINDOW.from_at)

Switches = dict[str, Any]

# Options, and what is found otherwise than without them.
FOUND: dict[str, tuple[Switches, Switches]] = {
    "as documented": ({}, {}),
    "page_limit_max": ({"page_limit_max": 50}, {"page_size": 50, "fields_limit": ..., "events_limit": ...}),
    "page_limit_default": ({"page_limit_default": 30}, {"above_limit": 30}),
    "filters_enabled": (
        {"filters_enabled": False},
        {
            "filters_leads": False,
            "filters_deleted": False,
            "from_inclusive": None,
            "to_inclusive": None,
            "id_order_beside_filter": None,
            "ties_desc": None,
            "incoming": None,
        },
    ),
    "half_open": ({"half_open": True}, {"to_inclusive": False}),
    "only_deleted_ignored": (
        {"only_deleted_ignored": True},
        {"only_deleted": "ignored", "filters_deleted": None, "order_deleted": None, "deleted_without_time": None},
    ),
    "unstable_ties": ({"unstable_ties": True}, {"ties_asc": "not stable", "ties_desc": "not stable"}),
    "hides_incoming": ({"hides_incoming": True}, {"incoming": False}),
    "loss_reason_as_object": ({"loss_reason_as_object": True}, {"loss_reason": "object"}),
    "loses_contacts": ({"loses_contacts": True}, {"contacts": None}),
    "minor_units": ({"minor_units": False}, {"minor_units": False}),
    "ids as strings": ({"faults": (Fault("ids-as-strings", path="/api/v4/leads"),)}, {"numbers_as_text": True}),
    "events refused": ({"faults": (Fault("403-json", path="/api/v4/events"),)}, {"events_limit": None}),
    "events blocked": ({"faults": (Fault("403-html", path="/api/v4/events"),)}, {"events_limit": None}),
}
DOCUMENTED: Switches = {
    **AS_DOCUMENTED,
    "contacts": True,
    "loss_reason": "list",
    "ties_desc": "id desc",
    "incoming": True,
    "minor_units": True,
}


def fill(sandbox: Sandbox) -> None:
    """An incoming lead and leads that were lost; leads of a population are neither."""
    incoming = next(
        (pipeline["id"], stage["id"])
        for pipeline in sandbox.account.content.pipelines
        for stage in pipeline["_embedded"]["statuses"]
        if stage["type"] == 1
    )
    at = WINDOW.from_at + 40_001
    sandbox.account.add(updated_at=at, created_at=at, pipeline_id=incoming[0], status_id=incoming[1])
    reason = sandbox.account.content.loss_reasons[0]["id"]
    for second in (WINDOW.to_at - 2, WINDOW.to_at - 4):
        sandbox.account.add(updated_at=second, created_at=at, status_id=143, loss_reason_id=reason)


def probed(folder: Path, *populations: Population, **options: Any) -> tuple[ProbeReport, Sandbox]:
    """A probe of a sandbox with these options, and the sandbox."""
    with sandbox_with(*(populations or (*LEADS, TIED)), **options) as sandbox:
        fill(sandbox)
        return probe_url(sandbox.url, sandbox.token, folder), sandbox


@pytest.mark.slow
@pytest.mark.parametrize("name", FOUND)
def test_an_option_is_found_and_nothing_else(name: str, tmp_path: Path) -> None:
    options, changed = FOUND[name]
    report, sandbox = probed(tmp_path, **options)
    expected = {key: value for key, value in (DOCUMENTED | changed).items() if value is not ...}
    assert {key: report.value(key) for key in expected} == expected
    assert report.requests == len(sandbox.requests) <= MAX_REQUESTS


@pytest.mark.slow
def test_only_reading_is_done_and_below_the_limit(tmp_path: Path) -> None:
    with sandbox_with(*LEADS, TIED, requests_per_second=7) as sandbox:
        client = client_of(sandbox, requests_per_second=7, max_requests=MAX_REQUESTS)
        with client as asking:
            report = probe_account(source(), client=asking, storage=FolderStorage(tmp_path))
        assert {each.method for each in sandbox.requests} == {"GET"}
        assert sandbox.requests.most_in_a_second() <= 7
        assert [each for each in sandbox.requests if each.status == 429] == []
    assert report.settled > 20


def test_the_clock_of_the_account_is_compared(tmp_path: Path) -> None:
    report, _ = probed(tmp_path, clock_offset_seconds=-900.0)
    assert isinstance(ahead := report.value("clock"), int)
    assert abs(ahead + 900) <= 30


def test_many_custom_fields_show_how_long_their_pages_are(tmp_path: Path) -> None:
    report, _ = probed(tmp_path, extra_custom_fields=300)
    assert report.value("fields_limit") == 250


def test_events_show_how_long_their_pages_are(tmp_path: Path) -> None:
    with sandbox_with(*LEADS) as sandbox:
        for _ in range(130):
            sandbox.account.add(updated_at=WINDOW.from_at, created_at=WINDOW.from_at)
        report = probe_url(sandbox.url, sandbox.token, tmp_path)
    assert report.value("events_limit") == 100


def texts_of(value: Any) -> set[str]:
    """Every text and every number of five digits and more in an answer, as texts."""
    if isinstance(value, dict):
        return set().union(*(texts_of(each) for each in value.values()), set())
    if isinstance(value, list):
        return set().union(*(texts_of(each) for each in value), set())
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10_000:
        return {str(value)}
    return {value} if isinstance(value, str) else set()


def personal_data_of(sandbox: Sandbox) -> set[str]:
    """Names, texts, ids and times of everything that the account holds."""
    content = sandbox.account.content
    ids = {**sandbox.account.stamps(), **sandbox.account.stamps(deleted=True)}
    parts: list[Any] = [content.users, content.pipelines, content.loss_reasons, content.fields.definitions, ids]
    parts += [sandbox.account.lead(each) for each in list(ids)]
    parts += [content.tags(each) for each in ids]
    personal = (
        texts_of(parts) | {str(each) for each in ids} | {sandbox.token, sandbox.url, sandbox.options.subdomain}
    )
    return personal | {str(sandbox.options.account_id)}


@pytest.mark.slow
def test_the_report_holds_no_name_text_or_id_of_the_account(tmp_path: Path) -> None:
    with sandbox_with(*LEADS, TIED) as sandbox:
        fill(sandbox)
        report = probe_url(sandbox.url, sandbox.token, tmp_path)
        personal = personal_data_of(sandbox)
    kept = (tmp_path / probe_name("sandbox")).read_text(encoding="utf-8")
    assert json.loads(kept) == to_json(report)
    # Words of amoCRM's own API (`text`, `contacts`) and characters are in any report.
    words = {"text", "date", "numeric", "leads", "select", "url", "textarea", "checkbox", "price", "default"}
    serialised = kept.replace(report.probed_at.isoformat(), "")  # whose digits are of this machine's clock
    found = {
        each
        for each in personal - words
        if len(each) > 3 and re.search(rf"(?<![\w.]){re.escape(each)}(?![\w.])", serialised)
    }
    assert len(personal) > 1000
    assert found == set()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("402"), AccountUnpaid),
        (Fault("403-html"), AccountBlocked),
        (Fault("401"), NotAuthorised),
        (Fault("403-json", path="/api/v4/leads"), AccessDenied),
    ],
)
def test_an_account_that_cannot_be_asked_is_an_error_and_the_report_before_stays(
    fault: Fault, error: type[Exception], tmp_path: Path
) -> None:
    with sandbox_with(*LEADS) as sandbox:
        before = probe_url(sandbox.url, sandbox.token, tmp_path)
        sandbox.configure(faults=(fault,))
        with pytest.raises(error):
            probe_url(sandbox.url, sandbox.token, tmp_path)
    kept = json.loads((tmp_path / probe_name("sandbox")).read_text(encoding="utf-8"))
    assert kept == to_json(before)


def test_another_account_is_not_probed(tmp_path: Path) -> None:
    with sandbox_with(*LEADS, subdomain="other") as sandbox, pytest.raises(NotAuthorised, match="other"):
        probe_url(sandbox.url, sandbox.token, tmp_path)
    assert not (tmp_path / "probes").exists()


def test_a_probe_waits_for_the_accounts_lock(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    with sandbox_with(*LEADS) as sandbox, client_of(sandbox) as client:
        with storage.lock("locks/sandbox", wait_seconds=1), pytest.raises(Busy):
            probe_account(source(), client=client, storage=storage, lock_wait_seconds=0.1)
        assert list(sandbox.requests) == []


def test_a_report_says_when_it_was_made(tmp_path: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    report, _ = probed(tmp_path)
    assert before <= report.probed_at <= datetime.now(UTC)
