"""From a failed run, check, shard or token to the message that somebody gets."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from amocrm_assets.orchestration.broken import broken_problem
from amocrm_assets.orchestration.source import alert_definitions
from amocrm_assets.settings.alerts import AlertSettings
from amocrm_assets.settings.source_files import read_sources
from amocrm_assets_tests.orchestration.conftest import LAST
from amocrm_assets_tests.orchestration.sources import TOKEN_VARIABLE, write_source

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets_tests.orchestration.alerts.conftest import Alerts
    from amocrm_assets_tests.orchestration.conftest import Pipeline


pytestmark = pytest.mark.slow


def test_wrong_settings_are_told_once_with_their_fix_and_when_they_are_right_again(
    alerts: Alerts, tmp_path: Path
) -> None:
    wrong = {"subdomain": "my-shop", "start_date": "soon", "access_token_env": "A"}
    write_source(tmp_path / "sources", "my-shop", wrong)
    alerts.wrong_settings = [broken_problem(each) for each in read_sources(tmp_path / "sources").broken]
    (alert,) = alerts.evaluate()
    assert alert.startswith("amoCRM my-shop: the settings are wrong, nothing is loaded\n")
    assert f"{tmp_path}/sources/my-shop/defs.yaml:3: `start_date`: 'soon' is not a day" in alert
    assert "reload the code location" in alert
    assert "https://dagster.test/assets/my_shop/broken_settings" in alert
    assert alerts.evaluate() == []
    alerts.wrong_settings = []
    (over,) = alerts.evaluate()
    assert over.startswith("amoCRM my-shop: the settings are wrong, nothing is loaded: over\n")


def test_a_failed_run_is_told_once_with_its_fix_and_when_it_is_well_again(
    alerts: Alerts, stored_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert alerts.evaluate() == []
    monkeypatch.delenv(TOKEN_VARIABLE)
    failed = stored_pipeline.run()

    (alert,) = alerts.evaluate()
    assert alert.startswith("amoCRM acme: raw_leads failed\n")
    assert f"Set {TOKEN_VARIABLE}" in alert
    assert f"Days: {LAST}" in alert
    assert f"https://dagster.test/runs/{failed.run_id}" in alert
    assert alerts.evaluate() == []

    monkeypatch.setenv(TOKEN_VARIABLE, stored_pipeline.sandbox.token)
    assert stored_pipeline.run().success
    (over,) = alerts.evaluate()
    assert over.startswith("amoCRM acme: raw_leads failed: over\n")
    assert alerts.evaluate() == []


def test_steps_that_fail_for_one_cause_are_one_message(
    alerts: Alerts, stored_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored_pipeline.configure(schedule={"enabled": False}, import_reference=True)
    assert alerts.evaluate() == []
    monkeypatch.delenv(TOKEN_VARIABLE)
    stored_pipeline.run()
    (alert,) = alerts.evaluate()
    assert alert.startswith("amoCRM acme: raw_leads, raw_reference failed\n")
    assert f"Days: {LAST}" in alert
    monkeypatch.setenv(TOKEN_VARIABLE, stored_pipeline.sandbox.token)
    assert stored_pipeline.run().success
    (over,) = alerts.evaluate()
    assert over.startswith("amoCRM acme: raw_leads, raw_reference failed: over\n")


def test_a_failed_check_is_told_though_the_run_succeeded(alerts: Alerts, stored_pipeline: Pipeline) -> None:
    stored_pipeline.run()
    assert alerts.evaluate() == []
    stored_pipeline.drop_shard(LAST)
    stored_pipeline.check("amoCrmLeads", "equals_rows")
    (alert,) = [alert for alert in alerts.evaluate() if "equals_rows" in alert]
    assert alert.splitlines()[:4] == [
        "amoCRM acme: check amoCrmLeads.equals_rows failed",
        f"Cause: Shards are gone from the warehouse, or were never loaded: {LAST}.",
        "Fix: Materialise `amoCrmLeads` for these days: it loads the rows again and sends no requests to amoCRM.",
        f"Days: {LAST}",
    ]


def test_a_list_that_may_lack_records_is_told_with_its_fix(alerts: Alerts, stored_pipeline: Pipeline) -> None:
    stored_pipeline.sandbox.configure(only_deleted_ignored=True)
    stored_pipeline.run(only=["raw_leads"])
    (alert,) = alerts.evaluate()
    assert alert.startswith("amoCRM acme: check raw_leads.reading_complete failed\n")
    assert "a request for deleted leads returns live ones. Deleted ones of these days are missing.\n" in alert
    assert "\nFix: Ask amoCRM's support why" in alert


def test_a_failed_check_of_an_asset_with_a_key_of_its_own_is_told_too(
    alerts: Alerts, stored_pipeline: Pipeline
) -> None:
    stored_pipeline.configure(schedule={"enabled": False}, translation={"key": "crm/{{ asset.name }}"})
    stored_pipeline.run()
    assert alerts.evaluate() == []
    stored_pipeline.drop_shard(LAST)
    stored_pipeline.check("amoCrmLeads", "equals_rows")
    assert [alert for alert in alerts.evaluate() if "check amoCrmLeads.equals_rows failed" in alert]


def test_late_days_are_told_and_then_that_they_are_there(
    alerts: Alerts, stored_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored_pipeline.configure(schedule={"hour": 0, "minute": 30})
    monkeypatch.setattr(time, "time", stored_pipeline.sandbox.clock.now)
    (alert,) = alerts.evaluate_all()
    assert alert.startswith("amoCRM acme: days are late\n")
    assert "2025-03-04 to 2025-03-10" in alert

    stored_pipeline.run("2025-03-04", LAST)
    assert [alert for alert in alerts.evaluate_all() if "days are late: over" in alert]


def test_an_authorisation_without_a_token_is_told(alerts: Alerts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE)
    (alert,) = alerts.evaluate_all()
    assert alert.startswith("amoCRM acme: the authorisation must be renewed\n")
    assert TOKEN_VARIABLE in alert


def test_what_could_not_be_told_is_told_later(
    alerts: Alerts, stored_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts.evaluate()
    monkeypatch.delenv(TOKEN_VARIABLE)
    stored_pipeline.run()
    alerts.service.mood = "refusing"
    assert alerts.evaluate() == []
    alerts.service.mood = "sound"
    state: dict[str, Any] = json.loads(str(alerts.cursor))
    alerts.cursor = json.dumps(state | {"refusals": {}})  # its time has come
    assert [alert for alert in alerts.evaluate() if "raw_leads failed" in alert]


def test_an_unsupported_address_is_named_and_the_others_get_the_alerts(
    alerts: Alerts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AMOCRM_ALERTS", f"slak://very/secret/token json://{alerts.service.address}")
    monkeypatch.delenv(TOKEN_VARIABLE)
    with caplog.at_level(logging.WARNING, logger="amocrm_assets"):
        assert len(alerts.evaluate_all()) == 1
        alerts.evaluate()
    assert "No alerts are sent to address 1 (it begins with slak://) in AMOCRM_ALERTS" in alerts.skip_reason
    assert [record.getMessage() for record in caplog.records if "slak://" in record.getMessage()] == [
        alerts.skip_reason.partition("open. ")[2]
    ]
    assert "secret" not in alerts.skip_reason + caplog.text


def test_failures_of_long_ago_are_not_told_when_alerts_are_switched_on(
    alerts: Alerts, stored_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE)
    stored_pipeline.run()
    monkeypatch.setenv(TOKEN_VARIABLE, stored_pipeline.sandbox.token)
    later = time.time() + 7200
    monkeypatch.setattr(time, "time", lambda: later)
    assert alerts.evaluate() == []


def test_no_address_is_no_sensor(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMOCRM_ALERTS", raising=False)
    assert not alert_definitions([pipeline.source]).sensors
    monkeypatch.setenv("AMOCRM_ALERTS", "json://127.0.0.1:1")
    (sensor,) = alert_definitions([pipeline.source]).sensors or []
    assert isinstance(sensor, dg.SensorDefinition)
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING


def test_the_cursor_holds_no_secret(alerts: Alerts, stored_pipeline: Pipeline, tmp_path: Path) -> None:
    del tmp_path
    stored_pipeline.run()
    alerts.evaluate()
    assert alerts.service.address not in str(alerts.cursor)
    assert stored_pipeline.sandbox.token not in str(alerts.cursor)
    assert "json://" not in repr(AlertSettings.from_environment())
