"""Captures that are damaged, of another format, or end too early are refused, or give what was written."""

from __future__ import annotations

import gzip
import json
import re
import tracemalloc
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from os import urandom as random_bytes
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.captures import (
    CaptureWriter,
    ReadingFinding,
    read_findings,
    read_header,
)
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import CaptureDamaged
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets_tests.written_captures import LINES, capture_header, captured, folder_storage, leads_in

__all__ = ["folder_storage"]


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


@pytest.mark.parametrize("offset", [-2, -1, 0, 1, 2])
def test_a_record_without_bytes_is_read_wherever_the_file_is_divided_for_reading(
    storage: Storage, offset: int
) -> None:
    chunk_bytes = 64 * 1024
    head = gzip.decompress(Path(storage.uri(captured(storage, []))).read_bytes()).index(b"\n") + 1
    lines = [b"x" * (chunk_bytes - head - 1 + offset), b"", b""]
    assert leads_in(storage, captured(storage, lines)) == lines


def test_the_last_line_of_a_long_capture_is_found_with_little_memory(storage: Storage, tmp_path: Path) -> None:
    name = captured(storage)
    whole = (tmp_path / name).read_bytes()
    with (tmp_path / name).open("wb") as file:
        file.seek(32 * 1024 * 1024)  # instead of records, which are not looked at
        file.write(whole)
    read_findings(storage, captured(storage))  # what is imported on first use needs memory, too
    tracemalloc.start()
    try:
        assert read_findings(storage, name) == ()
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_an_empty_file_tells_no_findings(storage: Storage, tmp_path: Path) -> None:
    name = captured(storage)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(CaptureDamaged, match="no last line"):
        read_findings(storage, name)


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
