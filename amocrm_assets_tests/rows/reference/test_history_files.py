"""Files of reference tables: damage, kills, and any order of captures."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amocrm_assets.captures import all_captures, open_capture
from amocrm_assets.entities import Column
from amocrm_assets.entities.reference import REFERENCE, REFERENCE_TABLES, ReferenceTable, reference_table
from amocrm_assets.errors import CaptureDamaged
from amocrm_assets.rows.reference import files as reference_files
from amocrm_assets.rows.reference import reference_rows, write_reference_tables
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets.storage.folder import FolderStorage
from amocrm_assets_tests.rows.days import source
from amocrm_assets_tests.rows.reference.readings import BEGINNING, capture, night, rows
from amocrm_assets_tests.rows.reference.records import USERS, periods, pipeline, user


def files(storage: Storage) -> dict[str, bytes]:
    return {name: Path(storage.uri(name)).read_bytes() for name in storage.names("rows")}


def test_a_file_that_is_damaged_or_of_other_captures_is_made_anew_and_equals_one_made_at_once(
    storage: Storage, tmp_path: Path
) -> None:
    names = [capture(storage, night(number), {"users": [user(1, f"A{number}")]}) for number in range(3)]
    rows(storage, USERS)
    whole = files(storage)

    path = Path(storage.uri(USERS.rows_name("acme")))
    path.write_bytes(path.read_bytes()[:-40] + b"\0" * 40)
    rows(storage, USERS)
    assert files(storage) == whole

    # One of the captures goes, and comes back: an order in which no reading was made.
    away = tmp_path / "away"
    shutil.move(storage.uri(names[1]), away)
    assert len(periods(rows(storage, USERS), 1)) == 2
    shutil.move(away, storage.uri(names[1]))
    rows(storage, USERS)
    assert files(storage) == whole


def test_a_damaged_capture_is_named(storage: Storage) -> None:
    name = capture(storage, night(0), {"users": [user(1, "A")]})
    path = Path(storage.uri(name))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(CaptureDamaged) as error:
        write_reference_tables(REFERENCE_TABLES, storage, "acme")
    assert name in str(error.value)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The captures that were opened."""
    names: list[str] = []

    def recorded(entity: Any, place: Storage, name: str) -> Any:
        names.append(name)
        return open_capture(entity, place, name)

    monkeypatch.setattr(reference_files, "open_capture", recorded)
    return names


def test_a_table_reads_the_captures_that_it_does_not_contain_and_the_newest(
    storage: Storage, opened: list[str]
) -> None:
    for number, name in enumerate("AAB"):
        newest = capture(storage, night(number), {"users": [user(1, name)]})
        for expected in ([newest, newest], [newest]):
            opened.clear()
            found = rows(storage, USERS)
            assert opened == expected
    assert periods(found, 1) == [("A", BEGINNING, night(2)), ("B", night(2), None)]


