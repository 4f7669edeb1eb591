"""The document of the sandbox tells everything that can be asked of it."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

from amocrm_assets.sandbox import Fault, SandboxOptions
from amocrm_assets.sandbox.account.event_feed import KINDS as EVENT_KINDS
from amocrm_assets.sandbox.options import FaultKind

DOCUMENT = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")


def test_every_option_and_every_fault_is_documented() -> None:
    names = [each.name for each in (*fields(SandboxOptions), *fields(Fault)) if each.name != "_"]
    assert [name for name in (*names, *get_args(FaultKind)) if f"`{name}`" not in DOCUMENT] == []


def test_every_kind_of_event_is_documented() -> None:
    listed = DOCUMENT.partition("| records | events |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+_\w+)`", listed)) - {"value_before", "value_after"} == set(EVENT_KINDS)


def test_the_example_of_the_document_runs() -> None:
    example = DOCUMENT.rpartition("```python\n")[2].partition("```")[0]
    exec(compile(example, "docs/sandbox.md", "exec"), {})  # noqa: S102  # the document is ours
