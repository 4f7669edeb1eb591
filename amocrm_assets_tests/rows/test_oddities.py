"""Which notes are counted as oddities, and which example they get."""

from __future__ import annotations

from amocrm_assets.rows.oddities import Oddity, OddityCounter


def test_only_notes_of_picked_versions_are_counted_with_the_smallest_record_as_example() -> None:
    notes = OddityCounter()
    for version in (3, 1, 2):
        notes.of_version(version, ["b", "a"] if version == 1 else ["b"])
    assert notes.counted({1: 50, 2: 40}) == (Oddity("a", 1, "50"), Oddity("b", 2, "40"))
    assert notes.counted({3: 7}, "lead {}".format) == (Oddity("b", 1, "lead 7"),)
    assert notes.counted({}) == ()


def test_all_lines_without_a_version_are_counted_with_the_first_one_as_example() -> None:
    notes = OddityCounter()
    for line in ("line 9", "line 5", "line 7"):
        notes.of_line(line, ["z"])
    notes.of_version(1, ["y"])
    assert notes.counted({1: 1}) == (Oddity("y", 1, "1"), Oddity("z", 3, "line 9"))
