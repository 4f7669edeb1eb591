"""What a preview shows of a record, and what it does not. For whole pages see `test_previews`."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from amocrm_assets.captures import CaptureWriter
from amocrm_assets.days import MAX_AT
from amocrm_assets.entities import CALLS, CONTACTS, CUSTOM_FIELDS, LEADS, TASKS
from amocrm_assets.orchestration import previews
from amocrm_assets.orchestration.metadata import BREAK
from amocrm_assets.orchestration.previews import PREVIEW_ROWS, capture_preview, rows_preview, shown
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.accounts import DAY, source
from amocrm_assets_tests.rows.days import capture_header

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.entities import Entity

UTC = source(timezone="UTC")
FIELDS = [
    {"name": name, "values": [{"value": value} for value in values]}
    for name, values in (("City", ["Riga", "Oslo"]), ("Empty", []), ("Number", [7]), ("Fourth", ["x"]))
]


def cells(preview: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [
        [str(cell).replace(BREAK, "") for cell in record.data.values()] for record in preview["preview"].records
    ]
    return [(key, cell) for key, cell in rows]


@pytest.mark.parametrize(
    ("column", "value", "cell"),
    [
        ("updated_at", 0, "updated_at 1970-01-01 00:00:00 UTC"),
        ("updated_at", 1, "updated_at 1970-01-01 00:00:01 UTC"),
        ("updated_at", MAX_AT, "updated_at 2199-12-31 23:59:59 UTC"),
        ("updated_at", MAX_AT + 1, f"updated_at {MAX_AT + 1}"),
        ("updated_at", -1, "updated_at -1"),
        ("updated_at", True, "updated_at True"),
        ("updated_at", "soon", "updated_at soon"),
        ("updated_at", None, "updated_at –"),
        ("status_id", 142, "status_id 142"),
        ("price", Decimal("19.900"), "price 19.9"),
        ("price", Decimal("0E-9"), "price 0"),
        ("name", "A", "A"),
        ("name", None, "–"),
        (CUSTOM_FIELDS, FIELDS, "City: Riga, Empty: , Number: 7"),
    ],
)
def test_a_value_is_shown_as_a_person_reads_it(column: str, value: object, cell: str) -> None:
    preview = shown(LEADS, UTC, [column], [{"id": 1, column: value}], lacking=())
    assert cells(preview) == [("1", cell)]


def test_an_object_is_not_shown_and_hides_nothing_behind_it() -> None:
    """It may contain a phone number."""
    row = {"id": 1, "params": {"phone": "+7 999"}, "tags": ["x"], "price": 5}
    preview = shown(LEADS, UTC, ["params", "tags", "price"], [row], lacking=())
    assert cells(preview) == [("1", "price 5")]


@pytest.mark.parametrize("number", [1, PREVIEW_ROWS, PREVIEW_ROWS + 1])
def test_the_first_records_that_are_no_stubs_are_shown_with_their_cards(number: int) -> None:
    stubs: list[dict[str, Any]] = [{"id": each, "price": None, "created_at": None} for each in range(1, 10)]
    rows = [{"id": each, "price": None, "created_at": 5} for each in range(11, 11 + number)]
    ids = [str(each["id"]) for each in rows][:PREVIEW_ROWS]
    preview = shown(LEADS, UTC, ["price"], [*stubs, *rows], lacking=("price", "created_at"))
    assert [key for key, _ in cells(preview)] == ids
    assert preview["open_in_amocrm"] == dg.MetadataValue.md(
        " · ".join(f"[{each}]({UTC.url}/leads/detail/{each})" for each in ids)
    )
    assert [key for key, _ in cells(shown(LEADS, UTC, [], stubs, lacking=("price",)))] == list("12345")


def test_a_record_without_a_card_has_no_link_and_one_with_two_keys_shows_both() -> None:
    (call,) = cells(shown(CALLS, UTC, [], [{"id": 5, "entity_type": "leads"}], lacking=()))
    assert set(call[0].split()) == {"5", "leads"}
    preview = shown(CALLS, UTC, [], [{"id": 5, "entity_type": "leads"}], lacking=())
    assert "open_in_amocrm" not in preview
    assert cells(shown(TASKS, UTC, [], [{"id": 5}], lacking=())) == [("5", "")]
    assert shown(TASKS, UTC, [], [], lacking=())["preview"] == "No task was updated on this day."


@pytest.mark.parametrize(
    ("settings", "shows_fields", "shows_name"),
    [
        ({}, True, True),
        ({"import_lead_name": False}, False, False),
        ({"drop_fields": ["PHONE"]}, False, True),
        ({"hash_fields": ["PHONE"]}, False, True),
    ],
)
def test_fields_are_shown_only_where_nothing_is_dropped_or_hashed(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], *, shows_fields: bool, shows_name: bool
) -> None:
    read: list[list[str]] = []

    def first_rows(*given: Any) -> list[dict[str, Any]]:
        read.append(given[-1])
        return [{"id": 1, "status_id": 7, CUSTOM_FIELDS: []}]

    monkeypatch.setattr(previews, "_first_rows", first_rows)
    by, storage = source(**settings), open_storage("/nowhere")
    rows_preview(LEADS, LEADS.table, storage, by, DAY)
    rows_preview(LEADS, LEADS.table, storage, by, DAY, custom_fields=False)
    rows_preview(LEADS, LEADS.for_source(source(import_lead_details=True)).tables[1], storage, by, DAY)
    whole, without, details = read
    assert (CUSTOM_FIELDS in whole, "name" in whole) == (shows_fields, shows_name)
    assert (CUSTOM_FIELDS in without, "name" in without) == (False, shows_name)
    # What a stub lacks is read to tell stubs apart; each table has its own of these columns.
    assert {"created_at", "pipeline_id", "status_id"} <= set(without)
    assert not {"created_at", "pipeline_id", CUSTOM_FIELDS} & set(details)
    assert all(len(columns) == len(set(columns)) for columns in read)


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        (rb'{"id":7,"price":1,"updated_at":5,"name":"A \ud83d B","created_at":1}', "A \ufffd B"),
        (b'{"id":7,"name":"A \xd0 B","created_at":1}', "A \ufffd B"),
        (b'{"id":7,"name":"A","deep":' + b"[" * 900 + b"]" * 900 + b',"created_at":1}', "A"),
    ],
)
def test_a_malformed_record_of_a_capture_is_shown_without_its_fields(
    tmp_path: Path, line: bytes, seen: str
) -> None:
    storage = open_storage(str(tmp_path))
    writer = CaptureWriter(LEADS, storage, capture_header())
    stub = b'{"id":6,"updated_at":5,"custom_fields_values":[{"values":[]}]}'
    writer.add([stub, line])
    ((key, cell),) = cells(capture_preview(LEADS, storage, UTC, writer.publish().name))
    assert (key, cell.partition(" · ")[0]) == ("7", seen)


@pytest.mark.parametrize("entity", [LEADS, CONTACTS])
@pytest.mark.parametrize("fields", [b"null", b'[{"name":"Phone","values":[{"value":"+7 999"}]}]'])
def test_the_preview_of_a_capture_has_no_custom_fields(tmp_path: Path, entity: Entity, fields: bytes) -> None:
    storage = open_storage(str(tmp_path))
    writer = CaptureWriter(entity, storage, capture_header())
    writer.add([b'{"id":7,"name":"A","created_at":1,"custom_fields_values":' + fields + b"}"])
    ((_, cell),) = cells(capture_preview(entity, storage, UTC, writer.publish().name))
    assert cell.startswith("A · ")
    assert "999" not in cell
    assert "custom" not in cell
