from __future__ import annotations

import gzip
import json
import re
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from hashlib import sha256
from os import urandom as random_bytes
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from amocrm_assets.captures import (
    CaptureHeader,
    CaptureWriter,
    ReadingFinding,
    capture_names,
    captures_by_day,
    days_with_capture,
    open_capture,
    read_findings,
    read_header,
)
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import CaptureDamaged, StorageRefused
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets_tests.disks import small_disk

DAY = date(2026, 1, 1)
CAPTURED_AT = datetime(2026, 1, 2, 0, 30, 12, 482113, tzinfo=UTC)
LINES = [b'{"id":1,"name":"\\u0421"}', '{ "id": 2,\t"name": "Сделка" }'.encode(), b"{}"]
DOCUMENT = Path(__file__).parents[1] / "docs" / "captures.md"


def capture_header(**changed: Any) -> CaptureHeader:
    known: dict[str, Any] = {
        "subdomain": "acme",
        "day": DAY,
        "from_at": 1767214800,
        "to_at": 1767301199,
        "timezone": "Europe/Moscow",
        "captured_at": CAPTURED_AT,
        "account_id": 31_000_001,
        "fields": [{"id": 5, "name": "Город", "is_predefined": False, "enums": None}],
    }
    return CaptureHeader(**known | changed)


def captured(storage: Storage, leads: list[bytes] = LINES, **changed: Any) -> str:
    """Name of a capture with these leads."""
    writer = CaptureWriter(LEADS, storage, capture_header(**changed))
    writer.add(leads)
    return writer.publish().name


def leads_in(storage: Storage, name: str) -> list[bytes]:
    with open_capture(LEADS, storage, name) as capture:
        return list(capture.records)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(str(tmp_path))


def test_leads_come_back_byte_for_byte_with_their_facts(storage: Storage) -> None:
    writer = CaptureWriter(LEADS, storage, capture_header())
    for lead in LINES:
        writer.add([lead])
    published = writer.publish()
    assert (published.records, published.size_bytes) == (3, Path(storage.uri(published.name)).stat().st_size)
    with open_capture(LEADS, storage, published.name) as capture:
        assert capture.header == capture_header()
        assert list(capture.records) == LINES


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


def test_a_newer_format_is_refused_with_the_advice_to_upgrade(storage: Storage) -> None:
    name = captured(storage)
    rewritten(storage, name, lambda text: text.replace(b'_capture":1,', b'_capture":2,'))
    with pytest.raises(CaptureDamaged, match="pip install --upgrade amocrm-assets"):
        leads_in(storage, name)


def test_a_capture_in_the_folder_of_another_day_is_refused(storage: Storage, tmp_path: Path) -> None:
    name = captured(storage)
    moved = name.replace("2026-01-01", "2026-01-02")
    (tmp_path / moved).parent.mkdir()
    (tmp_path / name).rename(tmp_path / moved)
    with pytest.raises(CaptureDamaged, match="it was written for captures/acme/leads/2026-01-01"):
        leads_in(storage, moved)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no gzip",
        gzip.compress(b"", mtime=0),
        gzip.compress(b"\n", mtime=0),
        gzip.compress(b'{"leads":0,"sha256":""}\n', mtime=0),
        gzip.compress(b'{"leads":-1,"sha256":"%s"}\n' % sha256().hexdigest().encode(), mtime=0),
        gzip.compress(b'["amocrm_assets_capture"]\n{}\n', mtime=0),
        gzip.compress(b'{"amocrm_assets_capture":1}\n{}\n', mtime=0),
    ],
)
def test_what_is_no_capture_is_refused_with_its_name(storage: Storage, content: bytes) -> None:
    name = captured(storage)
    Path(storage.uri(name)).write_bytes(content)
    with pytest.raises(CaptureDamaged, match=re.escape(name)):
        leads_in(storage, name)


def test_a_lead_lost_or_added_or_changed_is_noticed(storage: Storage) -> None:
    name = captured(storage)
    whole = Path(storage.uri(name)).read_bytes()
    for old, new in ((b"{}\n", b""), (b"{}\n", b"{}\n{}\n"), (b'"id":1', b'"id":7')):
        rewritten(storage, name, lambda text, old=old, new=new: text.replace(old, new))
        with pytest.raises(CaptureDamaged):
            leads_in(storage, name)
        Path(storage.uri(name)).write_bytes(whole)


