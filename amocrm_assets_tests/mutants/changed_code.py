"""Puts the code of a changed module into the functions that were made of it, without importing it again."""

from __future__ import annotations

import gc
import inspect
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# All but names of places: line numbers and columns, which a change may move without changing what is done.
_PARTS = (
    "co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_argcount", "co_exceptiontable",
    "co_flags",
)  # fmt: skip


class Functions:
    """The functions of some modules that live in this process."""

    def __init__(self, modules: Iterable[Path]) -> None:
        self._code = {module: _compiled(module) for module in modules}
        files = {str(module) for module in self._code}
        self._functions: dict[tuple[str, str, int], list[FunctionType]] = {}
        for found in gc.get_objects():
            if isinstance(found, FunctionType) and found.__code__.co_filename in files:
                self._functions.setdefault(_key(found.__code__), []).append(found)

    def apply_change(self, module: Path) -> bool:
        """Give them the code that the module's file holds now; False, and nothing changed, if an import is needed.

        That is so where a statement of the module or of a class has changed, or what a function closes over.
        """
        changed = list(_changed(self._code[module], _compiled(module)))
        functions = [(function, after) for before, after in changed for function in self._made_of(before)]
        if (changed and not functions) or any(after is None for _, after in changed):
            return False
        for function, after in functions:
            function.__code__ = after  # type: ignore[assignment]  # none is None here
        return True

    def _made_of(self, code: CodeType) -> list[FunctionType]:
        return self._functions.get(_key(code), [])


def _compiled(module: Path) -> CodeType:
    return compile(module.read_bytes(), str(module), "exec", dont_inherit=True)


def _key(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _changed(before: CodeType, after: CodeType) -> Iterator[tuple[CodeType, CodeType | None]]:
    """Functions that differ, each with what it becomes, or with None where an import is needed."""
    if _deep(before) == _deep(after):
        return
    inner, inner_after = _inner(before), _inner(after)
    if before.co_flags & inspect.CO_OPTIMIZED and before.co_freevars == after.co_freevars:
        yield before, after
    elif len(inner) != len(inner_after) or _own(before) != _own(after):
        yield before, None
    if len(inner) == len(inner_after):
        for pair in zip(inner, inner_after, strict=True):
            yield from _changed(*pair)


def _deep(code: CodeType) -> list[object]:
    return [_own(code), *map(_deep, _inner(code))]


def _own(code: CodeType) -> list[object]:
    constants = [repr(constant) for constant in code.co_consts if not isinstance(constant, CodeType)]
    return [constants, *(getattr(code, part) for part in _PARTS)]


def _inner(code: CodeType) -> list[CodeType]:
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]
