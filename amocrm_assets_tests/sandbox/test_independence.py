"""The sandbox shares no code with what reads it: otherwise a wrong belief in both would pass every test."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from amocrm_assets import sandbox

FOLDER = Path(sandbox.__file__).parent
PACKAGE, OWN = "amocrm_assets", sandbox.__name__


def imported(source: str) -> set[str]:
    """All names that a module imports anywhere, also in functions and for types only."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{'.' * node.level}{node.module or ''}.{each.name}" for each in node.names}
    return names


def foreign(source: str) -> set[str]:
    """The imports of this project's other code; a relative import could lead anywhere."""
    return {
        name
        for name in imported(source)
        if name.startswith(".") or (f"{name}.".startswith(f"{PACKAGE}.") and not f"{name}.".startswith(f"{OWN}."))
    }


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_module_of_the_sandbox_imports_nothing_else_of_the_project(path: Path) -> None:
    assert foreign(path.read_text("utf-8")) == set()


@pytest.mark.parametrize(
    "line",
    [
        "import amocrm_assets",
        "from amocrm_assets import days",
        "from amocrm_assets.untrusted import one_line",
        "from .. import untrusted",
        "def f():\n    import amocrm_assets.errors",
        "if TYPE_CHECKING:\n    from amocrm_assets.entities import Entity",
        "from amocrm_assets.sandbox_helpers import x",
    ],
)
def test_every_way_to_import_other_code_is_found(line: str) -> None:
    assert foreign(line)


def test_the_sandbox_itself_and_other_packages_may_be_imported() -> None:
    assert not foreign(
        "from amocrm_assets.sandbox.options import Fault\nfrom amocrm_assets import sandbox\nimport time"
    )
