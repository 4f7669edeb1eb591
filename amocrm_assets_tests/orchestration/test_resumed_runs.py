"""Which runs a run goes on from: their captures are its own. For the whole pipeline see `test_days_again`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from amocrm_assets.orchestration.names import RESUMES
from amocrm_assets.orchestration.steps import runs_resumed


@pytest.mark.parametrize(
    ("runs", "resumed"),
    [
        ({"a": ("true", None)}, {"a"}),
        ({"a": ("true", "b"), "b": ("true", "c"), "c": (None, "d"), "d": (None, None)}, {"a", "b", "c"}),
        ({"a": (None, "b"), "b": (None, None)}, {"a"}),
        ({"a": ("false", "b"), "b": (None, None)}, {"a"}),
        ({"a": ("true", "gone")}, {"a"}),
        ({"a": ("true", "b"), "b": ("true", "a")}, {"a", "b"}),
    ],
)
def test_a_run_goes_on_from_the_failed_ones_that_it_resumes(
    runs: dict[str, tuple[str | None, str | None]], resumed: set[str]
) -> None:
    """A parent that was deleted, or a circle of parents, ends the search."""
    found = {
        name: SimpleNamespace(run_id=name, tags={RESUMES: tag} if tag else {}, parent_run_id=parent)
        for name, (tag, parent) in runs.items()
    }
    context: Any = SimpleNamespace(run=found["a"], instance=SimpleNamespace(get_run_by_id=found.get))
    assert runs_resumed(context) == resumed
