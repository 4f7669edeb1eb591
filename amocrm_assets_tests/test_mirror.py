"""Every module has a test of its name, or `tested_in.toml` says where it is tested; and none grows too long."""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE, TESTS = ROOT / "amocrm_assets", ROOT / "amocrm_assets_tests"
TESTED_IN = {
    (Path(folder) / name).as_posix(): tests
    for folder, modules in tomllib.loads((TESTS / "tested_in.toml").read_text("utf-8")).items()
    for name, tests in modules.items()
}
COMMANDS = PACKAGE / "cli" / "__init__.py"
MAX_LINES, MAX_FUNCTION_LINES = 270, 40
# A test reaches a module by what it imports, its helpers included, in so many steps; by the whole graph of imports
# every test would reach every module.
MAX_STEPS = 5


def with_code(path: Path) -> bool:
    """Whether a module defines a function or a class: constants and imported names need no test of their own."""
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in tree(path).body)


def name_of(path: Path) -> str:
    """`crm/http/client`, or the folder's name for a package's own code."""
    return path.relative_to(PACKAGE).with_suffix("").as_posix().removesuffix("/__init__")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py")) if with_code(path)}


def mirror(name: str) -> Path:
    path = Path(name)
    return TESTS / path.parent / f"test_{path.name}.py"


@cache
def imported(path: Path) -> frozenset[Path]:
    """The project's modules that a module imports somewhere, packages by the modules they take names from."""
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
        elif isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
    files = (ROOT / name.replace(".", "/") for name in names if name.startswith("amocrm_assets"))
    found = {file for each in files for file in (each.with_suffix(".py"), each / "__init__.py") if file.is_file()}
    if path == COMMANDS:
        found |= set(path.parent.glob("*.py"))  # imported by the name of the command that is called
    if path.name.startswith("test_"):
        fixtures = (folder / "conftest.py" for folder in path.parents if folder.is_relative_to(TESTS))
        found |= {each for fixture in fixtures if fixture.is_file() for each in imported(fixture)}
    return frozenset(found)


def reached(test: Path) -> set[Path]:
    """What a test imports, and what that imports, `MAX_STEPS` deep."""
    found: set[Path] = set()
    front = {test}
    for _ in range(MAX_STEPS):
        front = {path for each in front for path in imported(each)} - found
        found |= front
    return found


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_a_test_of_its_name_or_says_where_it_is_tested(name: str) -> None:
    listed = TESTED_IN.get(name, [])
    assert listed or mirror(name).is_file(), (
        f"write {mirror(name).relative_to(ROOT)}, or name a test in tested_in.toml"
    )


def test_the_table_names_only_modules_that_have_no_test_of_their_own() -> None:
    gone = TESTED_IN.keys() - MODULES.keys()
    assert gone == set(), "no such module: take it out of tested_in.toml"
    assert {name for name in TESTED_IN if mirror(name).is_file()} == set(), "has a test of its name by now"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "test"), [(name, test) for name, tests in TESTED_IN.items() for test in tests])
def test_a_test_in_the_table_exists_and_reaches_its_module(name: str, test: str) -> None:
    assert (TESTS / test).is_file()
    assert MODULES[name] in reached(TESTS / test)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_and_no_function_is_too_long(path: Path) -> None:
    functions = {
        node.name: lines
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION_LINES
    }
    assert functions == {}
    assert len(path.read_text("utf-8").splitlines()) <= MAX_LINES


def test_no_module_of_the_tests_and_the_benchmarks_is_too_long() -> None:
    paths = [path for folder in (TESTS, ROOT / "benchmarks") for path in folder.rglob("*.py")]
    lines = {path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines()) for path in paths}
    assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}
