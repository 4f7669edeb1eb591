"""Processes that share nothing but storage, tokens and warehouse, as machines do, on one account at once."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import pytest

from amocrm_assets.captures import capture_names, open_capture
from amocrm_assets.crm.authorisation.token_endpoint import TokenEndpoint
from amocrm_assets.crm.authorisation.token_store import TokenStore
from amocrm_assets.crm.connecting import connect
from amocrm_assets.days import day_window
from amocrm_assets.entities import LEADS
from amocrm_assets.sandbox import Population, SandboxOptions, running_sandbox
from amocrm_assets.settings import Deployment
from amocrm_assets.storage import open_storage
from amocrm_assets.warehouse import open_warehouse
from amocrm_assets_tests.orchestration.sources import write_source
from amocrm_assets_tests.settings.loading import load_sources
from amocrm_assets_tests.storage.fake_gcs import BUCKET, running_gcs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets.storage import Storage

pytestmark = pytest.mark.slow

TOKENS, LIST = "/oauth2/access_token", "/api/v4/leads"
ZONE = ZoneInfo("Europe/Moscow")
DAYS = [date(2026, 3, 10) + timedelta(days=number) for number in range(3)]
WINDOWS = {day: day_window(day, ZONE) for day in DAYS}
LEADS_A_DAY, DELETED_A_DAY = 120, 15
ROUNDS, PROCESSES = 6, 2
BUDGET = 20
# A busy machine brings requests closer together than they were sent, but two readings at once would bring 40.
LIMIT = 28
ENVIRONMENT = {"ACME_ID": "integration-1", "ACME_SECRET": "sandbox-secret"}
OPTIONS = SandboxOptions(
    subdomain="acme",
    client_id=ENVIRONMENT["ACME_ID"],
    client_secret=ENVIRONMENT["ACME_SECRET"],
    populations=tuple(
        Population(leads=leads, updated_from=window.from_at, updated_to=window.to_at, deleted=deleted)
        for window in WINDOWS.values()
        for leads, deleted in ((LEADS_A_DAY, False), (DELETED_A_DAY, True))
    ),
    frozen_at=datetime(2026, 3, 20, tzinfo=UTC).timestamp(),
    page_limit_max=50,
    requests_per_second=LIMIT,
    # Tokens end in the middle of readings, but serve more requests than are on their way at once.
    access_token_requests=30,
)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(OPTIONS) as sandbox:
        yield sandbox


@pytest.fixture(params=["folder", "gs"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The variables that name what processes of one machine share, and processes of several."""
    if request.param == "folder":
        yield {"AMOCRM_STORAGE": str(tmp_path / "data"), "AMOCRM_TOKENS": str(tmp_path / "tokens")}
        return
    with running_gcs() as gcs:
        yield {
            "AMOCRM_STORAGE": f"gs://{BUCKET}/amocrm",
            "AMOCRM_TOKENS": f"gs://{BUCKET}/amocrm-tokens",
            "STORAGE_EMULATOR_HOST": gcs.url,
        }


@pytest.fixture
def deployment(place: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """One deployment, given by the environment as always."""
    warehouse = {"AMOCRM_WAREHOUSE": f"duckdb:///{tmp_path}/warehouse.duckdb"}
    for name, value in {**ENVIRONMENT, **place, **warehouse}.items():
        monkeypatch.setenv(name, value)
    return Deployment.from_environment()


@pytest.fixture
def sources(sandbox: Sandbox, deployment: Deployment, tmp_path: Path) -> Path:
    """A folder with one source, which is connected."""
    oauth = {
        "client_id_env": "ACME_ID",
        "client_secret_env": "ACME_SECRET",
        "redirect_uri": OPTIONS.redirect_uri,
    }
    attributes = {
        "subdomain": "acme",
        "base_url": sandbox.url,
        "oauth": oauth,
        "timezone": ZONE.key,
        "start_date": "2026-01-01",
        "requests_per_second": BUDGET,
        "import_reference": False,
        "import_lead_details": False,
    }
    folder = tmp_path / "sources"
    write_source(folder, "acme", attributes)
    (source,) = load_sources(folder)
    assert source.oauth
    connect(TokenEndpoint(source, source.oauth), sandbox.tokens.code(), store=TokenStore.of(source, deployment))
    return folder


def run_side_by_side(sources: Path) -> list[list[str]]:
    """What each process says of its runs; they begin with different days, and meet on all of them."""
    processes = []
    for number in range(PROCESSES):
        days = [DAYS[(number + turn) % len(DAYS)].isoformat() for turn in range(ROUNDS)]
        command = [sys.executable, "-m", "amocrm_assets_tests.deploy.running", str(sources), *days]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    outputs = [process.communicate(timeout=240)[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0] * PROCESSES
    return outputs


def days_asked(sandbox: Sandbox) -> list[date]:
    """The day of each request for most of a day, in the order of the requests; others look at its seams."""
    queries = [
        parse_qs(request.query) for request in sandbox.requests.of(LIST) if "custom_fields" not in request.path
    ]
    bounds = [
        (int(query["filter[updated_at][from]"][0]), int(query["filter[updated_at][to]"][0])) for query in queries
    ]
    # A day is asked for from the second before it on.
    starts = [from_at + 1 for from_at, to_at in bounds if to_at - from_at > 43_200]
    return [next(day for day, window in WINDOWS.items() if window.holds(at)) for at in starts]


def leads_in(storage: Storage, captures: list[str]) -> Counter[bytes]:
    leads: Counter[bytes] = Counter()
    for name in captures:
        with open_capture(LEADS, storage, name) as capture:
            leads.update(capture.records)
    return leads


def test_two_processes_share_an_account_its_tokens_and_its_days(
    sandbox: Sandbox, deployment: Deployment, sources: Path
) -> None:
    outputs = run_side_by_side(sources)
    failed = [line for lines in outputs for line in lines if not line.endswith(" landed")]
    assert not failed, "\n".join(failed)
    assert [len(lines) for lines in outputs] == [ROUNDS] * PROCESSES

    # One at a time asked the account: the requests of a reading are side by side.
    readings = ROUNDS * PROCESSES
    assert len(list(groupby(days_asked(sandbox)))) <= readings
    # The budget held from one process to the next.
    assert 429 not in {request.status for request in sandbox.requests}

    # Every refresh token was used once: a second use is answered with an error, and ends the authorisation.
    refreshes = sandbox.requests.of(TOKENS)
    assert len(refreshes) > ROUNDS
    assert {request.status for request in refreshes} == {200}

    # Nothing was lost: every capture has all leads of its day, and the shards hold them once. A run does without a
    # reading of its own where the other process began one after it.
    storage, warehouse = open_storage(deployment.storage), open_warehouse(deployment.warehouse)
    whole = LEADS_A_DAY + DELETED_A_DAY
    for day in DAYS:
        captures = capture_names(LEADS, storage, "acme", day)
        assert ROUNDS // len(DAYS) <= len(captures) <= readings // len(DAYS)
        kept = leads_in(storage, captures)
        assert len(kept) == whole
        assert set(kept.values()) == {len(captures)}
    assert warehouse.shard_days(LEADS.table, "acme") == dict.fromkeys(DAYS, whole)
    frame = warehouse.read(LEADS.table, "acme", DAYS)
    assert frame["id"].is_unique
