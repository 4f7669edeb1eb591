"""Commands of the documents that a person types once in a while, typed in a project as its reader has it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import duckdb
import pytest
import yaml

import amocrm_assets
from amocrm_assets.entities import LEADS
from amocrm_assets.entities.reference import REFERENCE_TABLES
from amocrm_assets.orchestration.source import source_definitions
from amocrm_assets.sandbox import Population, SandboxOptions
from amocrm_assets.settings import SourceSettings
from amocrm_assets.warehouse import open_warehouse
from amocrm_assets_tests.orchestration.alerts.services import chat_service, mail_server
from amocrm_assets_tests.orchestration.sources import write_source
from amocrm_assets_tests.serving import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.sandbox import Sandbox

ROOT = Path(amocrm_assets.__file__).parents[1]
BIN = Path(sys.executable).parent
DAY = date(2026, 1, 31)
# Edited at noon, Moscow time, of each of the two days that the documents speak of.
NOONS = [1769763600, 1769850000]
OPTIONS = SandboxOptions(
    subdomain="my-shop",
    requests_per_second=None,
    populations=tuple(Population(leads=5, updated_from=noon, updated_to=noon + 60) for noon in NOONS),
)


def blocks(page: str, heading: str, kind: str = "sh") -> list[str]:
    """The code blocks of a kind under a heading of a document."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    section = re.split(r"^## ", text.partition(f"\n## {heading}\n")[2], flags=re.MULTILINE)[0]
    found = re.findall(rf"```{kind}\n(.*?)```", section, re.DOTALL)
    assert found, heading
    return found


