from __future__ import annotations

import json
import re
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.captures import CaptureWriter
from amocrm_assets.entities import CALLS, EVENTS, LEADS, TASKS
from amocrm_assets.orchestration.metadata import BREAK
from amocrm_assets.orchestration.previews import capture_preview, shown
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.accounts import source
from amocrm_assets_tests.orchestration.conftest import LAST
from amocrm_assets_tests.rows.days import capture_header

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets_tests.orchestration.conftest import Pipeline

pytestmark = pytest.mark.slow

COLUMNS = ["id", "lead"]
# Characters of a word that the column of the page has room for.
MAX_WORD, MAX_ID_WORD = 24, 13
AT = 1_741_600_000


def previews_of(pipeline: Pipeline, *assets: str) -> list[dict[str, Any]]:
    """Metadata of the last day of assets, the rows of `leads` unless others are named."""
    pipeline.run(LAST)
    return [pipeline.materialised(asset)[LAST] for asset in assets or ("leads",)]


def rows_of(metadata: dict[str, Any]) -> list[dict[str, str]]:
    return [{name: str(value) for name, value in record.data.items()} for record in metadata["preview"].records]


def columns_of(metadata: dict[str, Any]) -> list[str]:
    return [column.name for column in metadata["preview"].schema.columns]


def newest_lead(pipeline: Pipeline) -> int:
    """The lead with the smallest id of those that a preview shows."""
    start, end = 1741554000, 1741640399
    return min(lead for lead, at in pipeline.sandbox.account.stamps().items() if start <= at <= end)


def test_a_preview_shows_some_rows_as_a_table(pipeline: Pipeline) -> None:
    (metadata,) = previews_of(pipeline)
    assert columns_of(metadata) == COLUMNS
    rows = rows_of(metadata)
    assert len(rows) == 5
    assert all(row.keys() == set(COLUMNS) for row in rows)
    assert rows[0]["id"] == str(newest_lead(pipeline))


def test_every_asset_has_a_preview_and_a_link_to_each_card(pipeline: Pipeline) -> None:
    for metadata in previews_of(pipeline, "raw_leads", "leads", "amoCrmLeads"):
        ids = [row["id"] for row in rows_of(metadata)]
        assert ids
        links = [f"[{lead}]({pipeline.source.url}/leads/detail/{lead})" for lead in ids]
        assert metadata["open_in_amocrm"] == " · ".join(links)


def test_times_of_a_preview_have_their_zone(pipeline: Pipeline) -> None:
    for metadata in previews_of(pipeline, "raw_leads", "leads", "amoCrmLeads"):
        assert all(re.search(rf"{LAST} \d\d:\d\d:\d\d MSK", str(row)) for row in rows_of(metadata))


def test_an_exact_number_has_no_zeros_that_say_nothing() -> None:
    rows = [{"id": 1, "price": Decimal("210000.000000000")}, {"id": 2, "price": Decimal("0E-9")}]
    rows.append({"id": 3, "price": Decimal("19.900000000")})
    preview = shown(LEADS, source(), ["price"], rows, lacking=())
    assert [row["lead"] for row in rows_of(preview)] == ["price 210000", "price 0", "price 19.9"]


def test_the_long_id_of_an_event_wraps_so_that_the_page_does_not_cut_the_event_off() -> None:
    preview = shown(
        EVENTS, source(), ["type"], [{"id": "17956412161044323809000000", "type": "lead_added"}], lacking=()
    )
    (row,) = rows_of(preview)
    assert [len(word) for word in row["id"].split(BREAK)] == [MAX_ID_WORD, MAX_ID_WORD]


def test_the_deadline_of_a_task_is_a_moment() -> None:
    rows = [{"id": 1, "complete_till": 1741640399}]
    preview = shown(TASKS, source(timezone="Europe/Moscow"), ["complete_till"], rows, lacking=())
    assert [row["task"] for row in rows_of(preview)] == ["complete_till 2025-03-10 23:59:59 MSK"]


@pytest.mark.parametrize("value", ["1741640399", 1741640399000, -1, 1.5, True, [], {"at": 1}, "soon"])
def test_what_is_no_time_is_shown_as_amocrm_sent_it(value: object) -> None:
    """A capture holds whatever was sent, and a preview must not fail the step that has just stored it."""
    preview = shown(TASKS, source(), ["complete_till"], [{"id": 1, "complete_till": value}], lacking=())
    assert [row["task"] for row in rows_of(preview)] == [f"complete_till {value}"]


