"""Which days of a step are read again. For the whole step see `test_days_again` and `test_materialising`."""

from __future__ import annotations

import pytest

from amocrm_assets.orchestration.reading_step import is_read_again


@pytest.mark.parametrize(
    ("days", "read_again", "expected"),
    [(1, None, True), (2, None, False), (1, False, False), (2, True, True)],
)
def test_a_single_day_is_read_again_unless_the_run_says_otherwise(
    days: int, *, read_again: bool | None, expected: bool
) -> None:
    assert is_read_again(days, read_again=read_again) == expected
