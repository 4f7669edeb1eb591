"""`amocrm-assets run` and `demo`: days land, and the exit status says so."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from amocrm_assets.captures import capture_names
from amocrm_assets.cli import main
from amocrm_assets.cli.run import days_wanted
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import SettingsError
from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.sandbox import Fault
from amocrm_assets.storage import open_storage
from amocrm_assets.warehouse import open_warehouse
from amocrm_assets_tests.accounts import leads_of, sandbox_with, source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets.sandbox.options import FaultKind

pytestmark = pytest.mark.slow

YESTERDAY = datetime.now(source().zone).date() - timedelta(days=1)


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("AMOCRM_WAREHOUSE", f"duckdb:///{tmp_path}/data/warehouse.duckdb")
    monkeypatch.setenv("AMOCRM_STORAGE", str(tmp_path / "data"))
    monkeypatch.setenv("AMOCRM_TOKENS", str(tmp_path / "data" / "tokens"))
    return tmp_path


@pytest.fixture
def sandbox(deployment: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox with leads of three days, and a defs folder whose only source reads it."""
    with sandbox_with(leads_of(YESTERDAY - timedelta(days=2), 90, days=3), subdomain="acme") as running:
        monkeypatch.setenv("AMOCRM_SANDBOX_TOKEN", running.token)
        folder = deployment / "defs" / "acme"
        folder.mkdir(parents=True)
        (folder / "defs.yaml").write_text(
            "type: amocrm_assets.AmoCrmSource\n"
            "attributes:\n"
            "  subdomain: acme\n"
            f"  base_url: {running.url}\n"
            "  access_token_env: AMOCRM_SANDBOX_TOKEN\n"
            "  timezone: Europe/Moscow\n"
            "  start_date: 2026-01-01\n"
            "  requests_per_second: 50\n"
        )
        monkeypatch.setenv("AMOCRM_SOURCES", str(deployment / "defs"))
        yield running


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert isinstance(end.value.code, int)
    return end.value.code


def shards(deployment: Path) -> dict[date, int]:
    return open_warehouse(f"duckdb:///{deployment}/data/warehouse.duckdb").shard_days(LEADS.table, "acme")


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


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("home", ["dagster_home", "/no/such/folder"])
@pytest.mark.parametrize("command", [("run", "acme"), ("sources",)])
def test_a_dagster_home_that_dagster_would_not_take_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...], home: str
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", home)

    assert run(*command) == 1

    assert "export DAGSTER_HOME=$PWD/dagster_home" in capsys.readouterr().err


@pytest.mark.usefixtures("deployment")
def test_the_demo_shows_seven_shards_and_rows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMOCRM_SANDBOX_TOKEN", "")  # the demo sets it; this puts it back
    monkeypatch.setenv("COLUMNS", "200")

    assert run("demo") == 0

    shown = capsys.readouterr().out
    assert all(f"amoCrmLeads_sandbox_{YESTERDAY - timedelta(days=number):%Y%m%d}" in shown for number in range(7))
    assert "custom_fields" in shown
    joined = [line.split("│")[1:-1] for line in shown.rpartition("joined with")[2].splitlines() if "│" in line]
    assert len(joined) == 5
    assert all(name.strip() not in ("", "None") for _, *names in joined for name in names), joined
    # Days of the shards are days of the source's zone, so the rows' times must be too.
    assert set(re.findall(r"(\d{4}-\d\d-\d\d) \d\d:\d\d", shown)) == {str(YESTERDAY)}


@pytest.mark.usefixtures("deployment")
def test_the_demo_of_everything_shows_a_funnel_with_time_in_stage(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMOCRM_SANDBOX_TOKEN", "")
    monkeypatch.setenv("COLUMNS", "200")

    assert run("demo", "--all") == 0

    shown = capsys.readouterr().out.rpartition("The funnel, of amoCrmLeadStages_sandbox")[2]
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.splitlines() if "│" in line]
    assert len({pipeline for pipeline, *_ in rows}) == 3
    assert all(int(reached) >= int(there) > 0 for _, _, reached, there, _ in rows)
    assert sum(hours != "–" for *_, hours in rows) > 5


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


