"""Days that were read before: which a run reads again, and what becomes of those that cannot be assessed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import dagster as dg
import pyarrow.parquet as pq
import pytest
from pyarrow import concat_tables

from amocrm_assets.captures import CaptureWriter, capture_names, captures_by_day, captures_of_day, open_capture
from amocrm_assets.days import day_window
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import AmoCrmUnavailable, RowsDamaged
from amocrm_assets.orchestration.run_listener import listening
from amocrm_assets.rows import read_rows, rows_name
from amocrm_assets_tests.orchestration.conftest import FIRST, LAST, checks_of, failure_of
from amocrm_assets_tests.orchestration.test_automation import requested
from amocrm_assets_tests.orchestration.test_materialising import request_count
from amocrm_assets_tests.rows.days import rewrite_rows

if TYPE_CHECKING:
    from amocrm_assets_tests.orchestration.conftest import Pipeline

pytestmark = pytest.mark.slow

DAY = date.fromisoformat(LAST)
TICK = datetime(2025, 3, 11, 0, 30, tzinfo=ZoneInfo("Europe/Moscow"))


def shard_of(pipeline: Pipeline, day: date = DAY) -> set[int]:
    return set(pipeline.warehouse.read(LEADS.table, "acme", [day])["id"])


def test_a_single_day_is_read_again_though_its_capture_is_stamped_later(pipeline: Pipeline) -> None:
    """By a machine whose clock is ten minutes ahead, or because ours was set back."""
    pipeline.run(LAST)
    (name,) = capture_names(LEADS, pipeline.storage, "acme", DAY)
    with open_capture(LEADS, pipeline.storage, name) as capture:
        ahead = datetime.now(UTC) + timedelta(minutes=10)
        writer = CaptureWriter(LEADS, pipeline.storage, capture.header, after=ahead)
        writer.add(capture.records)
    writer.publish()
    pipeline.storage.delete(name)
    before = request_count(pipeline)

    assert pipeline.run(LAST).success

    assert request_count(pipeline) > before
    assert pipeline.materialised("raw_leads")[LAST]["read"] == "in this run"
    assert len(captures_of_day(LEADS, pipeline.storage, "acme", DAY)) == 2


def counts(pipeline: Pipeline) -> dict[date, int]:
    """How many captures each day has."""
    return {day: len(found) for day, found in captures_by_day(LEADS, pipeline.storage, "acme").items()}


def test_days_that_were_captured_before_a_retry_are_not_read_again(pipeline: Pipeline) -> None:
    """Of a range that is read again from the start, a retry reads the days that the try before it did not."""

    class LoseTheNetwork:
        tried = 1
        when_lost: dict[date, int] | None = None

        def on_days_done(self, asset: str, done: int, wanted: int) -> None:  # noqa: ARG002  # the listener's signature
            if self.when_lost is None and done == 2:
                self.when_lost = counts(pipeline)
                raise AmoCrmUnavailable("Asking amoCRM", cause="no answer.", fix="Wait.")

        def on_retry(self, why: str, wait_seconds: float) -> None:  # noqa: ARG002
            self.tried += 1

    pipeline.run(FIRST, LAST, only=["raw_leads"])
    network = LoseTheNetwork()
    with listening(network):
        assert pipeline.run(FIRST, LAST, read_again=True, only=["raw_leads"]).success

    assert network.tried == 2
    assert network.when_lost is not None
    assert sorted(network.when_lost.values()) == [1, 1, 2, 2]
    assert list(counts(pipeline).values()) == [2, 2, 2, 2]
    ways = [metadata["read"] for metadata in pipeline.materialised("raw_leads").values()]
    assert ways.count("in this run") == 2


def executed_again(pipeline: Pipeline, parent: dg.ExecuteInProcessResult, tags: dict[str, str]) -> bool:
    """Execute a run again, as Dagster does: from its failure, or as a whole; whether it succeeded."""
    run = pipeline.instance.get_run_by_id(parent.run_id)
    assert run is not None
    create = pipeline.instance.create_run_for_job

    def as_child(*given: Any, **named: Any) -> dg.DagsterRun:
        named["tags"] = {**run.tags, **tags, **(named.get("tags") or {})}
        return create(*given, **named | {"parent_run_id": run.run_id, "root_run_id": run.run_id})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline.instance, "create_run_for_job", as_child)
        return pipeline.run(LAST).success


@pytest.mark.parametrize(("tags", "asks"), [({"dagster/is_resume_retry": "true"}, False), ({}, True)])
def test_only_a_run_that_goes_on_from_a_failure_uses_its_parents_captures(
    pipeline: Pipeline, tags: dict[str, str], *, asks: bool
) -> None:
    parent = pipeline.run(LAST)
    before = request_count(pipeline)
    assert executed_again(pipeline, parent, tags)
    assert (request_count(pipeline) > before) is asks


def test_a_corrected_zone_makes_days_missing_until_they_are_run_again(stored_pipeline: Pipeline) -> None:
    pipeline = stored_pipeline
    pipeline.configure(timezone="UTC", start_date="2025-03-04")
    assert pipeline.run("2025-03-04", LAST).success
    pipeline.configure(start_date="2025-03-04")
    week = [f"2025-03-{day:02}" for day in range(4, 11)]
    assert requested(pipeline, TICK) == ["2025-03-04...2025-03-10"]

    pipeline.run("2025-03-08")
    assert requested(pipeline, TICK) == ["2025-03-04...2025-03-07", "2025-03-09...2025-03-10"]
    assert pipeline.run("2025-03-04", LAST).success
    assert requested(pipeline, TICK) == []
    stamps = pipeline.sandbox.account.stamps()
    for day in map(date.fromisoformat, week):
        window = day_window(day, ZoneInfo("Europe/Moscow"))
        assert shard_of(pipeline, day) == {lead for lead, at in stamps.items() if window.holds(at)}


def test_a_tick_asks_for_missing_days_though_captures_cannot_be_looked_at(
    stored_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored_pipeline.configure(start_date="2025-03-09")
    stored_pipeline.run("2025-03-09")
    monkeypatch.setenv("AMOCRM_STORAGE", "/proc/nowhere/data")
    assert requested(stored_pipeline, TICK) == [LAST]


def test_a_day_in_progress_is_not_asked_for_again(stored_pipeline: Pipeline) -> None:
    pipeline = stored_pipeline
    pipeline.configure(start_date="2025-03-09")
    pipeline.run("2025-03-09")
    during: list[list[str]] = []
    pipeline.sandbox.after_answer = lambda: during.append(requested(pipeline, TICK)) if not during else None
    assert pipeline.run(LAST).success
    assert during == [[]]


def damage(pipeline: Pipeline, name: str) -> None:
    path = Path(pipeline.storage.uri(name))
    path.write_bytes(path.read_bytes()[:-40])


def test_a_damaged_capture_fails_its_day_and_no_other(pipeline: Pipeline) -> None:
    pipeline.run(FIRST, LAST, only=["raw_leads"])
    (name,) = capture_names(LEADS, pipeline.storage, "acme", date(2025, 3, 8))
    damage(pipeline, name)
    for asset in ("raw_leads", "leads"):
        failure = failure_of(
            pipeline.run("2025-03-05", LAST, only=[asset])
            if asset == "raw_leads"
            else pipeline.run(FIRST, LAST, only=[asset])
        )
        assert failure.metadata["error"].value == "CaptureDamaged"
        assert name in failure.description
        assert failure.metadata["unfinished_days"].value == "2025-03-08"
    assert sorted(pipeline.materialised("leads")) == ["2025-03-07", "2025-03-09", "2025-03-10"]
    assert {"2025-03-05", "2025-03-06"} <= set(pipeline.materialised("raw_leads"))


def repeat_a_row(pipeline: Pipeline, day: date) -> None:
    with pipeline.storage.as_local_path(rows_name(LEADS.table, "acme", day)) as path:
        rows = pq.read_table(path)
        rewrite_rows(path, concat_tables([rows, rows.slice(0, 1)]))


def test_a_damaged_neighbour_is_no_obstacle_where_the_day_is_whole(pipeline: Pipeline) -> None:
    pipeline.run(FIRST, LAST, only=["raw_leads"])
    (name,) = capture_names(LEADS, pipeline.storage, "acme", date(2025, 3, 8))
    Path(pipeline.storage.uri(name)).write_bytes(b"no gzip")
    assert pipeline.run("2025-03-09", LAST, only=["leads"]).success
    pipeline.configure(timezone="Asia/Tokyo")
    assert name in failure_of(pipeline.run("2025-03-09", only=["leads"])).description


@pytest.mark.parametrize("days", [(LAST, None), (FIRST, LAST)])
def test_rows_with_repeated_ids_are_not_loaded(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, days: tuple[str, str | None]
) -> None:
    from amocrm_assets.rows import many_days, write_rows

    pipeline.run(*days)
    before = shard_of(pipeline)

    def twice(*given: object, **named: object) -> object:
        written = write_rows(*given, **named)  # type: ignore[arg-type]
        if given[3] == DAY:
            repeat_a_row(pipeline, DAY)
        return written

    monkeypatch.setattr(many_days, "write_rows", twice)
    result = pipeline.run(*days)
    assert not result.success
    assert not checks_of(result)["ids_unique"].passed
    assert "equals_rows" not in checks_of(result)
    loaded = [
        event
        for event in result.get_asset_materialization_events()
        if event.asset_key == pipeline.key("amoCrmLeads")
    ]
    assert loaded == []
    frame = pipeline.warehouse.read(LEADS.table, "acme", [DAY])
    assert set(frame["id"]) == before
    assert frame["id"].is_unique


def test_a_damaged_rows_file_is_the_verdict_on_its_day_and_the_others_have_theirs(pipeline: Pipeline) -> None:
    pipeline.run(FIRST, LAST)
    repeat_a_row(pipeline, date(2025, 3, 7))
    damage(pipeline, rows_name(LEADS.table, "acme", date(2025, 3, 8)))
    found = pipeline.check("leads", "ids_unique")
    assert not found.passed
    shown = {name: value.value for name, value in found.metadata.items()}
    assert (shown["days"], shown["bad_days"], shown["which_days"]) == (4, 2, "2025-03-07 to 2025-03-08")
    assert "2025-03-08: " in str(shown["unreadable"])
    assert "Materialise `leads`" in str(found.description)


def test_other_accounts_leads_reach_no_shard(pipeline: Pipeline) -> None:
    pipeline.sandbox.configure(subdomain="other")
    failure = failure_of(pipeline.run(LAST))
    assert failure.metadata["error"].value == "NotAuthorised"
    assert capture_names(LEADS, pipeline.storage, "acme", DAY) == []
    assert pipeline.warehouse.shard_days(LEADS.table, "acme") == {}


def test_a_lead_whose_id_is_no_64_bit_integer_is_refused_when_it_is_read(pipeline: Pipeline) -> None:
    pipeline.sandbox.rewrite = lambda body: (
        body.replace(b'{"id":', b'{"id":99999999999', 1) if b'"leads"' in body else body
    )
    failure = failure_of(pipeline.run(LAST))
    assert failure.metadata["error"].value == "UnexpectedAnswer"
    assert "more than 64 bits" in failure.description
    assert capture_names(LEADS, pipeline.storage, "acme", DAY) == []


def test_a_flipped_bit_of_a_rows_file_keeps_its_day_from_the_warehouse_and_from_users(pipeline: Pipeline) -> None:
    pipeline.run(FIRST, LAST, only=["raw_leads", "leads"])
    with pipeline.storage.as_local_path(rows_name(LEADS.table, "acme", date(2025, 3, 8))) as path:
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 4
        path.write_bytes(content)
    failure = failure_of(pipeline.run(FIRST, LAST, only=["amoCrmLeads"]))
    assert failure.metadata["error"].value == "RowsDamaged"
    assert "Materialise `leads` for 2025-03-08 again" in failure.description
    assert failure.metadata["unfinished_days"].value == "2025-03-08"
    assert sorted(pipeline.materialised("amoCrmLeads")) == ["2025-03-07", "2025-03-09", "2025-03-10"]
    with pytest.raises(RowsDamaged, match="2025-03-08"):
        read_rows(LEADS.table, pipeline.storage, "acme", [date(2025, 3, 7), date(2025, 3, 8)])
    pipeline.run("2025-03-08", only=["leads", "amoCrmLeads"])
    assert "2025-03-08" in pipeline.materialised("amoCrmLeads")
