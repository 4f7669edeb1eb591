"""What a source does not store is in no byte that a run leaves, of any entity and any reference list."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.captures import all_captures, open_capture
from amocrm_assets.days import day_window
from amocrm_assets.entities import ENTITIES
from amocrm_assets.entities.reference import LISTS, REFERENCE
from amocrm_assets.privacy.hashing import Hasher
from amocrm_assets.settings import SourceSettings
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.guarantees.left_behind import Deployed
from amocrm_assets_tests.orchestration.sources import write_source
from amocrm_assets_tests.people import CITY, EMAIL, MARKS, NAME, PASSPORT, PHONE, people_server

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

DAY = date(2026, 3, 10)
KEY = "0123456789abcdef-of-the-test"
PERSONAL = ["phone", "email", "name", "Паспорт"]


def attributes(url: str, **changes: Any) -> dict[str, Any]:
    """A source that imports all there is."""
    everything = {name: True for name in SourceSettings.model_fields if name.startswith("import_")}
    given = {"subdomain": "acme", "base_url": url, "start_date": "2026-01-01", "timezone": "Europe/Moscow"}
    everything["latest_table"] = True
    return {**given, "access_token_env": "TOKEN", "requests_per_second": 50, **everything, **changes}


def run(folder: Path, **changes: Any) -> dict[str, bytes]:
    """What a run of a day leaves: in every file, unpacked."""
    deployed = Deployed(folder, DAY, {"TOKEN": "a-token", "AMOCRM_HASH_KEY": KEY})
    window = day_window(DAY, SourceSettings(**attributes("http://127.0.0.1")).zone)
    with people_server(window.from_at + 60) as url:
        write_source(folder / "sources", "acme", attributes(url, **changes))
        assert deployed.run() is not None
    left = deployed.left()
    # The search finds what is there: these were written, by a run that logged everything.
    assert any(b"STEP_START" in content for name, content in left.items() if name.endswith(".db"))
    assert any("compute_logs" in name for name in left)
    assert any(CITY.encode() in content for name, content in left.items() if name.endswith(".jsonl.gz"))
    assert any(CITY.encode() in content for name, content in left.items() if name.endswith(".parquet"))
    assert any(CITY.encode() in content for name, content in left.items() if name.endswith(".duckdb"))
    return left


def found(left: dict[str, bytes]) -> dict[str, str]:
    """Files with something of the person in it."""
    own = {name: content for name, content in left.items() if not name.startswith("sources/")}
    return {name: mark for name, content in own.items() for mark in MARKS if mark.encode() in content}


def captured(folder: Path) -> dict[str, list[bytes]]:
    """The records of the captures of every entity, and of every reference list that has one."""
    storage = open_storage(str(folder / "data"))
    records: dict[str, list[bytes]] = {}
    for entity in (*ENTITIES, REFERENCE):
        for each in all_captures(entity, storage, "acme"):
            with open_capture(entity, storage, each.name) as capture:
                lines = list(capture.records)
            for name, count in [(part.name, part.records) for part in capture.header.lists or ()] or [
                (entity.name, len(lines))
            ]:
                records[name], lines = lines[:count], lines[count:]
    return records


def test_without_settings_the_person_is_found_in_captures_rows_warehouse_and_previews(tmp_path: Path) -> None:
    kinds = {name.rpartition(".")[2] for name in found(run(tmp_path))}
    assert {"gz", "parquet", "duckdb", "db"} <= kinds


def test_what_is_dropped_is_in_no_byte_that_a_run_leaves(tmp_path: Path) -> None:
    assert found(run(tmp_path, drop_fields=PERSONAL)) == {}

    records = captured(tmp_path)
    assert records.keys() >= {entity.name for entity in ENTITIES} | {each.name for each in LISTS}
    assert all(records.values())


def test_what_is_hashed_is_in_no_byte_that_a_run_leaves_and_joins_over_entities(tmp_path: Path) -> None:
    left = run(tmp_path, hash_fields=PERSONAL)
    assert found(left) == {}
    assert not any(KEY.encode() in content for content in left.values())

    phone = Hasher("phone", KEY.encode()).hash(PHONE).encode()
    records = captured(tmp_path)
    assert all(phone in line for entity in ENTITIES for line in records[entity.name])
    assert phone in records["users"][0]
    assert any(phone in content for name, content in left.items() if name.endswith(".duckdb"))


@pytest.mark.parametrize("treatment", ["drop_fields", "hash_fields"])
def test_rows_and_tables_of_captures_of_before_are_treated_as_new_ones(tmp_path: Path, treatment: str) -> None:
    (tmp_path / "before").mkdir()
    run(tmp_path / "before")
    (tmp_path / "after").mkdir()
    (tmp_path / "before" / "data" / "captures").rename(tmp_path / "after" / "captures")
    deployed = tmp_path / "after" / "data"
    deployed.mkdir()
    (tmp_path / "after" / "captures").rename(deployed / "captures")

    left = run(tmp_path / "after", **{treatment: PERSONAL})

    assert {name.split("/")[1] for name in found(left)} == {"captures"}


def test_a_person_who_is_forgotten_is_in_no_byte_of_data_and_dagster_and_stays_away(tmp_path: Path) -> None:
    assert {name.rpartition(".")[2] for name in found(run(tmp_path))} >= {"gz", "parquet", "duckdb", "db"}
    deployed = Deployed(tmp_path, DAY, {"TOKEN": "a-token"})
    window = day_window(DAY, SourceSettings(**attributes("http://127.0.0.1")).zone)
    words = [f"--value={each}" for each in (PHONE, EMAIL, NAME, PASSPORT)]

    assert deployed.run("forget", "acme", *words) == 0

    assert found(deployed.left()) == {}
    (report,) = (tmp_path / "data" / "privacy" / "acme" / "requests").glob("*.json")
    assert json.loads(report.read_text())["dagster"]["runs deleted"] == 1
    # A backfill of amoCRM, which still has the person, brings nobody back.
    with people_server(window.from_at + 60) as url:
        write_source(tmp_path / "sources", "acme", attributes(url))
        assert deployed.run() is not None
    assert found(deployed.left()) == {}
    assert deployed.run("forget", "acme", "--verify", report.stem) == 0
