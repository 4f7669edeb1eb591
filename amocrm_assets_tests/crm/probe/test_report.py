"""Reports are kept under a format that is checked, and readings start from those that are recent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.captures import capture_names
from amocrm_assets.capturing import capture_days
from amocrm_assets.crm.pagination.slicing import MAX_BLIND_SPLITS
from amocrm_assets.crm.pagination.traits import UNKNOWN, AccountTraits
from amocrm_assets.crm.probe import ProbeReport, ProbeState, probe_name, read_probe
from amocrm_assets.crm.probe.report import MAX_AGE, ProbeAnswer, from_bytes, to_bytes
from amocrm_assets.crm.probe.stored import write_probe
from amocrm_assets.entities import LEADS
from amocrm_assets.storage.folder import FolderStorage
from amocrm_assets.untrusted import MAX_LINE
from amocrm_assets_tests.accounts import DAY, client_of, leads_of, sandbox_with, source

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.crm.probe.verdict import Value
    from amocrm_assets.sandbox import Sandbox

NOW = datetime(2026, 11, 26, 10, 3, tzinfo=UTC)


def report_of(probed_at: datetime = NOW, /, **values: Value) -> ProbeReport:
    """A report with these answers."""
    answers = [ProbeAnswer(name, "asked", "observed", value, "follows") for name, value in values.items()]
    return ProbeReport(probed_at, 31, tuple(answers))


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    report = report_of(a=True, b=3, c=0.25, d="204", e=["contacts"], f=None)
    storage = FolderStorage(tmp_path)
    assert read_probe(storage, "acme") == ProbeState("acme")
    for _ in range(2):  # the second takes the place of the first
        write_probe(storage, "acme", report)
    state = read_probe(storage, "acme")
    assert state == ProbeState("acme", report)
    assert [type(answer.value) for answer in state.report.answers] == [bool, int, float, str, list, type(None)]  # type: ignore[union-attr]
    assert capture_names(LEADS, storage, "acme", DAY) == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is damaged"),
        (b"[]", "is damaged"),
        (b"{}", "is damaged"),
        (to_bytes(report_of())[:-20], "is damaged"),
        (to_bytes(report_of()).replace(b'"requests": 31', b'"requests": "x"'), "is damaged"),
        (to_bytes(report_of()).replace(b"+00:00", b""), "is damaged"),
        (b'{"amocrm_assets_probe": 7, "shape": "of tomorrow"}', "has format 7, this version knows 1"),
        (b'{"amocrm_assets_probe": "\\ud800"}', "has format"),
    ],
)
def test_a_report_that_cannot_be_used_is_named_and_readings_go_without(content: bytes, problem: str) -> None:
    state = from_bytes("acme", content)
    assert state.report is None
    assert problem in state.line(NOW)
    assert state.line(NOW).endswith("run `amocrm-assets probe acme`")
    assert state.is_unusable(NOW)
    assert state.traits(NOW) is UNKNOWN


@pytest.mark.parametrize("age", [MAX_AGE + timedelta(seconds=1), -MAX_AGE - timedelta(seconds=1)])
def test_an_old_report_is_shown_and_not_used(age: timedelta) -> None:
    state = ProbeState("acme", report_of(NOW - age, filters_leads=False, filters_deleted=False))
    assert state.traits(NOW) is UNKNOWN
    assert "not used: run `amocrm-assets probe acme`" in state.line(NOW)
    assert state.traits(NOW - age) == AccountTraits(filters=False)


@pytest.mark.parametrize(
    ("values", "traits"),
    [
        ({}, UNKNOWN),
        ({"filters_leads": False}, UNKNOWN),
        ({"filters_leads": False, "filters_deleted": True}, UNKNOWN),
        ({"filters_leads": False, "filters_deleted": False}, AccountTraits(filters=False)),
        ({"filters_leads": True, "filters_deleted": True}, AccountTraits(filters=True)),
        ({"from_inclusive": False}, AccountTraits(from_is_inclusive=False)),
        ({"page_size": 250}, UNKNOWN),
        ({"page_size": 50}, AccountTraits(max_limit=50)),
        (
            {"filters_leads": ["odd"], "filters_deleted": "odd", "from_inclusive": "odd", "page_size": "odd"},
            UNKNOWN,
        ),
        ({"page_size": 0}, UNKNOWN),
        ({"page_size": True}, UNKNOWN),
    ],
)
def test_readings_start_from_what_is_settled(values: dict[str, Value], traits: AccountTraits) -> None:
    assert report_of(**values).traits() == traits


def test_the_line_fits_into_metadata() -> None:
    lines = [
        ProbeState(
            "a" * 32, report_of(at, only_deleted="refused (400)", page_size=250, from_inclusive=False)
        ).line(NOW)
        for at in (NOW, NOW - 2 * MAX_AGE)
    ]
    lines.append(from_bytes("a" * 32, b"").line(NOW))
    assert max(map(len, lines)) <= MAX_LINE
    assert lines[0] == (
        "2026-11-26 10:03 UTC: filters not settled, [from] exclusive, only_deleted refused (400), page size 250;"
        " 3 of 3 settled"
    )


def captured(sandbox: Sandbox, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """The metadata of a day that was read, and the questions for leads that were sent."""
    sandbox.requests.clear()
    with client_of(sandbox) as client:
        (day,) = capture_days(LEADS, source(), [DAY], client=client, storage=FolderStorage(folder))
    assert day.capture.records == 340
    return dict(day.metadata), [each.query for each in sandbox.requests if each.path == "/api/v4/leads"]


@pytest.mark.slow
def test_a_reading_starts_from_the_report_and_says_so(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    with sandbox_with(leads_of(DAY, 340), filters_enabled=False, page_limit_max=50) as sandbox:
        metadata, queries = captured(sandbox, tmp_path)
        assert metadata["probe"] == "not probed: run `amocrm-assets probe sandbox`"
        assert any("filter" in query for query in queries)
        assert "limit=250" in queries[0]
        found = {"filters_leads": False, "filters_deleted": False, "page_size": 50}
        write_probe(storage, "sandbox", report_of(datetime.now(UTC), **found))
        metadata, queries = captured(sandbox, tmp_path)
    assert "filters ignored" in metadata["probe"]
    # The first answers verify that filters are ignored still; blind cuts ask side by side until one is there.
    assert sum("filter" in query for query in queries) <= 2 * (MAX_BLIND_SPLITS + 1)
    assert not any("limit=250" in query for query in queries)


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong",
    [
        {"filters_leads": False, "filters_deleted": False},
        {"filters_leads": True, "filters_deleted": True},
        {"from_inclusive": True},
        {"from_inclusive": False},
        {"page_size": 10},
    ],
)
@pytest.mark.parametrize("filters", [True, False])
def test_a_wrong_report_costs_requests_and_no_lead(
    wrong: dict[str, Value],
    filters: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    write_probe(FolderStorage(tmp_path), "sandbox", report_of(datetime.now(UTC), **wrong))
    with sandbox_with(leads_of(DAY, 340), filters_enabled=filters) as sandbox:
        captured(sandbox, tmp_path)


def test_a_damaged_report_stops_no_reading(tmp_path: Path) -> None:
    path = tmp_path / probe_name("sandbox")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"amocrm_assets_probe": 99}))
    with sandbox_with(leads_of(DAY, 340)) as sandbox:
        metadata, _ = captured(sandbox, tmp_path)
    assert metadata["probe"].startswith("the report has format 99, this version knows 1")
