from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Container
from datetime import date, timedelta, timezone
from hashlib import sha256
from os import urandom as random_bytes
from pathlib import Path

import psutil
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from amocrm_assets.captures import (
    CaptureWriter,
    capture_names,
    captures_by_day,
    captures_of_day,
    days_with_capture,
    open_capture,
    read_header,
)
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import StorageRefused
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets_tests.disks import small_disk
from amocrm_assets_tests.written_captures import (
    CAPTURED_AT,
    DAY,
    LINES,
    capture_header,
    captured,
    folder_storage,
    leads_in,
)

__all__ = ["folder_storage"]

DOCUMENT = Path(__file__).parents[1] / "docs" / "captures.md"


def test_leads_come_back_byte_for_byte_with_their_facts(storage: Storage) -> None:
    writer = CaptureWriter(LEADS, storage, capture_header())
    for lead in LINES:
        writer.add([lead])
    published = writer.publish()
    assert (published.records, published.size_bytes) == (3, Path(storage.uri(published.name)).stat().st_size)
    with open_capture(LEADS, storage, published.name) as capture:
        assert capture.header == capture_header()
        assert list(capture.records) == LINES


def test_a_capture_is_read_back_before_it_is_published(storage: Storage) -> None:
    writer = CaptureWriter(LEADS, storage, capture_header())
    writer.add(LINES)
    back = writer.read_back()
    assert (back.header, list(back.records)) == (capture_header(), LINES)
    assert leads_in(storage, writer.publish().name) == LINES


@pytest.mark.parametrize(("count", "members"), [(0, {1}), (2_000, {1}), (40_000, range(2, 20))])
def test_records_are_compressed_together_and_long_captures_in_parts(
    storage: Storage, count: int, members: Container[int]
) -> None:
    lines = [b'{"id":%07d}' % number for number in range(count)]
    content = Path(storage.uri(captured(storage, lines))).read_bytes()
    found = 0
    while content:
        unpack = zlib.decompressobj(31)
        unpack.decompress(content)
        content = unpack.unused_data
        found += 1
    assert found in members


def test_a_day_without_leads_has_a_capture_without_leads(storage: Storage) -> None:
    name = CaptureWriter(LEADS, storage, capture_header()).publish().name
    assert leads_in(storage, name) == []
    assert days_with_capture(LEADS, storage, "acme") == [DAY]


def test_the_name_is_the_time_in_utc_and_a_taken_one_gives_way_to_the_next(storage: Storage) -> None:
    moscow = CAPTURED_AT.astimezone(timezone(timedelta(hours=3)))
    names = [captured(storage, captured_at=moscow) for _ in range(3)]
    assert names == [
        f"captures/acme/leads/2026-01-01/20260102T003012.{microsecond}Z.jsonl.gz"
        for microsecond in (482113, 482114, 482115)
    ]
    assert capture_names(LEADS, storage, "acme", DAY) == names


@pytest.mark.parametrize("suffix", ["jsonl", "rows"])
def test_a_capture_sorts_after_the_newest_one_of_its_day_though_the_clock_was_set_back(
    storage: Storage, tmp_path: Path, suffix: str
) -> None:
    newest = CAPTURED_AT + timedelta(hours=1)
    taken = tmp_path / f"captures/acme/leads/2026-01-01/20260102T013012.482113Z.{suffix}.gz"
    taken.parent.mkdir(parents=True)
    taken.touch()
    for after, microsecond in ((newest, 482114), (newest - timedelta(days=1), 482113)):
        writer = CaptureWriter(LEADS, storage, capture_header(), after=after)
        assert writer.publish().name.endswith(f".{microsecond}Z.jsonl.gz")
    assert [each.captured_at for each in captures_of_day(LEADS, storage, "acme", DAY)] == [
        CAPTURED_AT,
        newest,
        newest + timedelta(microseconds=1),
    ]


def test_captures_are_found_by_account_and_day(storage: Storage) -> None:
    next_day = DAY + timedelta(days=1)
    late = captured(storage, captured_at=CAPTURED_AT + timedelta(days=9))
    early = captured(storage)
    other = captured(storage, day=next_day)
    captured(storage, subdomain="acme-eu", day=date(2026, 5, 5))
    assert capture_names(LEADS, storage, "acme", DAY) == [early, late]
    assert days_with_capture(LEADS, storage, "acme") == [DAY, next_day]
    found = captures_by_day(LEADS, storage, "acme")
    assert {day: [each.name for each in captures] for day, captures in found.items()} == {
        DAY: [early, late],
        next_day: [other],
    }
    assert found[next_day][0].captured_at == CAPTURED_AT
    assert days_with_capture(LEADS, storage, "nobody") == []


def test_files_with_other_names_are_no_captures(storage: Storage, tmp_path: Path) -> None:
    name = captured(storage)
    folder = (tmp_path / name).parent
    for stray in ("notes.txt", "copy.jsonl.gz", "20260102T003012.482113Z.jsonl.gz.bak"):
        (folder / stray).write_text("not ours")
    (folder.parent / "old").mkdir()
    (folder.parent / "old" / "20260102T003012.482113Z.jsonl.gz").write_text("not ours")
    assert capture_names(LEADS, storage, "acme", DAY) == [name]
    assert days_with_capture(LEADS, storage, "acme") == [DAY]


