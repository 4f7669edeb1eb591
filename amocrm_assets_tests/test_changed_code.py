"""What `make mutants` puts into living functions: an error here would make its scores wrong."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets_tests.mutants.changed_code import Functions

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """
import functools
START = 1
def sums(numbers, start=0):
    total = start + START
    for number in numbers:
        total += number
    return total
def doubling(function):
    @functools.wraps(function)
    def doubled(*given):
        return 2 * function(*given)
    return doubled
class Pace:
    seconds = 1
    @property
    def half(self):
        return self.seconds / 2
    @doubling
    def times(self, number):
        unused = len(str(number))
        return [self.seconds * each for each in range(number)][-1]
"""


@pytest.fixture
def module(tmp_path: Path) -> Any:
    (tmp_path / "paces.py").write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("paces", tmp_path / "paces.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def results(module: Any) -> tuple[float, ...]:
    pace = module.Pace()
    return module.sums([1, 2]), pace.half, pace.times(3)


@pytest.mark.parametrize(
    ("change", "becomes", "expected"),
    [
        ("total += number", "total -= number", (-2, 0.5, 4)),
        ("self.seconds / 2", "self.seconds / 4", (4, 0.25, 4)),
        # One that a decorator holds, one within another, and one that was made while the module was imported.
        ("][-1]", "][0]", (4, 0.5, 0)),
        ("self.seconds * each", "self.seconds + each", (4, 0.5, 6)),
        ("2 * function", "3 * function", (4, 0.5, 6)),
        # What moves the lines of all functions below.
        ("    for number in numbers:\n        total += number\n", "    pass\n", (1, 0.5, 4)),
        ("START = 1", "START = 1", (4, 0.5, 4)),
    ],
)
def test_a_change_within_a_function_is_taken(
    module: Any, tmp_path: Path, change: str, becomes: str, expected: tuple[float, ...]
) -> None:
    functions = Functions([tmp_path / "paces.py"])
    assert results(module) == (4, 0.5, 4)
    assert SOURCE.count(change) == 1
    (tmp_path / "paces.py").write_text(SOURCE.replace(change, becomes))
    assert functions.apply_change(tmp_path / "paces.py")
    assert results(module) == expected


@pytest.mark.parametrize(
    ("change", "becomes"),
    [
        ("START = 1", "START = 2"),
        ("    seconds = 1", "    seconds = 2"),
        ("start=0", "start=1"),
        ("@property", "@functools.cached_property"),
        # The inner function closes over nothing any more.
        ("2 * function(*given)", "2"),
    ],
)
def test_a_change_outside_of_functions_needs_an_import(
    module: Any, tmp_path: Path, change: str, becomes: str
) -> None:
    functions = Functions([tmp_path / "paces.py"])
    (tmp_path / "paces.py").write_text(SOURCE.replace(change, becomes))
    assert not functions.apply_change(tmp_path / "paces.py")
    assert results(module) == (4, 0.5, 4)


def test_the_functions_of_the_module_are_told_from_others(module: Any, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(SOURCE)
    functions = Functions([tmp_path / "other.py"])
    (tmp_path / "other.py").write_text(SOURCE.replace("total += number", "total -= number"))
    assert not functions.apply_change(tmp_path / "other.py")
    assert results(module) == (4, 0.5, 4)
