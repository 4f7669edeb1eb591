"""`amocrm-assets run` and `demo`: days land, and the exit status says so."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

import duckdb
import pytest

from amocrm_assets.captures import capture_names
from amocrm_assets.cli.run import days_wanted
from amocrm_assets.entities import LEADS, STAGES
from amocrm_assets.errors import SettingsError
from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.sandbox import Fault
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.accounts import leads_of, sandbox_with, source

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.sandbox import Sandbox

from amocrm_assets_tests.cli.own_runs import YESTERDAY, dagster_home, deployment, run, sandbox, shards

__all__ = ["dagster_home", "deployment", "sandbox"]
pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("sandbox")
def test_yesterday_lands_when_nothing_else_is_asked(deployment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", "acme") == 0

    assert shards(deployment) == {YESTERDAY: 30}
    out = capsys.readouterr().out
    assert f"{YESTERDAY} landed" in out
    assert f"Captures and rows are in {deployment}/data, shards in duckdb:///{deployment}/data/warehouse" in out


@pytest.mark.usefixtures("sandbox")
def test_a_range_lands_and_tells_so_as_json(deployment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = YESTERDAY - timedelta(days=2)

    assert run("run", "acme", "--from", str(first), "--to", str(YESTERDAY), "--json") == 0

    report = json.loads(capsys.readouterr().out)
    assert (report["from"], report["to"], report["landed"]) == (str(first), str(YESTERDAY), True)
    assert (report["storage"], report["warehouse"]) == (
        f"{deployment}/data",
        f"duckdb:///{deployment}/data/warehouse.duckdb",
    )
    assert shards(deployment) == {first + timedelta(days=number): 30 for number in range(3)}


@pytest.mark.usefixtures("sandbox")
def test_a_warning_is_printed_without_the_escapes_that_the_ui_needs(
    deployment: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with sandbox_with(leads_of(YESTERDAY, 3), subdomain="acme", timezone="America/New_York") as elsewhere:
        monkeypatch.setenv("AMOCRM_SANDBOX_TOKEN", elsewhere.token)
        settings = deployment / "defs" / "acme" / "defs.yaml"
        settings.write_text(re.sub("base_url: .*", f"base_url: {elsewhere.url}", settings.read_text()))

        assert run("run", "acme") == 0

    assert "The account's time zone is America/New_York," in capsys.readouterr().err


def test_running_a_day_again_keeps_what_it_had(sandbox: Sandbox, deployment: Path) -> None:
    assert run("run", "acme") == 0
    for lead in list(sandbox.account.stamps())[-20:]:
        sandbox.account.edit(lead)

    assert run("run", "acme") == 0

    assert shards(deployment) == {YESTERDAY: 30}
    assert len(capture_names(LEADS, open_storage(str(deployment / "data")), "acme", YESTERDAY)) == 2


def test_a_day_that_has_a_capture_is_not_missing(sandbox: Sandbox, deployment: Path) -> None:
    assert run("run", "acme") == 0
    sandbox.requests.clear()

    assert run("run", "acme", "--missing") == 0

    assert len(capture_names(LEADS, open_storage(str(deployment / "data")), "acme", YESTERDAY)) == 1
    assert not any("/leads?" in str(each) for each in sandbox.requests)


def test_a_run_that_fails_says_why_and_exits_with_1(
    sandbox: Sandbox, deployment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.configure(faults=(Fault("402"),))

    assert run("run", "acme") == 1

    assert "Pay the amoCRM subscription" in capsys.readouterr().err
    assert shards(deployment) == {}


@pytest.mark.parametrize("as_json", [False, True])
def test_a_day_that_landed_with_something_missing_exits_with_1(
    sandbox: Sandbox, deployment: Path, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    """Whoever runs the command from cron knows by nothing else."""
    sandbox.configure(only_deleted_ignored=True)

    assert run("run", "acme", *(["--json"] if as_json else [])) == 1

    printed = capsys.readouterr()
    if as_json:
        report = json.loads(printed.out)
        assert (report["landed"], report["failure"]) == (True, None)
        (error,) = report["errors"]
    else:
        (error,) = [line for line in printed.err.splitlines() if line.startswith("error: ")]
        assert f"{YESTERDAY} landed, and checks failed: see above." in printed.out
    assert "acme/raw_leads · reading_complete" in error
    assert shards(deployment) == {YESTERDAY: 30}


def test_a_source_that_is_switched_off_is_not_run_and_its_file_is_named(
    sandbox: Sandbox, deployment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = deployment / "defs" / "acme" / "defs.yaml"
    file.write_text(file.read_text() + "  enabled: false\n")

    assert run("run", "acme") == 1

    output = capsys.readouterr().err
    assert "is switched off" in output
    assert f"Set `enabled: true` in {file}" in output
    assert not sandbox.requests


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_each_new_try_of_a_step_is_said_at_once_with_its_cause(
    monkeypatch: pytest.MonkeyPatch, deployment: Path, capsys: pytest.CaptureFixture[str], form: tuple[str, ...]
) -> None:
    file = deployment / "defs" / "acme" / "defs.yaml"
    file.write_text(re.sub("base_url: .*", "base_url: http://127.0.0.1:1", file.read_text()))
    monkeypatch.setattr("amocrm_assets.crm.http.retries.MAX_ATTEMPTS", 1)
    monkeypatch.setattr("amocrm_assets.orchestration.source.Retries", lambda: Retries(1, 0.0))

    assert run("run", "acme", *form) == 1

    output = capsys.readouterr().err
    assert output.count("Trying again in 0 s.") == 1
    assert re.search("! Asking amoCRM .*Trying again", output)


def test_the_demo_shows_seven_shards_and_rows_and_loads_later_what_is_missing(
    deployment: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMOCRM_SANDBOX_TOKEN", "")  # the demo sets it; this puts it back
    monkeypatch.setenv("COLUMNS", "200")

    assert run("demo") == 0

    shown = capfd.readouterr().out
    assert all(f"amoCrmLeads_sandbox_{YESTERDAY - timedelta(days=number):%Y%m%d}" in shown for number in range(7))
    assert "custom_fields" in shown
    joined = [line.split("│")[1:-1] for line in shown.rpartition("joined with")[2].splitlines() if "│" in line]
    assert len(joined) == 5
    assert all(name.strip() not in ("", "None") for _, *names in joined for name in names), joined
    # Days of the shards are days of the source's zone, so the rows' times must be too.
    assert set(re.findall(r"(\d{4}-\d\d-\d\d) \d\d:\d\d", shown)) == {str(YESTERDAY)}

    def again() -> tuple[str, str]:
        assert run("demo") == 0
        output = capfd.readouterr()
        assert "Traceback" not in output.err
        first, _, tables = output.out.partition("\n")
        return first, tables.strip()

    first, tables = again()
    assert "are loaded already" in first
    assert tables in shown
    lost = YESTERDAY - timedelta(days=1)
    with duckdb.connect(deployment / "data" / "warehouse.duckdb") as warehouse:
        warehouse.execute(f'DROP TABLE "amoCrmLeads_sandbox_{lost:%Y%m%d}"')
    first, tables = again()
    assert f"Reading {lost} to {YESTERDAY}" in first
    assert tables in shown


def test_the_demo_of_everything_shows_a_funnel_with_time_in_stage(
    deployment: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMOCRM_SANDBOX_TOKEN", "")
    monkeypatch.setenv("COLUMNS", "200")

    assert run("demo", "--all") == 0

    shown = capsys.readouterr().out.rpartition("The funnel, of amoCrmLeadStages_sandbox")[2]
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.splitlines() if "│" in line]
    assert len({pipeline for pipeline, *_ in rows}) == 3
    assert all(int(reached) >= int(there) > 0 for _, _, reached, there, _ in rows)
    assert sum(hours != "–" for *_, hours in rows) > 5

    (deployment / "data" / STAGES.rows_name("sandbox")).unlink()
    assert run("demo", "--all") == 0
    assert shown in capsys.readouterr().out


@pytest.mark.parametrize(
    ("first", "last", "fix"),
    [
        (None, YESTERDAY + timedelta(days=1), "Ask for days up to"),
        (YESTERDAY + timedelta(days=1), None, "is not over yet"),
        (date(2025, 1, 1), None, "start_date"),
        (date(2026, 2, 2), date(2026, 2, 1), "Swap"),
    ],
)
def test_days_that_cannot_be_read_are_refused(first: date | None, last: date | None, fix: str) -> None:
    with pytest.raises(SettingsError, match=fix):
        days_wanted(source(), first, last)