class Project:
    """A folder laid out as a checkout is, with the source of the documents."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("AMOCRM_")
        } | {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "DAGSTER_HOME": str(folder / "dagster_home"),
            "AMOCRM_SOURCES": str(folder / "amocrm_assets" / "defs"),
            "AMOCRM_STORAGE": str(folder / "data"),
            "AMOCRM_TOKENS": str(folder / "data" / "tokens"),
            "AMOCRM_WAREHOUSE": f"duckdb:///{folder}/data/warehouse.duckdb",
            "SHOP_TOKEN": sandbox.token,
        }

    def type(self, block: str) -> str:
        """What a shell prints for the commands of a block; all of them have to succeed."""
        ran = subprocess.run(
            ["sh", "-e", "-c", block],  # noqa: S607  # the shell is the reader's
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=240,
        )
        assert ran.returncode == 0, ran.stdout
        return ran.stdout

    def shards(self) -> list[date]:
        """Days that have a table."""
        warehouse = open_warehouse(f"duckdb:///{self.folder}/data/warehouse.duckdb")
        return sorted(warehouse.shard_days(LEADS.table, "my-shop"))

    def tables(self) -> set[str]:
        """Names of all tables, shards included."""
        with duckdb.connect(self.folder / "data" / "warehouse.duckdb", read_only=True) as warehouse:
            return {name for (name,) in warehouse.sql("SELECT table_name FROM duckdb_tables()").fetchall()}

    def captures(self) -> list[str]:
        """Names of the captures, by day."""
        folder = self.folder / "data" / "captures" / "my-shop" / "leads"
        return sorted(path.parent.name for path in folder.glob("*/[!.]*.jsonl.gz"))


@pytest.fixture
def project(tmp_path: Path, served: Sandbox) -> Project:
    served.reset(OPTIONS)
    attributes = {
        "subdomain": "my-shop",
        "base_url": served.url,
        "access_token_env": "SHOP_TOKEN",
        "timezone": "Europe/Moscow",
        "start_date": "2026-01-01",
    }
    write_source(tmp_path / "amocrm_assets" / "defs", "my-shop", attributes)
    (tmp_path / "dagster_home").mkdir()
    shutil.copy(ROOT / "dagster_home" / "dagster.yaml", tmp_path / "dagster_home")
    return Project(tmp_path, served)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_wrong_captures_are_repaired_and_the_source_is_removed_as_documented(project: Project) -> None:
    again, aside = blocks("captures.md", "Captures that hold something wrong")
    project.type(again)
    assert project.captures() == ["2026-01-30", "2026-01-31"]
    project.type(aside)
    assert len(list((project.folder / "set-aside" / "2026-01-31").glob("*.jsonl.gz"))) == 1
    assert project.captures() == ["2026-01-30", "2026-01-31"]
    assert project.shards() == [date(2026, 1, 30), DAY]

    stop, clear = blocks("operations.md", "Removing a source")
    (program,) = blocks("operations.md", "Removing a source", "python")
    project.type(stop)
    assert not list((project.folder / "amocrm_assets" / "defs").glob("*/defs.yaml"))
    wiped = project.type(clear)
    assert "Removed asset indexes" in wiped
    for table in REFERENCE_TABLES:
        assert f"my_shop/{table.asset}" in clear
    assert project.captures() == []
    assert "amoCrmStatuses_my-shop" in project.tables()
    (project.folder / "drop_tables.py").write_text(program, encoding="utf-8")
    project.type("python drop_tables.py")
    assert project.tables() == set()


def test_a_renamed_account_has_the_documented_settings() -> None:
    (settings,) = blocks("operations.md", "Renaming a source", "yaml")
    source = SourceSettings.model_validate(yaml.safe_load(settings)["attributes"])
    assert (source.subdomain, source.url) == ("my-shop", "https://new-name.amocrm.ru")


def test_a_range_is_read_again_with_the_documented_configuration() -> None:
    (config,) = blocks("operations.md", "Backfills", "yaml")
    source = SourceSettings(subdomain="sandbox", start_date="2026-01-01", access_token_env="A")
    job = source_definitions(source).resolve_job_def("sandbox_leads")
    accepted = dg.validate_run_config(job, yaml.safe_load(config))
    assert accepted["ops"]["sandbox__raw_leads"]["config"] == {"read_again": True}


def test_the_documented_settings_of_oauth_are_accepted() -> None:
    (block,) = blocks("connecting.md", "With OAuth 2.0", "yaml")
    source = SourceSettings.model_validate(
        {"subdomain": "my-shop", "start_date": "2026-01-01", **yaml.safe_load(block)}
    )
    assert source.oauth
    assert source.oauth.redirect_uri == "http://127.0.0.1:8910/callback"


def test_the_documented_workspace_adds_a_location_to_the_shipped_one() -> None:
    (block,) = blocks("deploying.md", "Many sources", "yaml")
    ours, second = (entry["grpc_server"] for entry in yaml.safe_load(block)["load_from"])
    shipped = yaml.safe_load((ROOT / "deploy" / "workspace.yaml").read_text(encoding="utf-8"))
    assert [{"grpc_server": ours}] == shipped["load_from"]
    assert second.keys() == ours.keys()
    assert (second["location_name"], second["host"]) != (ours["location_name"], ours["host"])


@pytest.mark.slow
def test_a_probe_is_made_as_documented(project: Project) -> None:
    text = (ROOT / "docs" / "probing.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    (project.folder / ".venv").mkdir()
    (project.folder / ".venv" / "bin").symlink_to(BIN)
    table, _, as_json = project.type(block).partition("{")
    assert "page_size" in table
    assert json.loads("{" + as_json)


@pytest.mark.slow
def test_the_documented_test_message_reaches_each_address(project: Project) -> None:
    (block,) = blocks("operations.md", "Alerts")
    with chat_service() as chat, mail_server() as mail:
        given = block.replace("tgram://BOT_TOKEN/CHAT_ID", f"json://{chat.address}")
        to_mail = f"mailto://127.0.0.1:{mail.port}?from=us@example.com&to=data@example.com&mode=insecure"
        project.type(given.replace("mailto://user:password@example.com?to=data@example.com", to_mail))
        assert "this is a test" in chat.received[0]
        assert "this is a test" in mail.received[0]


def _git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_an_upgrade_of_a_checkout_leaves_its_sources(tmp_path: Path) -> None:
    upstream, checkout = tmp_path / "upstream", tmp_path / "checkout"
    _git(tmp_path, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(upstream))
    _git(tmp_path, "clone", "--quiet", str(upstream), str(checkout))
    # The environment that `make setup` made before.
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / ".ready").touch()
    file = write_source(checkout / "amocrm_assets" / "defs", "my-shop", {"subdomain": "my-shop"})
    (upstream / "CHANGELOG.md").write_text("newer", encoding="utf-8")
    _git(upstream, "commit", "--quiet", "-am", "newer")
    (block,) = blocks("operations.md", "Upgrading a checkout")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "GIT"))}
    command = ["sh", "-e", "-c", block]
    subprocess.run(command, cwd=checkout, env=environment, check=True, capture_output=True, timeout=240)
    assert (checkout / "CHANGELOG.md").read_text(encoding="utf-8") == "newer"
    assert file.is_file()
    assert _git(checkout, "status", "--porcelain").split() == ["??", "amocrm_assets/defs/my-shop/"]


@contextmanager
def _typed_in_a_terminal_of_its_own(project: Project, command: str, *, until: str) -> Iterator[None]:
    with subprocess.Popen(
        ["sh", "-c", f"exec {command}"],  # noqa: S607  # the shell is the reader's
        cwd=project.folder,
        env=project.environment | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert any(until in line for line in iter(process.stdout.readline, ""))
        try:
            yield
        finally:
            process.terminate()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_source_is_connected_by_oauth_to_the_sandbox_as_documented(project: Project) -> None:
    serve, connect = blocks("sandbox.md", "OAuth against it")
    api, callback = str(free_port()), str(free_port())
    browser = project.folder / "browser.py"
    browser.write_text("import sys, requests\nrequests.get(sys.argv[1], timeout=60)\n", encoding="utf-8")
    project.environment["BROWSER"] = f"{sys.executable} {browser} %s"
    redirect = f"--set 'redirect_uri=\"http://127.0.0.1:{callback}/callback\"' --port {api}"
    with _typed_in_a_terminal_of_its_own(project, f"{serve.strip()} {redirect}", until="amoCRM sandbox on"):
        output = project.type(connect.replace("8901", api).replace("8910", callback))
    assert "Connected my-shop" in output
    assert " landed." in output
