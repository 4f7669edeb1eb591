"""A source of three days of leads in a sandbox, and the command line that runs it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.cli import main
from amocrm_assets.entities import LEADS
from amocrm_assets.warehouse import open_warehouse
from amocrm_assets_tests.accounts import leads_of, sandbox_with, source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from amocrm_assets.sandbox import Sandbox


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


@pytest.fixture
def dagster_home(deployment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance of Dagster that keeps its runs."""
    home = deployment / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
