"""Names of properties and of custom fields that are gathered while lines are read."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.rows import reading
from amocrm_assets.rows.reading import RecordReader
from amocrm_assets.rows.record_types import record_types
from amocrm_assets_tests.rows.days import field, lead, line


def reader() -> RecordReader:
    return RecordReader(record_types(LEADS, LEADS.table))


@pytest.mark.parametrize(
    ("sent", "unknown"),
    [
        (lead(1), set()),
        (lead(1, новое=1), {"новое"}),
        # Values that do not fit, and a record without a usable key, tell their properties, too.
        (lead(1, новое=1, price="много"), {"новое"}),
        (lead(1) | {"id": "x", "новое": 1}, {"новое"}),
    ],
)
def test_properties_that_no_column_declares_are_gathered(sent: dict[str, Any], unknown: set[str]) -> None:
    read = reader()
    read.read([line(lead(2)), line(sent)])
    assert read.unknown_properties == unknown


def test_a_line_that_is_not_json_has_no_record_and_a_note_at_its_place() -> None:
    records, notes = reader().read([line(lead(1)), b"no JSON", line(lead(3))])
    assert [each and each.id for each in records] == [1, None, 3]  # type: ignore[attr-defined]
    assert notes == {1: ["lead: a line that is not JSON"]}


def named(*names: str) -> list[bytes]:
    return [line(lead(1, custom_fields_values=[field("text", field_name=name)])) for name in names]


@pytest.mark.parametrize(("kept", "decoded"), [(20_000, 2), (2, 2), (1, 3), (0, 4)])
def test_a_name_of_a_field_is_decoded_once_unless_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch, kept: int, decoded: int
) -> None:
    monkeypatch.setattr(reading, "_MAX_NAMES", kept)
    times: list[bytes] = []
    decode = msgspec.json.decode

    def counted(sent: bytes, **more: Any) -> Any:
        times.append(sent)
        return decode(sent, **more)

    monkeypatch.setattr("msgspec.json.decode", counted)
    records, _ = reader().read(named("Город", "Теги", "Город", "Теги"))
    names = [each.custom_fields[0].field_name for each in records if each and each.custom_fields]
    assert names == ["Город", "Теги", "Город", "Теги"]
    assert len(times) == decoded
    assert set(times) == {json.dumps(name).encode() for name in names}
