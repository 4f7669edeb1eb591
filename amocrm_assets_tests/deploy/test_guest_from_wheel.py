"""The project of `docs/guest.md` with the wheel in an empty environment: OAuth, a day, a broken source."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.sandbox import SandboxOptions, running_sandbox
from amocrm_assets.sandbox.options import Fault
from amocrm_assets.warehouse import open_warehouse
from amocrm_assets_tests.deploy.files import ROOT
from amocrm_assets_tests.deploy.wheel import build_wheel, install
from amocrm_assets_tests.orchestration.alerts.services import telegram
from amocrm_assets_tests.orchestration.dagster_process import interrupted_at_end
from amocrm_assets_tests.orchestration.sources import ASSETS, write_source
from amocrm_assets_tests.serving import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from amocrm_assets.sandbox import Sandbox

pytestmark = pytest.mark.slow

DOCUMENT = (ROOT / "docs" / "guest.md").read_text(encoding="utf-8")
OURS = {f"my_shop/{name}" for name in ASSETS}
YESTERDAY = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"


@dataclass(frozen=True)
class Guest:
    """A folder with the documented project, and how commands are run in it."""

    folder: Path
    environment: dict[str, str]
    sandbox: Sandbox

    def run(self, command: str, *arguments: str, status: int = 0, stdin: str = "") -> str:
        """What a command of the project's environment prints in its folder; it has to end with that status."""
        ran = subprocess.run(
            [str(self.folder / ".venv" / "bin" / command), *arguments],
            cwd=self.folder,
            env=self.environment,
            text=True,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=240,
        )
        assert ran.returncode == status, ran.stdout
        return ran.stdout

    @contextmanager
    def dg_dev(self, extra: Mapping[str, str]) -> Iterator[None]:
        """Webserver and daemon as `dg dev` starts them, with more in the environment."""
        with (self.folder / "dev.log").open("wb") as log:
            process = subprocess.Popen(
                [str(self.folder / ".venv" / "bin" / "dg"), "dev", "--port", str(free_port())],
                cwd=self.folder,
                env={**self.environment, **extra},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        with interrupted_at_end(process):
            yield


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """The documented project beside a broken source, with an account that is not connected yet."""
    folder = tmp_path_factory.mktemp("guest")
    for written in re.findall(r"```(?:toml|python)\n(.*?)```", DOCUMENT, re.DOTALL):
        name = re.match(r"# (\S+)\n", written)
        assert name
        file = folder / name[1]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(written, encoding="utf-8")
    (folder / "home").mkdir()
    install(build_wheel(tmp_path_factory.mktemp("wheel")), folder / ".venv")
    options = SandboxOptions(subdomain="my-shop", leads_per_day=20)
    with running_sandbox(options) as sandbox:
        environment = {
            "PATH": f"{folder / '.venv' / 'bin'}:{os.environ['PATH']}",
            "HOME": str(folder / "home"),
            "DAGSTER_HOME": str(folder / "home"),
            "PYTHONPATH": str(folder),
            "COLUMNS": "200",
            "AMOCRM_MY_SHOP_CLIENT_ID": options.client_id,
            "AMOCRM_MY_SHOP_CLIENT_SECRET": options.client_secret,
        }
        guest = Guest(folder, environment, sandbox)
        guest.run(
            *("amocrm-assets", "new", "my-shop", "--oauth", "--redirect-uri", options.redirect_uri),
            *("--base-url", sandbox.url, "--start-date", "2026-01-01"),
        )
        wrong = {"subdomain": "wrong", "start_date": "soon", "access_token_env": "A"}
        write_source(folder / "my_project" / "defs", "wrong", wrong)
        output = guest.run("amocrm-assets", "connect", "my-shop", "--code", stdin=sandbox.tokens.code())
        assert "Connected my-shop" in output
        yield guest


@pytest.mark.timeout(600)
def test_the_project_shows_its_assets_and_ours_and_the_broken_source(guest: Guest) -> None:
    output = guest.run("dg", "list", "defs", "--json")
    # What the code location logs of the broken source comes before.
    listed: dict[str, Any] = json.loads(output[output.index("{\n") :])
    shown = {asset["asset_key"] for asset in listed["assets"]}
    assert shown == {*OURS, "leads_by_pipeline", "wrong/broken_settings"}


@pytest.mark.timeout(600)
def test_a_connected_account_is_sound_and_a_broken_one_is_told(guest: Guest) -> None:
    assert "Next: amocrm-assets run my-shop" in guest.run("amocrm-assets", "check", "my-shop")
    output = guest.run("amocrm-assets", "sources", status=1)
    assert "BROKEN" in output
    assert "'soon' is not a day" in output


@pytest.mark.timeout(600)
def test_a_day_lands_in_one_process(guest: Guest) -> None:
    output = guest.run("dg", "launch", "--job", "my_shop_leads", "--partition", YESTERDAY)
    assert "STEP_WORKER_STARTING" not in output
    warehouse = open_warehouse(f"duckdb:///{guest.folder}/data/warehouse.duckdb")
    assert [day.isoformat() for day in warehouse.shard_days(LEADS.table, "my-shop")] == [YESTERDAY]


@pytest.mark.timeout(600)
def test_assets_launched_by_their_own_page_stay_in_one_process_too(guest: Guest) -> None:
    output = guest.run("dg", "launch", "--assets", "my_shop/raw_leads+", "--partition", YESTERDAY)
    assert "STEP_WORKER_STARTING" not in output


@pytest.mark.timeout(600)
def test_a_launch_without_a_day_says_how_to_name_one(guest: Guest) -> None:
    output = guest.run("dg", "launch", "--job", "my_shop_leads", status=1)
    assert "names no day" in output
    assert "--partition 2026-01-31" in output


@pytest.mark.timeout(900)
def test_a_failed_night_reaches_telegram_with_its_fix(guest: Guest, tmp_path: Path) -> None:
    """From the schedule's tick on, by the project's own daemon."""
    due = datetime.now(ZoneInfo("Europe/Moscow")) + timedelta(minutes=3)
    settings = guest.folder / "my_project" / "defs" / "my-shop" / "defs.yaml"
    with settings.open("a", encoding="utf-8") as file:
        file.write(f"  schedule: {{hour: {due.hour}, minute: {due.minute}}}\n")
    guest.sandbox.configure(faults=(Fault("402"),))
    with telegram(tmp_path) as (service, environment), guest.dg_dev(environment):
        while not (failed := [body for body in service.received if "402" in body]):
            time.sleep(0.5)
    (message,) = (json.loads(body)["text"] for body in failed)
    # The missing days of the last week; another test may have loaded one of them.
    for words in ("my-shop", f"Days: {due - timedelta(days=7):%Y-%m-%d}", "is not paid", "Pay"):
        assert words in message
