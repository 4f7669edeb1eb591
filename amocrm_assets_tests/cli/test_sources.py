"""Tests of `cli.sources`, `crm.authorisation.status` and `orchestration.day_coverage`."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.orchestration.day_coverage import progress_of
from amocrm_assets.settings import SourceSettings
from amocrm_assets_tests.crm.authorisation.tokens import jwt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets_tests.cli.conftest import AddSource, Command

DAY = timedelta(days=1)


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    home = tmp_path / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with dg.DagsterInstance.get() as instance:
        yield instance


def materialised(instance: dg.DagsterInstance, key: str, *days: date) -> None:
    for day in days:
        done = dg.AssetMaterialization(dg.AssetKey([key, "amoCrmLeads"]), partition=day.isoformat())
        instance.report_runless_asset_event(done)


def make_shards(folder: Path, subdomain: str, *days: date) -> None:
    with duckdb.connect(folder / "warehouse.duckdb") as warehouse:
        for day in days:
            warehouse.execute(f'CREATE TABLE "{LEADS.table.shard_name(subdomain, day)}" (id BIGINT)')


def test_every_source_stands_in_the_table(
    run: Command, acme: Sandbox, add_source: AddSource, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SOON", jwt(exp=int(time.time()) + 3 * 86400 + 60, account_id=7))
    add_source("soon", access_token_env="SOON", enabled=False)
    add_source("unset", access_token_env="UNSET_TOKEN")
    ran = run("sources")
    assert (ran.status, ran.err) == (0, "")
    for heading in (
        "display name",
        "subdomain",
        "enabled",
        "connected as",
        "token",
        "until",
        "last day",
        "missing",
    ):
        assert heading in ran.out
    acme_row, soon_row, unset_row = ran.out.splitlines()[3:6]
    assert "Acme [ltd]" in acme_row
    assert f"id {acme.options.account_id}" in acme_row
    assert "2100-01-01" in acme_row
    assert " no " in soon_row
    assert "not connected" in unset_row
    assert "! soon: The authorisation ends in 3 days." in ran.out
    assert "! unset: UNSET_TOKEN is not set. Set UNSET_TOKEN" in ran.out
    assert f"Captures and rows are in {tmp_path}/data, shards in duckdb:///{tmp_path}/warehouse.duckdb." in ran.out
    assert not acme.requests  # from local knowledge alone


def test_on_80_columns_no_short_word_is_broken_and_no_name_is_cut(
    run: Command, add_source: AddSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TOKEN", jwt(exp=4102444800, account_id=31415926))
    add_source("a-shop-with-a-long-name", access_token_env="TOKEN", display_name="The shop around the corner")
    shown = run("sources").out
    table = shown[: shown.index("Missing days")].splitlines()
    assert "…" not in shown
    assert all(len(line) <= 80 for line in table)
    words = {word for line in table for word in line.split()}
    assert {"The", "shop", "around", "corner", "long-lived", "token", "31415926)", "2100-01-01", "none"} <= words


def test_an_oauth_source_shows_the_account_that_was_connected(run: Command, acme_oauth: Sandbox) -> None:
    before = run("sources", "--json").json()[0]
    assert (before["connected_as"], "amocrm-assets connect acme" in before["problem"]) == (None, True)
    run("connect", "acme", "--code", stdin=acme_oauth.tokens.code())
    acme_oauth.requests.clear()
    after = run("sources", "--json").json()[0]
    assert after["connected_as"].endswith(f"(id {acme_oauth.options.account_id})")
    assert after["problem"] is None
    assert datetime.fromisoformat(after["token_until"]) > datetime.now(UTC) + 80 * DAY
    assert not acme_oauth.requests


def test_without_a_dagster_home_days_are_the_warehouses_shards(
    run: Command, add_source: AddSource, tmp_path: Path
) -> None:
    yesterday = datetime.now(ZoneInfo("Europe/Moscow")).date() - DAY
    add_source(access_token_env="ACME_TOKEN", start_date=(yesterday - DAY).isoformat())
    make_shards(tmp_path, "acme", yesterday)
    state = run("sources", "--json").json()[0]
    assert state["last_day"] == yesterday.isoformat()
    assert state["missing_days"] == [(yesterday - DAY).isoformat()]


def test_days_are_counted_from_dagsters_history(
    run: Command, add_source: AddSource, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    today = datetime.now(ZoneInfo("Europe/Moscow")).date()
    every = [today - DAY * back for back in range(10, 0, -1)]
    add_source(access_token_env="ACME_TOKEN", start_date=every[0].isoformat())
    materialised(instance, "acme", *every[:-1])
    make_shards(tmp_path, "acme", *every)
    state = run("sources", "--json").json()[0]
    assert state["last_day"] == every[-2].isoformat()
    assert state["missing_days"] == [every[-1].isoformat()]
    assert state["lost_days"] == []
    assert "Missing days: backfill them" in run("sources").out


@pytest.mark.slow
def test_shards_that_are_gone_are_missing_and_named_with_their_fix(
    run: Command, add_source: AddSource, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    today = datetime.now(ZoneInfo("Europe/Moscow")).date()
    every = [today - DAY * back for back in range(10, 0, -1)]
    for subdomain in ("acme", "other"):
        add_source(subdomain, access_token_env="ACME_TOKEN", start_date=every[0].isoformat())
        materialised(instance, subdomain, *every)
    make_shards(tmp_path, "acme", *every[:2], *every[5:])
    make_shards(tmp_path, "other", *every)

    acme, other = run("sources", "--json").json()
    gone = [day.isoformat() for day in every[2:5]]
    assert (acme["lost_days"], acme["missing_days"], acme["last_day"]) == (gone, gone, every[-1].isoformat())
    assert (other["lost_days"], other["missing_days"]) == ([], [])
    shown = run("sources").out
    assert (
        f"! acme: Dagster shows {gone[0]} to {gone[-1]} as materialised, and the warehouse has no shard" in shown
    )
    assert "Materialise `amoCrmLeads` and `amoCrmLeadDetails` for these days" in " ".join(shown.split())
    assert "without requests to amoCRM" in shown
    assert "! other: Dagster shows" not in shown


def test_a_warehouse_that_cannot_be_read_leaves_what_dagster_knows_and_says_so(
    run: Command, add_source: AddSource, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    yesterday = datetime.now(ZoneInfo("Europe/Moscow")).date() - DAY
    add_source(access_token_env="ACME_TOKEN", start_date=yesterday.isoformat())
    materialised(instance, "acme", yesterday)
    (tmp_path / "warehouse.duckdb").write_text("no database" * 1000)

    ran = run("sources", "--json")

    (state,) = ran.json()
    assert (state["last_day"], state["missing_days"], state["lost_days"]) == (yesterday.isoformat(), [], [])
    assert "the warehouse was not read" in ran.err
    assert "The file is damaged" in ran.err


def test_a_day_is_missing_once_it_has_ended_in_the_sources_zone() -> None:
    moscow = SourceSettings(
        subdomain="acme", access_token_env="T", start_date="2026-01-01", timezone="Europe/Moscow"
    )
    midnight = datetime(2026, 1, 2, 21, tzinfo=UTC)
    assert progress_of(moscow, {date(2026, 1, 1)}, at=midnight).missing == [date(2026, 1, 2)]
    assert progress_of(moscow, {date(2026, 1, 1)}, at=midnight - timedelta(seconds=1)).missing == []


def test_a_source_that_has_not_begun_misses_nothing() -> None:
    source = SourceSettings(subdomain="acme", access_token_env="T", start_date="2026-06-01")
    progress = progress_of(source, set(), at=datetime(2026, 5, 1, tzinfo=UTC))
    assert (progress.last_day, progress.missing) == (None, [])


@pytest.mark.usefixtures("defs")
def test_without_sources_the_first_step_is_told(run: Command) -> None:
    assert "`amocrm-assets new SUBDOMAIN` makes one" in run("sources").out
    assert run("sources", "--json").json() == []


def test_a_source_with_wrong_settings_is_shown_as_broken_beside_the_others(
    run: Command, acme: Sandbox, add_source: AddSource
) -> None:
    add_source("my-shop", access_token_env="A", timezone="Moon")
    ran = run("sources")
    assert ran.status == 1
    assert f"id {acme.options.account_id}" in ran.out
    assert "BROKEN" in ran.out
    assert "! my-shop: " in ran.out
    assert "'Moon' is not a time zone" in ran.out
    states = run("sources", "--json").json()
    assert [len(state["wrong_settings"]) for state in states] == [0, 1]


def test_the_other_sources_can_be_checked_and_a_broken_one_says_what_is_wrong(
    run: Command, acme: Sandbox, add_source: AddSource
) -> None:
    add_source("my-shop", access_token_env="A", timezone="Moon")
    sound = run("check", "acme")
    assert sound.status == 0, sound
    assert "! my-shop is left out, its settings are wrong: " in sound.err
    broken = run("check", "my-shop")
    assert broken.status == 1
    assert "Reading the settings of the source my-shop" in broken.err
    assert "'Moon' is not a time zone" in broken.err
    assert acme.requests


def test_a_new_source_can_be_written_beside_a_broken_one_but_not_over_it(
    run: Command, add_source: AddSource
) -> None:
    add_source("my-shop", access_token_env="A", timezone="Moon")
    assert run("new", "other").status == 0
    refused = run("new", "my-shop")
    assert refused.status == 1
    assert "'Moon' is not a time zone" in refused.err


@pytest.mark.slow
@pytest.mark.usefixtures("acme")
def test_a_source_with_keys_of_its_own_is_run_and_listed(
    run: Command, defs: Path, instance: dg.DagsterInstance
) -> None:
    file = defs / "acme" / "defs.yaml"
    document = json.loads(file.read_text(encoding="utf-8"))
    document["attributes"]["translation"] = {"key": "crm/{{ asset.name }}"}
    file.write_text(json.dumps(document), encoding="utf-8")
    ran = run("run", "acme", "--from", "2026-01-02", "--to", "2026-01-03", "--json")
    assert (ran.status, ran.json()["landed"]) == (0, True), ran.err
    assert instance.get_materialized_partitions(dg.AssetKey(["crm", "amoCrmLeads"])) >= {"2026-01-02"}
    (state,) = run("sources", "--json").json()
    assert state["last_day"] == "2026-01-03"


@pytest.mark.usefixtures("acme")
def test_a_narrow_terminal_keeps_the_names(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    lines = [line.split() for line in run("sources").out.splitlines()]
    assert ["Acme", "[ltd]"] in lines
    assert ["subdomain", "acme"] in lines
    assert ["last", "day", "none"] in lines