def test_nothing_is_seen_before_publishing_or_after_discarding(storage: Storage, tmp_path: Path) -> None:
    writer = CaptureWriter(LEADS, storage, capture_header())
    writer.add([b'{"id":1}'] * 100_000)
    assert storage.names("") == []
    assert any(path.is_file() for path in tmp_path.rglob("*"))
    writer.discard()
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


@pytest.mark.slow
def test_hundreds_of_captures_are_written_side_by_side_without_open_files(
    storage: Storage, tmp_path: Path
) -> None:
    days = [DAY + timedelta(days=number) for number in range(300)]
    writers = [CaptureWriter(LEADS, storage, capture_header(day=day)) for day in days]
    for writer in writers:
        writer.add([b'{"id":1}'])
    assert open_below(tmp_path) == []
    assert all(leads_in(storage, writer.publish().name) == [b'{"id":1}'] for writer in writers)
    assert open_below(tmp_path) == []


def open_below(folder: Path) -> list[str]:
    """Files that this process has open there; what other tests left open elsewhere does not matter."""
    return [file.path for file in psutil.Process().open_files() if Path(file.path).is_relative_to(folder)]


def test_a_lead_with_a_line_break_is_refused(storage: Storage) -> None:
    writer = CaptureWriter(LEADS, storage, capture_header())
    with pytest.raises(ValueError, match="line break"):
        writer.add([b'{\n"id":1}'])
    writer.discard()


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        capture_header(captured_at=CAPTURED_AT.replace(tzinfo=None))


def test_the_same_leads_give_the_same_bytes(tmp_path: Path) -> None:
    files = []
    for place in ("one", "other"):
        storage = open_storage(str(tmp_path / place))
        files.append(Path(storage.uri(captured(storage, LINES * 1000))).read_bytes())
    assert files[0] == files[1]


def test_the_file_is_what_its_document_says(storage: Storage) -> None:
    lines = gzip.decompress(Path(storage.uri(captured(storage))).read_bytes()).split(b"\n")
    head, *leads, last, after = lines
    document = DOCUMENT.read_text()
    header_table = document.partition("The header's properties, in this order:")[2].partition("Look into")[0]
    documented = [
        key for row in re.findall(r"^\| (`.*?) \|", header_table, re.MULTILINE) for key in row.split(", ")
    ]
    # Some captures have more: those of runs, and those of which something is dropped or forgotten.
    more = {"`run_id`", "`privacy`", "`forgotten`", "`stands_for`", "`tells_findings`"}
    assert [f"`{key}`" for key in json.loads(head)] == [key for key in documented if key not in more]
    assert more < set(documented)
    assert json.loads(head)["amocrm_assets_capture"] == 1
    assert "version of this format: `1`" in document
    assert leads == LINES
    assert last.decode() == json.dumps(
        {"leads": 3, "sha256": sha256(b"\n".join([head, *leads, b""])).hexdigest()}, separators=(",", ":")
    )
    assert after == b""
    assert "`captures/acme/leads/2026-01-01/20260102T003012.482113Z.jsonl.gz`" in document
    assert capture_names(LEADS, storage, "acme", DAY) == [
        "captures/acme/leads/2026-01-01/20260102T003012.482113Z.jsonl.gz"
    ]


@pytest.mark.slow
@given(leads=st.lists(st.binary(max_size=40).filter(lambda lead: b"\n" not in lead)))
@example(leads=[b"", b"\r", b"\x00", b'{"leads":0,"sha256":""}'])
def test_any_bytes_without_a_line_break_come_back(
    tmp_path_factory: pytest.TempPathFactory, leads: list[bytes]
) -> None:
    storage = open_storage(str(tmp_path_factory.mktemp("captures")))
    assert leads_in(storage, captured(storage, leads)) == leads


def test_a_full_disk_stops_the_writing_and_leaves_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path) as disk:
        storage = open_storage(str(disk))
        kept = captured(storage)
        writer = CaptureWriter(LEADS, storage, capture_header(day=DAY + timedelta(days=1)))
        with pytest.raises(StorageRefused, match="No space left"):
            writer.add(random_bytes(1000).replace(b"\n", b"") for _ in range(5000))
        writer.discard()
        assert [path for path in disk.rglob("*") if path.is_file()] == [disk / kept]
        assert leads_in(storage, kept) == LINES


def test_a_capture_tells_the_run_that_read_it_and_older_ones_are_read_without(storage: Storage) -> None:
    named, plain = captured(storage, run_id="run-1"), captured(storage)
    assert [read_header(LEADS, storage, name).run_id for name in (named, plain)] == ["run-1", None]
    with storage.as_local_path(plain) as path:
        assert b"run_id" not in gzip.decompress(path.read_bytes()).splitlines()[0]


def test_equal_custom_fields_of_open_captures_are_held_once(storage: Storage) -> None:
    fields = [{"id": number, "name": "Поле"} for number in range(1000)]
    names = [captured(storage, fields=fields), captured(storage, fields=fields), captured(storage)]
    with (
        open_capture(LEADS, storage, names[0]) as one,
        open_capture(LEADS, storage, names[1]) as same,
        open_capture(LEADS, storage, names[2]) as other,
    ):
        assert one.header.fields is same.header.fields
        assert one.header.fields == fields
        assert other.header.fields == capture_header().fields
