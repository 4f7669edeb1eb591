"""Which component of a Dagster project has which source: two with one key would end the load of all.

Dagster's loader builds components one by one, and tells none of the others. What is shown of one that comes second
is known to `component`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import dagster as dg

    Place = tuple[Path, int]

# Of the load that goes on; the next one, with a tree of its own, begins with none.
_claims: dict[str, Place] = {}
_tree: list[object] = []


def first_place(context: dg.ComponentLoadContext, key: str, place: Place) -> Place:
    """Where the source of that key was built first in this load: at `place`, unless another came before."""
    if not _tree or _tree[0] is not context.component_tree:
        _tree[:] = [context.component_tree]
        _claims.clear()
    return _claims.setdefault(key.lower(), place)
