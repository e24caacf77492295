"""A SyGuS-IF problem as data: functions to find with their grammars, variables, constraints, defined functions.

Defined functions are inlined into constraints when read, so later stages see only the theory's own operators; `stated`
keeps the constraints as written, for the check of an answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from dsl.errors import BadInput
from extract.sygus.sexpr import SExpr, replace


@dataclass(frozen=True, slots=True)
class Definition:
    """`(define-fun name (parameters) sort body)`, the body inlined; `text` is the command as written."""

    name: str
    parameters: tuple[tuple[str, SExpr], ...]
    sort: SExpr
    body: SExpr
    text: str


@dataclass(frozen=True, slots=True)
class Grammar:
    """Nonterminals with sorts, start first, and the productions of each."""

    nonterminals: tuple[tuple[str, SExpr], ...]
    productions: dict[str, tuple[SExpr, ...]]


@dataclass(frozen=True, slots=True)
class Function:
    """A function to synthesise."""

    name: str
    parameters: tuple[tuple[str, SExpr], ...]
    sort: SExpr
    grammar: Grammar | None


@dataclass(frozen=True, slots=True)
class Task:
    """Everything a file asks for. `constraints` are inlined; `stated` are the same as written."""

    logic: str
    functions: tuple[Function, ...]
    variables: tuple[tuple[str, SExpr], ...]
    constraints: tuple[SExpr, ...]
    stated: tuple[SExpr, ...]
    definitions: dict[str, Definition]


def inline(expression: SExpr, definitions: dict[str, Definition]) -> SExpr:
    """The expression with calls of defined functions replaced by their bodies, and `let` expanded."""
    if isinstance(expression, str):
        found = definitions.get(expression)
        return found.body if found is not None and not found.parameters else expression
    if len(expression) == 3 and expression[0] == "let":
        return inline(replace(expression, {}), definitions)
    parts = tuple(inline(part, definitions) for part in expression)
    head = parts[0] if parts else ""
    if isinstance(head, str) and head in definitions:
        definition = definitions[head]
        if len(definition.parameters) != len(parts) - 1:
            raise BadInput(f"expected {len(definition.parameters)} arguments of {head}, got {len(parts) - 1}")
        return replace(definition.body, {n: v for (n, _), v in zip(definition.parameters, parts[1:], strict=True)})
    return parts


def conjuncts(expression: SExpr) -> list[SExpr]:
    """The parts of nested conjunctions."""
    if isinstance(expression, tuple) and expression and expression[0] == "and":
        return [part for conjunct in expression[1:] for part in conjuncts(conjunct)]
    return [expression]
