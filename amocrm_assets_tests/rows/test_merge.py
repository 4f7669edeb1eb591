from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.rows import latest, merge
from amocrm_assets.rows.reading import RecordReader
from amocrm_assets_tests.rows.days import (
    UPDATED_AT,
    field,
    lead,
    line,
    merged,
    oddities_of,
    rows_in,
    rows_of,
    stub,
)

Version = dict[str, Any]


def at(seconds: int, **properties: Any) -> Version:
    """A version of lead 1 that was updated so many seconds into the day."""
    return lead(1, updated_at=UPDATED_AT + seconds, **properties)


def only(*captures: list[Version]) -> Version:
    (row,) = rows_of(*captures)
    return row


def test_a_day_without_leads_has_no_rows() -> None:
    assert rows_of([]) == []
    assert rows_of([], []) == []


def test_rows_are_sorted_by_id() -> None:
    assert [row["id"] for row in rows_of([lead(number) for number in (5, -3, 9, 1)])] == [-3, 1, 5, 9]


def test_the_version_updated_last_wins_in_whatever_capture_it_is() -> None:
    assert only([at(5, name="new")], [at(3, name="old")])["name"] == "new"
    assert only([at(3, name="old")], [at(5, name="new")])["name"] == "new"


def test_of_equally_old_versions_the_later_capture_wins_and_within_one_the_later_line() -> None:
    assert only([at(5, name="first")], [at(5, name="second")])["name"] == "second"
    assert only([at(5, name="first"), at(5, name="second")])["name"] == "second"
    assert only([at(5, name="a"), at(5, name="b")], [at(4, name="c")])["name"] == "b"


def test_a_lead_that_only_an_older_capture_has_stays() -> None:
    assert [row["id"] for row in rows_of([lead(1), lead(2)], [lead(2)], [])] == [1, 2]


def test_a_deleted_lead_keeps_its_columns_and_says_since_when() -> None:
    filled = at(5, name="Сделка", price=7, custom_fields_values=[field("text", {"value": "x"})])
    row = only([filled], [stub(1, updated_at=UPDATED_AT + 9, updated_by=33)])
    assert row == only([filled]) | {"is_deleted": True, "updated_at": UPDATED_AT + 9}


def test_a_lead_is_deleted_by_a_stub_as_old_as_its_last_version() -> None:
    assert only([at(5), stub(1, updated_at=UPDATED_AT + 5)])["is_deleted"] is True
    assert only([stub(1, updated_at=UPDATED_AT + 5), at(5)])["is_deleted"] is False


def test_a_restored_lead_is_not_deleted() -> None:
    row = only([at(5)], [stub(1, updated_at=UPDATED_AT + 6)], [at(7, name="restored")])
    assert (row["is_deleted"], row["name"]) == (False, "restored")


def test_a_stub_of_a_lead_that_nobody_knows_is_a_row_of_nulls() -> None:
    row = only([stub(1, updated_by=33)])
    filled = {name: value for name, value in row.items() if value not in (None, [])}
    assert filled == {
        "id": 1,
        "updated_at": UPDATED_AT,
        "updated_by": 33,
        "is_deleted": True,
        "account_id": 31_000_001,
    }


def test_a_deleted_lead_with_all_its_columns_is_a_version_like_others() -> None:
    assert only([at(5, name="old")], [at(6, name="new", is_deleted=True)])["name"] == "new"


def test_versions_without_a_time_are_older_than_all_others() -> None:
    undated = at(0, name="undated") | {"updated_at": None}
    assert only([at(5, name="dated")], [undated])["name"] == "dated"
    assert only([undated])["name"] == "undated"
    assert oddities_of([undated]) == {"updated_at: not an integer": 1}
    row = only([undated], [stub(1) | {"updated_at": None}])
    assert (row["is_deleted"], row["updated_at"], row["name"]) == (True, None, "undated")


def test_names_are_null_when_the_source_does_not_import_them() -> None:
    assert only([at(5)])["name"] == "Сделка 1"
    (row,) = rows_of([at(5)], import_lead_name=False)
    assert row["name"] is None


def test_only_the_versions_that_became_rows_count_as_odd() -> None:
    odd = {"price": "много"}
    assert oddities_of([at(5, **odd), at(6)], [at(4, **odd)]) == {}
    rows = merged([lead(8, **odd), lead(4, **odd), at(3, **odd)], [stub(8, updated_at=UPDATED_AT + 1)])
    ((kind, count, example),) = [(oddity.kind, oddity.count, oddity.example) for oddity in rows.oddities]
    assert (kind, count, example) == ("sale: text instead of an integer", 3, "1")