def test_the_preview_of_captured_calls_shows_no_phone_and_nothing_twice(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    writer = CaptureWriter(CALLS, storage, capture_header())
    params = {"phone": "+7 999 000-11-22", "duration": 7, "call_status": 4}
    times = {"created_at": AT, "updated_at": AT}
    call = {"id": 5, "entity_id": 6, "entity_type": "leads", "note_type": "call_in", "params": params, **times}
    writer.add([json.dumps(call).encode()])
    (row,) = rows_of(capture_preview(CALLS, storage, source(), writer.publish().name))
    assert re.fullmatch(r"entity_id 6 · note_type call_in · created_at \S+ \S+ \S+", row["call"])


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        (rb'"A \ud83d B"', "A \ufffd B"),
        (b'"A \xd0 B"', "A \ufffd B"),
        (b'"A","deep":' + b"[" * 900 + b"]" * 900, "A"),
    ],
)
def test_text_that_is_no_unicode_and_deep_values_stop_no_preview(tmp_path: Path, name: bytes, seen: str) -> None:
    storage = open_storage(str(tmp_path))
    writer = CaptureWriter(LEADS, storage, capture_header())
    writer.add([b'{"id":7,"price":1,"name":' + name + b"}"])
    (row,) = rows_of(capture_preview(LEADS, storage, source(), writer.publish().name))
    assert seen in str(row)


def test_a_preview_begins_with_leads_of_which_something_is_known(pipeline: Pipeline) -> None:
    stubs: list[dict[str, object]] = [{"id": lead, "updated_at": 1741554000} for lead in range(1, 7)]
    whole: dict[str, object] = {"id": 7, "status_id": 142, "updated_at": 1741554000}
    columns = ["status_id", "updated_at"]

    def ids_of(rows: list[dict[str, object]]) -> list[str]:
        seen = shown(LEADS, pipeline.source, columns, rows, lacking=["status_id"])
        return [row["id"] for row in rows_of(seen)]

    assert ids_of([*stubs, whole]) == ["7"]
    assert ids_of(stubs) == ["1", "2", "3", "4", "5"]


def test_without_names_a_preview_holds_nothing_personal(pipeline: Pipeline) -> None:
    pipeline.sandbox.account.edit(newest_lead(pipeline), touch=False, name="Anna Example")
    pipeline.configure(import_lead_name=False)
    raw, rows, _ = previews_of(pipeline, "raw_leads", "leads", "amoCrmLeads")
    for metadata, price in ((rows, "sale"), (raw, "price")):
        expected = rf"status_id \d+ · {price} \d+ · updated_at \S+ \S+ MSK"
        assert all(re.fullmatch(expected, row["lead"]) for row in rows_of(metadata))
    everything = str([pipeline.materialised(asset) for asset in ("raw_leads", "leads", "amoCrmLeads")])
    assert "Anna Example" not in everything


def test_a_cell_is_one_line_that_wraps_and_shows_every_character(pipeline: Pipeline) -> None:
    pipeline.sandbox.account.edit(newest_lead(pipeline), touch=False, name="a | b\n\u202e" + "x" * 150)
    for metadata in previews_of(pipeline, "leads", "amoCrmLeads"):  # in the order of ids, unlike captures
        cell = rows_of(metadata)[0]["lead"]
        assert cell.replace(BREAK, "").startswith("a | b \\u202e" + "x" * 150)
        assert all(len(word) <= MAX_WORD for word in re.split(f"[ {BREAK}]", cell))


@pytest.mark.parametrize("asset", ["raw_leads", "leads", "amoCrmLeads"])
def test_a_day_without_leads_says_so(pipeline: Pipeline, asset: str) -> None:
    pipeline.configure(start_date="2001-01-01")
    pipeline.run("2001-01-01")
    assert pipeline.materialised(asset)["2001-01-01"]["preview"] == "No lead was updated on this day."


def test_a_long_range_opens_no_file_again_for_previews(pipeline: Pipeline) -> None:
    pipeline.configure(start_date="2001-01-01")
    last = date(2001, 1, 1) + timedelta(days=31)
    pipeline.run("2001-01-01", last.isoformat())
    assert "preview" not in pipeline.materialised("raw_leads")["2001-01-01"]
    assert "preview" not in pipeline.materialised("amoCrmLeads")["2001-01-01"]
