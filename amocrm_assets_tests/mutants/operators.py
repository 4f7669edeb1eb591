"""Changes that Cosmic Ray does not know, and spots where a change changes nothing.

Its own operators change comparisons, conditions, numbers and loops. What is merely called (a client that is
closed, a pace that is given back) is changed by none of them.
"""

from __future__ import annotations

import ast
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import parso
from cosmic_ray.operators.operator import Example, Operator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Position = tuple[tuple[int, int], tuple[int, int]]


class RemoveCall(Operator):  # type: ignore[misc]  # Cosmic Ray ships no types
    """Leaves out a statement that is nothing but a call."""

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        """Where a call is a statement."""
        if node.type == "simple_stmt" and _is_call(node.children[0]):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:  # noqa: ARG002  # Cosmic Ray's signature
        """`pass` instead, with the same indentation."""
        first = node.get_first_leaf()
        return parso.parse(f"{first.prefix}pass\n")  # type: ignore[no-untyped-call]

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Tried by Cosmic Ray's own tests of operators."""
        return (Example("client.close()\n", "pass\n"),)


class AlwaysFalse(Operator):  # type: ignore[misc]
    """Makes the condition of an `if` false: what was guarded never happens."""

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        """Each condition of `if` and `elif`."""
        if node.type == "if_stmt":
            for condition in _conditions(node):
                yield condition.start_pos, condition.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """`False` instead of the condition of that number."""
        condition = _conditions(node)[index]
        node.children[node.children.index(condition)] = parso.parse(" False")  # type: ignore[no-untyped-call]
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Tried by Cosmic Ray's own tests of operators."""
        return (Example("if a: b\n", "if False: b\n"),)


class OwnOperators:
    """The provider of these, as Cosmic Ray wants it."""

    _known = {"RemoveCall": RemoveCall, "AlwaysFalse": AlwaysFalse}  # noqa: RUF012  # never changed

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __getitem__(self, name: str) -> type[Operator]:
        return self._known[name]


def _conditions(node: Any) -> list[Any]:
    children = node.children
    return [
        after for child, after in pairwise(children) if child.type == "keyword" and child.value in ("if", "elif")
    ]


def _is_call(statement: Any) -> bool:
    if statement.type not in ("atom_expr", "power"):
        return False
    last = statement.children[-1]
    return bool(last.type == "trailer" and last.children[0].value == "(")


def meaningless_spots(path: Path) -> list[Position]:
    """Annotations, what only the type checker reads, numbers with a name, whose value is a choice, and assertions.

    The tests take such numbers from the module, or prove what follows from them. That a class is frozen, has
    arguments by name only, or that `zip` is strict, makes a wrong change of the code fail; no right code needs it.
    """
    return [
        ((node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0))
        for node in _unseen(ast.parse(path.read_text()))
    ]


def _unseen(tree: ast.AST) -> Iterable[Any]:
    for node in ast.walk(tree):
        match node:
            case ast.arg(annotation=annotation) | ast.AnnAssign(annotation=annotation) if annotation:
                yield annotation
            case ast.FunctionDef(returns=returns) | ast.AsyncFunctionDef(returns=returns) if returns:
                yield returns
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                yield node
            case ast.Assign(targets=[ast.Name() | ast.Tuple()], value=value) if _is_number(value):
                if all(each.id.isupper() for each in ast.walk(node.targets[0]) if isinstance(each, ast.Name)):
                    yield node
            case ast.ClassDef(decorator_list=decorators):
                yield from decorators
            case ast.keyword(arg="strict"):
                yield node


def _is_number(value: ast.expr) -> bool:
    """A number, a calculation with numbers that may have names as well, or a tuple of such."""
    kinds = (ast.Constant, ast.BinOp, ast.operator, ast.UnaryOp, ast.unaryop, ast.expr_context, ast.Tuple)
    return all(
        isinstance(node, kinds) or (isinstance(node, ast.Name) and node.id.isupper()) for node in ast.walk(value)
    )
