"""docs/guarantees.md names tests; all of them exist, and every test of this folder is named there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
DOCUMENT = (TESTS.parent / "docs" / "guarantees.md").read_text(encoding="utf-8")


def defined_in(folder: Path) -> set[str]:
    """Names of the test functions below a folder."""
    texts = (file.read_text(encoding="utf-8") for file in folder.rglob("test_*.py"))
    return {name for text in texts for name in re.findall(r"^def (test_\w+)", text, re.MULTILINE)}


def test_every_test_that_the_document_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", DOCUMENT))
    assert len(named) > 20
    assert named <= defined_in(TESTS)


def test_every_proof_of_this_folder_is_named_in_the_document() -> None:
    proofs = {name for name in defined_in(Path(__file__).parent) if not name.startswith("test_every_")}
    assert proofs <= set(re.findall(r"`(test_\w+)`", DOCUMENT))
