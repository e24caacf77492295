"""Make a program cheaper a part at a time: each part is synthesised again on the examples on which it matters.

A branch matters only where its condition leads to it, a condition only where the branches differ, a conjunct only
where the others hold (observability don't-cares of logic synthesis, Savoj & Brayton 1990). There a cheaper
term may do; what replaces a part keeps the whole right on all examples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from dsl.ops import apply
from dsl.terms import Apply, Term, Var, subterms
from extract.search.engine.problem import Array, Problem

FEW_VARIABLES = 4
Path = tuple[int, ...]
Evaluate = Callable[[Term], Array]
Build = Callable[[str, tuple[Term, ...]], Term]


@dataclass(frozen=True)
class Part:
    """A sub-term by the argument numbers that lead to it, and the examples on which it matters."""

    path: Path
    term: Term
    matters: Array


def parts(term: Term, evaluate: Evaluate, matters: Array, path: Path = ()) -> Iterator[Part]:
    """All applications in the term. `evaluate` gives a term's values on the examples."""
    if not isinstance(term, Apply):
        return
    yield Part(path, term, matters)
    for number, (arg, where) in enumerate(zip(term.args, _observed(term, evaluate), strict=True)):
        yield from parts(arg, evaluate, matters if where is None else matters & where, (*path, number))


def _observed(term: Apply, evaluate: Evaluate) -> list[Array | None]:
    """For each argument the examples on which its value can matter to the application; None for all."""
    match term.op, term.args:
        case "if", (condition, then, otherwise):
            holds = evaluate(condition)
            return [evaluate(then) != evaluate(otherwise), holds, ~holds]
        case "and", (left, right):
            return [evaluate(right), evaluate(left)]
        case "or", (left, right):
            return [~evaluate(right), ~evaluate(left)]
        case "*", (left, right):
            return [evaluate(right) != 0, evaluate(left) != 0]
    return [None] * len(term.args)


def subproblem(problem: Problem, part: Part, values: Array, costs: dict[str, int]) -> Problem:
    """Find the part's values where it matters, from its own variables where the problem has many."""
    rows = np.flatnonzero(part.matters)
    used = {t.name for t in subterms(part.term) if isinstance(t, Var)}
    kept = [i for i, v in enumerate(problem.variables) if len(problem.variables) <= FEW_VARIABLES or v.name in used]
    variables = tuple(problem.variables[i] for i in kept)
    return Problem(
        variables,
        tuple(np.ascontiguousarray(problem.columns[i][rows]) for i in kept),
        np.ascontiguousarray(values[rows]),
        tuple(float(costs[v.name]) for v in variables),
        problem.constants,
    )


def replaced(term: Term, path: Path, part: Term, build: Build = apply) -> Term:
    """The term with another part at a place; `build` makes applications."""
    if not path:
        return part
    assert isinstance(term, Apply)
    args = list(term.args)
    args[path[0]] = replaced(args[path[0]], path[1:], part, build)
    return build(term.op, tuple(args))
