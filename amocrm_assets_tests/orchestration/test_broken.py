"""One source with wrong settings: the others run, and Dagster shows what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from amocrm_assets.errors import SettingsError
from amocrm_assets.orchestration.source import deployment_definitions
from amocrm_assets.settings.docs_folder import docs_folder
from amocrm_assets.settings.source_files import read_sources
from amocrm_assets_tests.orchestration.sources import ASSETS, write_source

if TYPE_CHECKING:
    from pathlib import Path

GOOD: dict[str, Any] = {"subdomain": "sound", "start_date": "2026-01-01", "access_token_env": "A"}
SOUND = {f"sound/{name}" for name in ASSETS}


def loaded(folder: Path) -> dg.Definitions:
    sources = read_sources(folder)
    return deployment_definitions(sources.found, sources.broken)


def keys(definitions: dg.Definitions) -> set[str]:
    return {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound source, and one whose zone and start date are wrong."""
    write_source(tmp_path, "sound", GOOD)
    write_source(
        tmp_path,
        "my-shop",
        {**GOOD, "subdomain": "my-shop", "timezone": "*Moon*", "start_date": "soon", "schedule": {"hour": 4}},
    )
    return tmp_path


def test_a_broken_source_leaves_the_others_and_is_an_asset_that_says_why(folder: Path) -> None:
    definitions = loaded(folder)
    assert keys(definitions) == {*SOUND, "my_shop/broken_settings"}
    assert definitions.resolve_schedule_def("sound_daily")
    (spec,) = (spec for spec in definitions.resolve_all_asset_specs() if spec.group_name == "my_shop")
    assert spec.description
    assert f"{folder}/my-shop/defs.yaml:5: `start_date`: 'soon' is not a day" in spec.description
    assert f"{folder}/my-shop/defs.yaml:7: `timezone`: '*Moon*' is not a time zone" in spec.description


def test_a_broken_source_says_where_the_settings_are_described(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (spec,) = (spec for spec in loaded(folder).resolve_all_asset_specs() if spec.group_name == "my_shop")
    assert spec.description
    assert spec.description.endswith(f"(docs/ is {docs_folder()})")


def test_materialising_a_broken_source_fails_with_what_is_wrong(folder: Path) -> None:
    job = loaded(folder).resolve_job_def("my_shop_leads")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(raise_on_error=False, instance=instance)
    (failure,) = (event.step_failure_data for event in result.all_events if event.is_step_failure)
    assert failure.user_failure_data
    assert "'soon' is not a day" in str(failure.user_failure_data.description)
    assert failure.user_failure_data.label == "intentional-failure"


def test_the_schedule_of_a_broken_source_stays_on_and_each_tick_fails(folder: Path) -> None:
    schedule = loaded(folder).resolve_schedule_def("my_shop_daily")
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 4 * * *", "UTC")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    with dg.build_schedule_context() as context, pytest.raises(Exception, match="schedule") as caught:
        schedule.evaluate_tick(context)
    assert isinstance(caught.value.__cause__, SettingsError)
    assert "'soon' is not a day" in caught.value.__cause__.cause


@pytest.mark.parametrize("change", [{"enabled": False}, {"schedule": {"enabled": False}}])
def test_a_schedule_that_was_off_is_off_when_its_source_is_broken(tmp_path: Path, change: dict[str, Any]) -> None:
    write_source(tmp_path, "sound", {**GOOD, "start_date": "soon", **change})
    schedule = loaded(tmp_path).resolve_schedule_def("sound_daily")
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED


def test_sources_that_are_broken_alike_have_names_of_their_own(tmp_path: Path) -> None:
    write_source(tmp_path, "sound", GOOD)
    for name in ("again", "Again!", "b", "c"):
        write_source(tmp_path, name, {**GOOD, "subdomain": "Sound"} if name < "c" else GOOD)
    (tmp_path / "c" / "defs.yaml").write_text("type: a: b", encoding="utf-8")
    repository = loaded(tmp_path).get_repository_def()
    broken = {
        key.path[0] for key in repository.asset_graph.get_all_asset_keys() if key.path[-1] == "broken_settings"
    }
    assert len(broken) == len(read_sources(tmp_path).broken)
    assert len({name.lower() for name in broken}) == len(broken)
    assert "c" in broken


def test_a_file_that_cannot_be_read_is_shown_by_the_name_of_its_folder(tmp_path: Path) -> None:
    write_source(tmp_path, "sound", GOOD)
    write_source(tmp_path, "мой-магазин", GOOD).write_text("type: a: b", encoding="utf-8")
    repository = loaded(tmp_path).get_repository_def()
    assert len(repository.asset_graph.get_all_asset_keys()) == 1 + len(ASSETS)
    (broken,) = read_sources(tmp_path).broken
    assert broken.name == "мой-магазин"
