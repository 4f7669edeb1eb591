"""A rows file is believed only if it is, bit for bit, what was written."""

from __future__ import annotations

import random
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import InternalError, RowsDamaged
from amocrm_assets.rows import read_rows, rows_name, write_rows
from amocrm_assets.rows.seal import NAME, broken_seal, seal, sealed_file, sealed_path
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets_tests.rows.days import DAY, field, keep, lead, rewrite_rows, source


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    storage = open_storage(str(tmp_path))
    # A text that looks like the place of a digest is in the data, and as a bound in the footer.
    texts = [f"{NAME}\x18\x40{'0' * 64}", "Сделка"]
    leads = [
        lead(number, name=texts[number % 2], custom_fields_values=[field("text", {"value": texts[number % 2]})])
        for number in range(40)
    ]
    keep(storage, leads)
    write_rows(LEADS, storage, source(), DAY)
    return storage


@pytest.fixture
def path(storage: Storage) -> Path:
    return Path(storage.uri(rows_name(LEADS.table, "acme", DAY)))


def test_a_file_as_it_was_written_is_whole_and_holds_its_digest(path: Path) -> None:
    assert broken_seal(path) is None
    kept = pq.read_metadata(path).metadata[NAME.encode()]
    content = path.read_bytes()
    assert sha256(content.replace(kept, b"0" * 64)).hexdigest().encode() == kept


@pytest.mark.slow
def test_every_flipped_bit_is_refused(storage: Storage, path: Path) -> None:
    """One bit of each byte of the file, and all bits of some bytes."""
    content = path.read_bytes()
    chance = random.Random(1)
    bits = [8 * at + chance.randrange(8) for at in range(len(content))]
    bits += [8 * at + bit for at in chance.sample(range(len(content)), 50) for bit in range(8)]
    for bit in bits:
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        assert broken_seal(path) is not None, f"bit {bit}"
    with pytest.raises(RowsDamaged):
        read_rows(LEADS.table, storage, "acme", [DAY])
    path.write_bytes(content)
    assert len(read_rows(LEADS.table, storage, "acme", [DAY])) == 40


def test_every_cut_and_every_added_byte_is_refused(path: Path) -> None:
    content = path.read_bytes()
    for end in range(0, len(content), 7):
        path.write_bytes(content[:end])
        assert broken_seal(path) is not None
    for other in (content + b"\0", b"\0" + content, content + content):
        path.write_bytes(other)
        assert broken_seal(path) is not None


def test_a_damaged_day_is_named_with_its_fix_and_made_again_from_captures(storage: Storage, path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\0" + content[101:])
    with pytest.raises(RowsDamaged) as caught:
        read_rows(LEADS.table, storage, "acme", [DAY])
    assert str(path) in caught.value.cause
    assert f"Materialise `leads` for {DAY} again" in caught.value.fix
    write_rows(LEADS, storage, source(), DAY)
    assert path.read_bytes() == content


def test_a_file_of_an_older_version_which_kept_no_digest_is_refused(storage: Storage, path: Path) -> None:
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    with pytest.raises(RowsDamaged, match="an older version wrote it"):
        read_rows(LEADS.table, storage, "acme", [DAY])


def test_a_file_larger_than_a_chunk_is_digested_whole(
    storage: Storage, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for chunk_bytes in (1, 63, 64, 1000):
        monkeypatch.setattr("amocrm_assets.rows.seal._CHUNK_BYTES", chunk_bytes)
        assert broken_seal(path) is None
    rewrite_rows(path, pq.read_table(path))
    assert len(read_rows(LEADS.table, storage, "acme", [DAY])) == 40


def test_a_file_without_a_place_for_the_digest_is_a_defect(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no parquet")
    with pytest.raises(InternalError):
        seal(tmp_path / "file")


PLACE = f"{NAME}\x18\x40".encode() + b"0" * 64


def ended(footer: bytes, *, before: bytes = b"", told_bytes: int | None = None) -> bytes:
    told = len(footer) if told_bytes is None else told_bytes
    return before + footer + told.to_bytes(4, "little") + b"PAR1"


@pytest.mark.parametrize(
    "content",
    [
        ended(PLACE, before=b"data"),
        ended(PLACE),
        ended(PLACE + b"x" * (1 << 24), before=b"data"),
    ],
    ids=["the footer begins with it", "all is footer", "a footer of 16 MB"],
)
def test_the_place_of_the_digest_may_be_anywhere_in_the_footer(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "written.parquet"
    path.write_bytes(content)
    seal(path)
    assert broken_seal(path) is None


@pytest.mark.parametrize(
    "content",
    [
        ended(PLACE[:-60], before=b"data"),
        ended(PLACE[:-8], before=b"data"),
        ended(PLACE[:-1], before=b"data"),
        ended(PLACE, told_bytes=len(PLACE) + 8),
        ended(PLACE, told_bytes=10**9),
        ended(b""),
        b"PAR1",
        b"",
    ],
    ids=[
        "it is cut",
        "it reaches to the end of the file",
        "it lacks a character",
        "the footer is too long",
        "the footer is far too long",
        "no footer",
        "magic alone",
        "empty",
    ],
)
def test_a_file_without_a_place_for_the_digest_has_no_checksum(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "written.parquet"
    path.write_bytes(content)
    assert "no checksum" in str(broken_seal(path))


def test_a_file_that_is_missing_or_damaged_is_none_to_read_from(storage: Storage, path: Path) -> None:
    name = rows_name(LEADS.table, "acme", DAY)
    with sealed_path(storage, name) as found:
        assert found == path
    path.write_bytes(path.read_bytes().replace(b"PAR1", b"PAR2", 1))
    for each in (name, "rows/acme/nothing.parquet"):
        with sealed_path(storage, each) as found:
            assert found is None


def test_a_file_that_is_missing_for_the_reader_is_the_readers_error(storage: Storage) -> None:
    with pytest.raises(FileNotFoundError, match="another"), sealed_path(storage, "rows/acme/nothing.parquet"):
        raise FileNotFoundError("another")


def test_a_file_whose_writing_fails_leaves_the_one_before(storage: Storage, path: Path) -> None:
    schema = pa.schema([pa.field("id", pa.int64())])

    def write_in_part() -> None:
        with sealed_file(storage, rows_name(LEADS.table, "acme", DAY), schema) as writer:
            writer.write_table(pa.table({"id": [1]}, schema=schema))
            raise ZeroDivisionError

    content, files = path.read_bytes(), sorted(path.parent.iterdir())
    with pytest.raises(ZeroDivisionError):
        write_in_part()
    assert path.read_bytes() == content
    assert sorted(path.parent.iterdir()) == files