VERSIONS = st.builds(
    lambda number, seconds, gone, name: (
        stub(number, updated_at=UPDATED_AT + seconds)
        if gone
        else lead(number, updated_at=UPDATED_AT + seconds, name=name)
    ),
    number=st.integers(1, 4),
    seconds=st.integers(0, 3),
    gone=st.booleans(),
    name=st.sampled_from("abcdef"),
)
CAPTURES = st.lists(st.lists(VERSIONS, max_size=6), max_size=4)


@pytest.mark.slow
@given(captures=CAPTURES)
def test_no_id_is_ever_lost_and_each_is_there_once(captures: list[list[Version]]) -> None:
    assert [row["id"] for row in rows_of(*captures)] == sorted(
        {each["id"] for leads in captures for each in leads}
    )


@given(captures=CAPTURES)
def test_the_merge_is_what_the_rule_says_one_version_after_the_other(captures: list[list[Version]]) -> None:
    by_id: dict[int, list[Version]] = {}
    for version in (version for leads in captures for version in leads):
        by_id.setdefault(version["id"], []).append(version)
    for row in rows_of(*captures):
        # sorted() is stable: of equally old versions the one that came later stays behind.
        versions = sorted(by_id[row["id"]], key=lambda version: version["updated_at"])
        full = [version for version in versions if not version["is_deleted"]]
        assert row["updated_at"] == versions[-1]["updated_at"]
        assert row["is_deleted"] == versions[-1]["is_deleted"]
        assert row["name"] == (full[-1]["name"] if full else None)


@pytest.mark.slow
@given(captures=CAPTURES, seed=st.integers())
def test_the_order_of_different_leads_does_not_matter(captures: list[list[Version]], seed: int) -> None:
    shuffled = [random.Random(seed).sample(leads, len(leads)) for leads in captures]
    # LatestVersions of one lead keep their order; leads change places.
    regrouped = [
        [leads[place] for number in {each["id"]: None for each in mixed} for place in places(leads, number)]
        for leads, mixed in zip(captures, shuffled, strict=True)
    ]
    assert rows_of(*captures) == rows_of(*regrouped)


def places(leads: list[Version], number: int) -> list[int]:
    return [place for place, each in enumerate(leads) if each["id"] == number]


@pytest.mark.slow
@given(captures=CAPTURES)
def test_a_capture_read_twice_changes_nothing(captures: list[list[Version]]) -> None:
    if captures:
        assert rows_of(*captures, captures[-1]) == rows_of(
            *captures[:-1], captures[-1], captures[-1], captures[-1]
        )


@pytest.mark.parametrize(
    ("lengths", "chunks"),
    [
        ([], []),
        ([1] * 7, [[1, 1, 1], [1, 1, 1], [1]]),
        ([5, 5, 5, 5, 12, 1], [[5, 5], [5, 5], [12], [1]]),
        ([5, 4, 1, 5, 4, 1], [[5, 4, 1], [5, 4, 1]]),
    ],
)
def test_lines_are_decoded_so_many_or_so_many_bytes_at_once(
    monkeypatch: pytest.MonkeyPatch, lengths: list[int], chunks: list[list[int]]
) -> None:
    monkeypatch.setattr(merge, "_LINES", 3)
    monkeypatch.setattr(merge, "_LINES_BYTES", 10)
    found = merge.chunks(b"x" * length for length in lengths)
    assert [[len(line) for line in chunk] for chunk in found] == chunks


def test_rows_are_the_same_however_they_are_cut_into_batches_and_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = random.Random(1).sample(range(1000), 500)
    leads = [
        lead(number, custom_fields_values=[field("text", {"value": "x" * (number % 50)})]) for number in numbers
    ]
    stubs = [stub(number, updated_at=UPDATED_AT + 1) for number in numbers[::7]]
    whole = rows_of(leads, stubs)
    monkeypatch.setattr(merge, "_LINES", 3)
    monkeypatch.setattr(latest, "_BATCH_RECORDS", 7)
    monkeypatch.setattr(latest, "_KEPT_RECORDS", 20)
    monkeypatch.setattr("amocrm_assets.rows.day_rows._GROUP_BYTES", 100_000)
    small = merged(leads, stubs)
    assert len(list(small.tables())) > 10
    assert rows_in(small) == whole


@pytest.mark.slow
def test_leads_of_many_fields_are_decoded_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    read = RecordReader.read

    def counting(self: RecordReader, lines: Sequence[bytes]) -> Any:
        sizes.append(sum(map(len, lines)))
        return read(self, lines)

    monkeypatch.setattr(RecordReader, "read", counting)
    many = [field("text", {"value": "x"}, field_id=number) for number in range(2_000)]
    longest = len(line(lead(1, custom_fields_values=many)))
    assert len(rows_of([lead(number, custom_fields_values=many) for number in range(60)])) == 60
    assert max(sizes) < merge._LINES_BYTES + longest  # noqa: SLF001
