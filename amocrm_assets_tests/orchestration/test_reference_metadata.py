"""Metadata of a reading of the reference lists."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from amocrm_assets.orchestration.reference_metadata import reading_metadata


@pytest.mark.parametrize(
    ("findings", "shown"),
    [
        ([], "none"),
        (
            [("It is odd.", "Ask."), ("It is old.", "Wait.")],
            "List of tags: It is odd. Ask.\nList of tags: It is old. Wait.",
        ),
    ],
)
def test_findings_are_lines_with_cause_and_fix_and_seconds_have_three_digits(
    findings: list[tuple[str, str]], shown: str
) -> None:
    found = [SimpleNamespace(cause=cause, fix=fix) for cause, fix in findings]
    read: Any = SimpleNamespace(
        capture=SimpleNamespace(records=5, name="a.jsonl.zst", size_bytes=77),
        lists=[SimpleNamespace(name="tags", findings=found, records=5, outcome="read", is_complete=True)],
        requests=3,
        seconds=1.23456,
    )
    storage: Any = SimpleNamespace(uri=lambda name: f"file:///data/{name}")
    made = reading_metadata(storage, read)
    assert (made["findings"], made["seconds"], made["dagster/row_count"]) == (shown, 1.235, 5)
    assert made["capture"].value == "file:///data/a.jsonl.zst"
