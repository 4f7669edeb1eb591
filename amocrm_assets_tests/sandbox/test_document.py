"""The document of the sandbox tells everything that can be asked of it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import get_args

from amocrm_assets.sandbox import Fault, SandboxOptions
from amocrm_assets.sandbox.options import FaultKind

DOCUMENT = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")


def test_every_option_and_every_fault_is_documented() -> None:
    names = [each.name for each in (*fields(SandboxOptions), *fields(Fault)) if each.name != "_"]
    assert [name for name in (*names, *get_args(FaultKind)) if f"`{name}`" not in DOCUMENT] == []


def test_the_example_of_the_document_runs() -> None:
    example = DOCUMENT.rpartition("```python\n")[2].partition("```")[0]
    exec(compile(example, "docs/sandbox.md", "exec"), {})  # noqa: S102  # the document is ours
