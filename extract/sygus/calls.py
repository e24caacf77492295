"""Calls of unknown functions in constraints: finding them, replacing them by bodies, and the size of bodies."""

from __future__ import annotations

from collections.abc import Sequence

from extract.sygus.meaning import value_of
from extract.sygus.sexpr import SExpr, replace, show
from extract.sygus.task import Function


def invocations(expressions: Sequence[SExpr], name: str) -> list[tuple[SExpr, ...]]:
    """Distinct calls of the function, as written."""
    found: dict[str, tuple[SExpr, ...]] = {}

    def visit(e: SExpr) -> None:
        if isinstance(e, tuple):
            if e and e[0] == name:
                found[show(e)] = e
            for part in e:
                visit(part)

    for expression in expressions:
        visit(expression)
    return list(found.values())


def symbols(e: SExpr) -> set[str]:
    """Variables of an expression: symbols that are neither heads nor literals."""
    if isinstance(e, str):
        return set() if value_of(e) is not None else {e}
    return set().union(*map(symbols, e[1:]))


def substituted(e: SExpr, function: Function, body: SExpr) -> SExpr:
    """The expression with the function's calls replaced by its body."""
    if isinstance(e, str):
        return body if e == function.name and not function.parameters else e
    parts = tuple(substituted(part, function, body) for part in e)
    if parts and parts[0] == function.name:
        return replace(body, {n: v for (n, _), v in zip(function.parameters, parts[1:], strict=True)})
    return parts


def size(body: SExpr) -> int:
    """Number of operators in an answer; `let` is free."""
    if isinstance(body, str):
        return 0
    if body[0] == "let":
        return sum(size(binding[1]) for binding in body[1]) + size(body[2])
    return 1 + sum(map(size, body[1:]))
