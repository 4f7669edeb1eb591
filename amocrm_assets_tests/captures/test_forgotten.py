"""The list of forgotten people in the storage, and captures that are rewritten without them."""

from __future__ import annotations

import gzip
import json
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.captures import open_capture
from amocrm_assets.captures.forgotten import (
    count_forgotten,
    forgotten_name,
    is_tombstone,
    new_list,
    read_forgotten,
    rewrite_capture,
    write_forgotten,
)
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ActionRequired, CaptureDamaged
from amocrm_assets.privacy.forgotten import Asked
from amocrm_assets_tests.rows.days import keep, lead

if TYPE_CHECKING:
    from amocrm_assets.privacy.forgotten import ForgottenList
    from amocrm_assets.storage import Storage

NAME = "Отмеченная"
FIELDS: list[dict[str, Any]] = [
    {"id": number, "name": "Поле", "enums": [{"id": 1, "value": value}, {"id": 2, "value": "Тверь"}]}
    for number, value in enumerate(["Псков", NAME, "Клин", "Орёл"])
]
LINKED = {"contacts": [{"id": 808}, {"id": 809}]}
PERSON = Asked(values=(NAME,), ids={"contact": [808]})


@pytest.fixture
def forgotten() -> ForgottenList:
    empty = new_list("RU")
    return empty.with_entries(empty.entries_of(PERSON, key=None))


def capture_of_a_person(storage: Storage) -> str:
    """Four records, one about the person and one with a link to it, and an option with the name."""
    records = [lead(1), lead(2, name=NAME), lead(3, _embedded=LINKED), lead(4)]
    return keep(storage, records, fields=FIELDS)


@pytest.mark.parametrize("content", [b"no JSON", b"{}", b"[]", b'{"salt":"x","region":"RU","entries":[]}'])
def test_a_damaged_list_is_refused_and_never_an_empty_one(storage: Storage, content: bytes) -> None:
    storage.write(forgotten_name("acme"), content, if_version=None)
    with pytest.raises(ActionRequired, match="not the list of people who are forgotten") as refused:
        read_forgotten(storage, "acme")
    assert "from a backup" in refused.value.fix


def test_a_list_that_is_written_again_replaces_the_one_before(storage: Storage, forgotten: ForgottenList) -> None:
    assert read_forgotten(storage, "acme") is None
    for each in (new_list("KZ"), forgotten):
        write_forgotten(storage, "acme", each)
        assert read_forgotten(storage, "acme") == each


def test_records_and_fields_that_a_request_would_change_are_counted(
    storage: Storage, forgotten: ForgottenList
) -> None:
    name = capture_of_a_person(storage)
    assert count_forgotten(LEADS, storage, name, forgotten) == 3
    assert count_forgotten(LEADS, storage, name, new_list("RU")) == 0


def test_a_rewritten_capture_tells_how_many_records_changed_and_how_many_are_gone(
    storage: Storage, forgotten: ForgottenList
) -> None:
    name = capture_of_a_person(storage)
    result = rewrite_capture(LEADS, storage, name, forgotten, request="r1")
    assert (result.records, result.after) == (2, sha256(Path(storage.uri(name)).read_bytes()).hexdigest())
    with open_capture(LEADS, storage, name) as capture:
        lines = list(capture.records)
        header = capture.header
    assert [is_tombstone(line) for line in lines] == [False, True, False, False]
    assert json.loads(lines[2])["_embedded"] == {"contacts": [{"id": 809}]}
    assert header.forgotten == 1
    assert [len(each["enums"]) for each in header.fields] == [2, 1, 2, 2]
    # A second request counts the tombstones of the first, and does not change them.
    assert rewrite_capture(LEADS, storage, name, forgotten, request="r2").records == 0
    with open_capture(LEADS, storage, name) as capture:
        assert (list(capture.records), capture.header.forgotten) == (lines, 1)


def test_a_capture_without_the_person_has_no_number_of_tombstones(
    storage: Storage, forgotten: ForgottenList
) -> None:
    name = keep(storage, [lead(1)])
    assert rewrite_capture(LEADS, storage, name, forgotten, request="r1").records == 0
    with open_capture(LEADS, storage, name) as capture:
        assert capture.header.forgotten is None


def test_a_capture_that_cannot_be_rewritten_stays_and_leaves_no_temporary_file(
    storage: Storage, forgotten: ForgottenList, tmp_path: Path
) -> None:
    path = Path(storage.uri(name := capture_of_a_person(storage)))
    text = gzip.decompress(path.read_bytes())
    path.write_bytes(damaged := gzip.compress(text.replace(b'"sha256":', b'"findings":[7],"sha256":')))
    with pytest.raises(CaptureDamaged, match="names no findings") as refused:
        rewrite_capture(LEADS, storage, name, forgotten, request="r1")
    # The error holds what was open when it was raised, so that nothing is closed by being forgotten.
    assert refused.tb is not None
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]
    assert path.read_bytes() == damaged