def rewritten(storage: Storage, name: str, change: Any) -> None:
    path = Path(storage.uri(name))
    path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()))))


@pytest.fixture(scope="module")
def whole_capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture of several gzip members."""
    storage = open_storage(str(tmp_path_factory.mktemp("captures")))
    leads = [
        b'{"id":%d,"noise":"%s"}' % (number, sha256(b"%d" % number).hexdigest().encode()) for number in range(4000)
    ]
    return Path(storage.uri(captured(storage, leads)))


@pytest.mark.slow
@given(data=st.data())
def test_a_damaged_file_gives_exactly_what_was_written_or_is_refused(
    whole_capture: Path, data: st.DataObject
) -> None:
    whole = whole_capture.read_bytes()
    storage = open_storage(str(whole_capture.parents[4]))
    name = whole_capture.relative_to(whole_capture.parents[4]).as_posix()
    place = data.draw(st.integers(0, len(whole) - 1))
    damage = data.draw(st.sampled_from(["cut off", "bit", "hole", "doubled", "zeros behind"]))
    damaged = {
        "cut off": whole[:place],
        "bit": whole[:place] + bytes([whole[place] ^ 1 << data.draw(st.integers(0, 7))]) + whole[place + 1 :],
        "hole": whole[:place] + whole[place + data.draw(st.integers(1, 1000)) :],
        "doubled": whole[:place] + whole,
        "zeros behind": whole + bytes(place % 1000),
    }[damage]
    written = leads_in(storage, name)
    whole_capture.write_bytes(damaged)
    with suppress(CaptureDamaged):
        assert leads_in(storage, name) == written
    whole_capture.write_bytes(whole)


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


def test_a_header_is_read_though_the_lines_behind_it_are_damaged(storage: Storage) -> None:
    name = captured(storage, [random_bytes(300_000).hex().encode()])
    with storage.as_local_path(name) as path:
        path.write_bytes(path.read_bytes()[:1000])
    assert read_header(LEADS, storage, name) == replace(capture_header(), fields=[])


UNPROVEN = ReadingFinding(
    record_list="leads", kind="only_deleted_ignored", may_miss=True, cause="сделки в корзине не видны", fix="Wait."
)


@pytest.mark.parametrize("findings", [(), (UNPROVEN, replace(UNPROVEN, kind="filters_ignored", may_miss=False))])
@pytest.mark.parametrize("lines", [[], LINES, [random_bytes(400).hex().encode() for _ in range(2_000)]])
def test_what_a_reading_could_not_prove_is_told_by_the_last_line_alone(
    storage: Storage, lines: list[bytes], findings: tuple[ReadingFinding, ...]
) -> None:
    writer = CaptureWriter(LEADS, storage, capture_header(tells_findings=True))
    writer.add(lines)
    name = writer.publish(findings).name

    assert read_findings(storage, name) == findings
    assert leads_in(storage, name) == lines
    assert read_header(LEADS, storage, name).tells_findings is True
    last = gzip.decompress(Path(storage.uri(name)).read_bytes()).split(b"\n")[-2]
    assert ("findings" in json.loads(last)) == bool(findings)


def test_the_last_line_is_found_behind_what_looks_like_a_beginning_and_behind_a_member_beyond_the_tail(
    storage: Storage, tmp_path: Path
) -> None:
    name = captured(storage, [random_bytes(700_000).hex().encode()])  # one member, larger than the tail
    assert read_findings(storage, name) == ()
    text = gzip.decompress((tmp_path / name).read_bytes())
    lines = text.split(b"\n")
    lines[1] = b"\x1f\x8b\x08\x00" * 100  # what a member begins with, in a stream that is stored as it is
    (tmp_path / name).write_bytes(gzip.compress(b"\n".join(lines), 0, mtime=0))
    assert read_findings(storage, name) == ()


@pytest.mark.parametrize(
    "lines", [LINES, [b'{"id":"%s"}' % random_bytes(400).hex().encode() for _ in range(2_000)]]
)
def test_a_capture_without_its_end_tells_no_findings(storage: Storage, tmp_path: Path, lines: list[bytes]) -> None:
    name = captured(storage, lines)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:-5])
    with pytest.raises(CaptureDamaged):
        read_findings(storage, name)
    rewritten(
        storage, name := captured(storage), lambda text: text.replace(b'"sha256":', b'"findings":[7],"sha256":')
    )
    with pytest.raises(CaptureDamaged, match="names no findings"):
        read_findings(storage, name)