@pytest.mark.usefixtures("dagster_home")
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kind", ["503", "hang", "429-html"])
def test_a_signal_ends_a_run_in_words_and_leaves_none_that_seems_to_go_on(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], kind: FaultKind, signum: signal.Signals
) -> None:
    sandbox.configure(faults=(Fault(kind, seconds=300, retry_after=300 if kind == "429-html" else None),))
    with signalled_when(lambda: len(sandbox.requests) >= 1, signum) as sent_at:
        assert run("run", "acme") == 130

    assert time.monotonic() - sent_at[0] < 5
    output = capsys.readouterr().err
    assert "interrupted. Days that were finished stay." in output
    assert f"amocrm-assets run acme --from {YESTERDAY} --to {YESTERDAY} --missing" in output
    assert "Traceback" not in output
    assert run_states() == [dg.DagsterRunStatus.CANCELED]


@pytest.mark.usefixtures("dagster_home")
def test_a_signal_ends_a_run_that_waits_for_its_next_try(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amocrm_assets.crm.http.retries.MAX_ATTEMPTS", 1)
    monkeypatch.setattr("amocrm_assets.orchestration.source.Retries", lambda: Retries(3, 300.0))
    sandbox.configure(faults=(Fault("503"),))
    with signalled_when(lambda: len(sandbox.requests) >= 3, signal.SIGINT, after_seconds=3) as sent_at:
        assert run("run", "acme") == 130

    assert time.monotonic() - sent_at[0] < 5
    assert run_states() == [dg.DagsterRunStatus.CANCELED]


@pytest.mark.usefixtures("sandbox", "dagster_home")
def test_a_signal_before_dagster_begins_leaves_no_run_that_never_started(monkeypatch: pytest.MonkeyPatch) -> None:
    created = dg.DagsterInstance.create_run_for_job

    def create_and_interrupt(*arguments: object, **named: object) -> object:
        created(*arguments, **named)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    # The moment between the run's creation and its start is too short to be hit by a signal.
    monkeypatch.setattr(dg.DagsterInstance, "create_run_for_job", create_and_interrupt)

    assert run("run", "acme") == 130
    assert run_states() == [dg.DagsterRunStatus.CANCELED]


@pytest.mark.usefixtures("sandbox", "dagster_home")
def test_a_run_is_shown_where_its_job_is_and_never_started_again_by_the_daemon() -> None:
    assert run("run", "acme") == 0

    # The job's page asks for runs by this tag; the timeline takes those with an origin.
    (found,) = runs_at("amocrm_assets")
    assert found.remote_job_origin is not None
    assert found.tags["dagster/max_retries"] == "0"


@pytest.mark.usefixtures("sandbox", "dagster_home")
def test_a_run_is_shown_where_the_runs_that_dagster_launched_are() -> None:
    assert run("run", "acme") == 0
    (found,) = runs_at("amocrm_assets")
    with dg.DagsterInstance.get() as instance:
        instance.delete_run(found.run_id)
        moved = dg.serialize_value(found).replace(
            '"location_name": "amocrm_assets"', '"location_name": "elsewhere"'
        )
        instance.add_run(dg.deserialize_value(moved, dg.DagsterRun))

    assert run("run", "acme") == 0

    assert len(runs_at("elsewhere")) == 2


@pytest.mark.usefixtures("sandbox")
def test_a_run_that_the_ui_will_not_show_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", "acme") == 0

    output = capsys.readouterr().err
    assert "DAGSTER_HOME is not set" in output
    assert "`export DAGSTER_HOME=/" in output


@pytest.mark.usefixtures("sandbox", "dagster_home")
def test_a_run_that_the_ui_shows_says_nothing_of_its_history(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", "acme") == 0

    assert "DAGSTER_HOME" not in capsys.readouterr().err


@pytest.fixture
def dagster_home(deployment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance of Dagster that keeps its runs."""
    home = deployment / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(home))


def runs_at(code_location: str) -> Sequence[dg.DagsterRun]:
    """The runs of the job as its page in the UI asks for them."""
    label = {".dagster/repository": f"__repository__@{code_location}"}
    with dg.DagsterInstance.get() as instance:
        return instance.get_runs(dg.RunsFilter(job_name="acme_leads", tags=label))


def run_states() -> list[dg.DagsterRunStatus]:
    with dg.DagsterInstance.get() as instance:
        return [each.status for each in instance.get_runs()]


@contextmanager
def signalled_when(
    reached: Callable[[], bool], signum: signal.Signals, *, after_seconds: float = 1.0
) -> Iterator[list[float]]:
    """This process gets a signal some time after the condition holds; yields when it was sent."""
    sent_at: list[float] = []

    def send() -> None:
        deadline = time.monotonic() + 60
        while not reached() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(after_seconds)
        sent_at.append(time.monotonic())
        os.kill(os.getpid(), signum)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    yield sent_at
    thread.join()