def test_a_table_of_other_rules_or_columns_is_made_anew_from_all_captures(
    storage: Storage, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a file would keep the data that must no longer be in it."""
    names = [capture(storage, night(number), {"users": [user(1, "A") | {"lang": "ru"}]}) for number in range(2)]
    title = Column("title", "STRING", "Title.")
    wider = replace(USERS, columns=(USERS.columns[0], title, *USERS.columns[1:]))

    def read(table: ReferenceTable = USERS, **settings: Any) -> list[str]:
        opened.clear()
        write_reference_tables([table], storage, "acme", source=source(**settings))
        return list(opened)

    for arguments in ({"table": wider}, {}, {"drop_fields": ["LANG"]}, {"drop_fields": ["email"]}, {}):
        assert read(**arguments) == [*names, names[-1]], arguments
        assert read(**arguments) == [names[-1]], arguments
        kept = reference_rows(USERS, storage, "acme", ["lang"])
        assert kept is not None
        assert ("ru" in kept["lang"].to_pylist()) == (arguments != {"drop_fields": ["LANG"]})
    monkeypatch.setattr(reference_files, "_VERSION", "another")
    assert read() == [*names, names[-1]]


def test_a_file_is_written_again_once_the_values_from_settings_change(storage: Storage) -> None:
    table = reference_table("amoCrmCustomFields")
    capture(storage, night(0), {"leads_custom_fields": [{"id": 1, "name": "Источник", "type": "text"}]})
    path = Path(storage.uri(table.rows_name("acme")))

    def written(column: str | None) -> tuple[int, list[str | None]]:
        """The file's number on the disk, which another file does not have, and the values."""

        def fill(_: Any, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [{"latest_column": column if row["is_current"] else "of the past"} for row in found]

        write_reference_tables([table], storage, "acme", fill=fill)
        found = reference_rows(table, storage, "acme", ["latest_column"])
        assert found is not None
        return path.stat().st_ino, found["latest_column"].to_pylist()

    first, again, second, none = (written(column) for column in ("cf_1", "cf_1", "cf_one", None))
    assert first == again
    assert second[0] != first[0]
    assert [first[1], second[1], none[1]] == [["cf_1"], ["cf_one"], [None]]


def test_what_is_odd_in_the_newest_capture_is_reported_each_time(storage: Storage) -> None:
    def reported() -> tuple[bool, dict[str, int], int, int, int]:
        found = write_reference_tables([USERS], storage, "acme")["amoCrmUsers"]
        return found.is_complete, found.oddities, found.captures, found.row_count, found.current

    capture(storage, night(0), {"users": [user(1, "A"), {"name": "no id"}]})
    assert [reported() for _ in range(2)] == [(False, {"user without id": 1}, 1, 2, 2)] * 2
    capture(storage, night(1), {"users": [user(2, "B")]})  # which deletes the first
    assert [reported() for _ in range(2)] == [(True, {}, 2, 4, 2)] * 2
    broken = user(3, "C") | {"lang": ["ru"]}
    capture(storage, night(2), {"users": [user(2, "B"), broken]}, incomplete=["users"])
    assert [reported() for _ in range(2)] == [(False, {"lang: list": 1}, 3, 5, 3)] * 2


class DyingStorage(FolderStorage):
    """A folder whose process dies instead of doing its n-th write."""

    def __init__(self, folder: Path, lives: int) -> None:
        super().__init__(folder)
        self.lives = lives

    def create(self, name: str, file: Path) -> None:
        self._live()
        super().create(name, file)

    def replace(self, name: str, file: Path) -> None:
        self._live()
        super().replace(name, file)

    def _live(self) -> None:
        if not self.lives:
            raise KeyboardInterrupt
        self.lives -= 1


@pytest.mark.slow
def test_a_run_that_dies_between_any_two_writes_and_is_run_again_gives_the_same_tables(tmp_path: Path) -> None:
    def run(storage: Storage) -> None:
        """What a night does; what is there already is not written again."""
        if not all_captures(REFERENCE, storage, "acme"):
            capture(storage, night(0), {"users": [user(1, "A")], "pipelines": [pipeline()]})
        if len(all_captures(REFERENCE, storage, "acme")) == 1:
            capture(storage, night(1), {"users": [user(1, "B")], "pipelines": [pipeline()]})
        write_reference_tables(REFERENCE_TABLES, storage, "acme")

    whole = open_storage(str(tmp_path / "whole"))
    run(whole)
    for lives in range(2 + len(REFERENCE_TABLES)):
        folder = tmp_path / str(lives)
        with pytest.raises(KeyboardInterrupt):
            run(DyingStorage(folder, lives))
        survivor = open_storage(str(folder))
        run(survivor)
        assert files(survivor) == files(whole), lives


@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from([1, 2, 3]), st.sampled_from("abc")), min_size=1, max_size=5),
    st.randoms(use_true_random=False),
)
def test_files_are_the_same_in_whatever_order_and_steps_captures_come(
    tmp_path_factory: pytest.TempPathFactory, nights: list[dict[int, str]], rng: Any
) -> None:
    lists = [{"users": [user(key, name) for key, name in users.items()]} for users in nights]
    at_once = open_storage(str(tmp_path_factory.mktemp("at_once")))
    for number, each in enumerate(lists):
        capture(at_once, night(number), each)
    rows(at_once, USERS)
    step_by_step = open_storage(str(tmp_path_factory.mktemp("step_by_step")))
    for number in rng.sample(range(len(lists)), len(lists)):
        capture(step_by_step, night(number), lists[number])
        rows(step_by_step, USERS)

    assert files(step_by_step) == files(at_once)
    assert len(all_captures(REFERENCE, step_by_step, "acme")) == len(lists)
