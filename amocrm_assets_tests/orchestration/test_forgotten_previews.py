"""Which runs of Dagster show a forgotten person, and what becomes of them. For requests see `test_forgetting`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from amocrm_assets.entities import CALLS, CONTACTS, CUSTOM_FIELDS, EVENTS, LEADS, TASKS
from amocrm_assets.orchestration.assets import raw_key
from amocrm_assets.orchestration.forgetting import ForgettingInDagster, forgetting_in_dagster
from amocrm_assets.orchestration.previews import shown
from amocrm_assets.privacy.forgotten import Asked, ForgottenList
from amocrm_assets_tests.accounts import source

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.entities import Entity

SOURCE = source()
DAY = "2026-03-01"
CONTACT = 77
# Longer than a word that the page shows without a place to break it.
MAIL = "annamariaexampleofthenorth@annamariaexampleofthenorth.example"
ASKED = Asked({"contact": [CONTACT]}, ("Anna Example", MAIL))
ALL = ForgottenList(b"salt")
FORGOTTEN = ALL.with_entries(ALL.entries_of(ASKED, key=None))
NOTHING = ForgottenList(b"salt")


class RecordedInstance:
    """An instance of Dagster with materialisations of runs, a page of which has one; it notes what is changed."""

    def __init__(self, *events: tuple[str, dg.AssetMaterialization]) -> None:
        self.events = events
        self.calls: list[tuple[str, Any]] = []
        self.runs = {run for run, _ in events}
        self.compute_log_manager = SimpleNamespace(
            delete_logs=lambda *, prefix: self.calls.append(("logs", *prefix))
        )

    def fetch_materializations(self, wanted: Any, *, limit: int, cursor: str | None) -> Any:
        assert limit > 0
        found = [
            SimpleNamespace(run_id=run, asset_materialization=event)
            for run, event in self.events
            if event.asset_key == wanted.asset_key and event.partition in wanted.asset_partitions
        ]
        at = int(cursor or 0)
        return SimpleNamespace(records=found[at : at + 1], has_more=at + 1 < len(found), cursor=str(at + 1))

    def get_records_for_run(self, run: str, *, of_type: dg.DagsterEventType) -> Any:
        assert of_type is dg.DagsterEventType.ASSET_MATERIALIZATION
        return SimpleNamespace(
            records=[SimpleNamespace(asset_materialization=event) for name, event in self.events if name == run]
        )

    def report_runless_asset_event(self, event: dg.AssetMaterialization) -> None:
        self.calls.append(("again", event))

    def has_run(self, run: str) -> bool:
        return run in self.runs

    def delete_run(self, run: str) -> None:
        self.calls.append(("run", run))


def made(entity: Entity, row: dict[str, Any] | None, day: str = DAY, **more: Any) -> dg.AssetMaterialization:
    """The materialisation of a day of raw records, whose preview shows that one."""
    columns = [name for name in entity.table.preview if name not in {*entity.key, CUSTOM_FIELDS}]
    preview = shown(entity, SOURCE, columns, [{"id": 5, **row}], lacking=()) if row else {}
    return dg.AssetMaterialization(raw_key(entity, SOURCE), partition=day, metadata={**preview, **more})


def runs_of(instance: RecordedInstance, tmp_path: Path, *, forgotten: ForgottenList = NOTHING) -> dict[str, int]:
    fake: Any = instance
    report: Any = SimpleNamespace(
        ids=ASKED.ids, captures=[SimpleNamespace(day=DAY), SimpleNamespace(day=None)], rows=[]
    )
    return ForgettingInDagster(SOURCE, fake, tmp_path).runs_that_show(report, forgotten)


@pytest.mark.parametrize(
    ("entity", "row", "is_shown"),
    [
        (CONTACTS, {"id": CONTACT, "name": "A"}, True),
        (CONTACTS, {"id": 7, "name": "A"}, False),
        (CONTACTS, {"id": 7, "name": "A friend of Anna Example"}, True),
        (CONTACTS, {"id": 7, "name": f"A friend of {MAIL}"}, True),
        (LEADS, {"name": "x" * 400}, False),
        (LEADS, {"name": "entity_id 77"}, False),
        (TASKS, {"text": "Call her", "entity_id": CONTACT}, True),
        (TASKS, {"text": "Call her", "entity_id": 777}, False),
        (TASKS, {"text": "Call her", "entity_id": None}, False),
        (TASKS, {"text": "x" * 400, "entity_id": CONTACT}, True),
        (CALLS, {"entity_type": "contacts", "entity_id": CONTACT}, True),
        (EVENTS, {"entity_type": "contact", "entity_id": CONTACT}, True),
        (EVENTS, {"entity_type": "contact", "entity_id": 7}, False),
        (EVENTS, None, False),
    ],
)
def test_a_run_whose_preview_shows_the_person_is_found(
    tmp_path: Path, entity: Entity, row: dict[str, Any] | None, *, is_shown: bool
) -> None:
    """By the id, by a value, or by what hangs on the person; a cell that is cut off before that counts as well."""
    instance = RecordedInstance(("other", made(entity, None)), ("1", made(entity, row)), ("1", made(entity, None)))
    assert runs_of(instance, tmp_path, forgotten=FORGOTTEN) == ({"1": 2} if is_shown else {})


def test_days_whose_files_do_not_change_are_not_looked_at(tmp_path: Path) -> None:
    event = made(CONTACTS, {"id": CONTACT}, "2026-03-02")
    assert runs_of(RecordedInstance(("1", event)), tmp_path) == {}


def contents(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.iterdir())


def test_a_run_is_deleted_with_its_logs_after_its_days_are_reported_again(tmp_path: Path) -> None:
    file = tmp_path / "history" / "runs" / "index.db"
    file.parent.mkdir(parents=True)
    instance = RecordedInstance(("1", made(CONTACTS, {"id": CONTACT}, pages=3)), ("2", made(LEADS, None)))
    instance.runs.remove("2")  # it was deleted before the command was killed
    fake: Any = instance

    with closing(sqlite3.connect(file)) as connection:  # as Dagster's, which is open meanwhile
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA secure_delete=OFF")
        connection.execute("CREATE TABLE events (text TEXT)")
        connection.executemany("INSERT INTO events VALUES (?)", [("Anna Example",)] * 500)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("DELETE FROM events")
        connection.commit()
        assert b"Anna Example" in contents(file.parent)
        ForgettingInDagster(SOURCE, fake, tmp_path).remove(["1", "2"])
        assert b"Anna Example" not in contents(file.parent)

    assert [name for name, *_ in instance.calls] == ["again", "logs", "run", "again", "logs"]
    (_, again), logs, run, *_ = instance.calls
    assert (logs, run) == (("logs", "1"), ("run", "1"))
    assert (again.partition, again.metadata.keys()) == (DAY, {"pages"})


def test_nothing_is_overwritten_where_no_run_shows_the_person(tmp_path: Path) -> None:
    file = tmp_path / "history" / "index.db"
    file.parent.mkdir()
    file.write_text("no database")
    instance: Any = RecordedInstance()
    ForgettingInDagster(SOURCE, instance, tmp_path).remove([])
    assert file.read_text() == "no database"


@pytest.mark.parametrize("home", ["", "home"])
def test_dagster_is_looked_at_where_it_has_a_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / home) if home else "")
    with forgetting_in_dagster(SOURCE) as found:
        assert (found is not None) is bool(home)
