"""Make a program cheaper a part at a time: each part is synthesised again on the examples on which it matters.

A branch matters only where its condition leads to it, a condition only where the branches differ, a conjunct only
where the others hold (observability don't-cares of logic synthesis, Savoj & Brayton 1990). There a cheaper
term may do. A conditional may also do with simpler branches and another condition: one that chooses between them
wherever only one of them is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from dsl.ops import apply
from dsl.terms import Apply, Term, Var, constant, operator_count, subterms
from extract.search.engine.problem import Array, Problem

FEW_VARIABLES = 4
PART_BITS = 9
SEEDS = 12
CHOICES = 8
Path = tuple[int, ...]
Evaluate = Callable[[Term], Array]
Price = Callable[[Term], int]
Build = Callable[[str, tuple[Term, ...]], Term]


@dataclass(frozen=True)
class Part:
    """A sub-term by the argument numbers that lead to it, and the examples on which it matters."""

    path: Path
    term: Term
    matters: Array


@dataclass(frozen=True)
class Proposal:
    """A solution of `problem` of at most `most` bits, put in `frame` for `part` at `path`, makes a cheaper program."""

    frame: Term
    path: Path
    part: Term
    problem: Problem
    most: int


def proposals(
    term: Term, problem: Problem, evaluate: Evaluate, price: Price, build: Build = apply
) -> list[Proposal]:  # fmt: skip
    """Ways to make the term cheaper; `build` makes applications.

    First parts, the cheapest first, then other conditions for simpler branches.
    """
    found = list(parts(term, evaluate, np.ones(len(problem.target), dtype=bool)))
    simpler = [proposal for part in found for proposal in _choices(term, part, problem, evaluate, price, build)]
    again = [_again(term, part, problem, evaluate, price) for part in found if part.path]
    return sorted(filter(None, again), key=lambda way: way.most) + sorted(simpler, key=lambda way: -way.most)[:CHOICES]


def _again(whole: Term, part: Part, problem: Problem, evaluate: Evaluate, price: Price) -> Proposal | None:
    """The part itself, cheaper, where it matters."""
    values = evaluate(part.term)
    if price(part.term) <= PART_BITS or values.dtype == object:
        return None
    return Proposal(whole, part.path, part.term, subproblem(problem, part, values, price), price(part.term) - 1)


def _choices(
    whole: Term, part: Part, problem: Problem, evaluate: Evaluate, price: Price, build: Build
) -> Iterator[Proposal]:  # fmt: skip
    """The conditional with another condition, between parts of its branches or constants where one is always right."""
    if not isinstance(part.term, Apply) or part.term.op != "if":
        return
    condition, *branches = part.term.args
    wanted = evaluate(part.term)
    known = [constant(c) for c in problem.constants]
    cheaper = [[t for t in dict.fromkeys([*subterms(b), *known]) if price(t) <= price(b)] for b in branches]
    options = [[(t, evaluate(t) == wanted) for t in terms if evaluate(t).dtype == wanted.dtype] for terms in cheaper]
    branches_before = sum(map(price, branches))
    for (then, right), (otherwise, right_otherwise) in product(*options):
        chosen = build("if", (condition, then, otherwise))
        most = price(condition) + branches_before - price(then) - price(otherwise) - 1
        either = right | right_otherwise
        if [then, otherwise] == branches or most <= PART_BITS or not either[part.matters].all():
            continue
        asked = Part(part.path, part.term, part.matters & (right != right_otherwise))
        frame = replaced(whole, part.path, chosen, build)
        yield Proposal(frame, (*part.path, 0), condition, subproblem(problem, asked, right, price), most)


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


def subproblem(problem: Problem, part: Part, values: Array, price: Price) -> Problem:
    """Find the values where the part matters, from its own variables where the problem has many, and its own parts."""
    rows = np.flatnonzero(part.matters)
    used = {t.name for t in subterms(part.term) if isinstance(t, Var)}
    kept = [i for i, v in enumerate(problem.variables) if len(problem.variables) <= FEW_VARIABLES or v.name in used]
    variables = tuple(problem.variables[i] for i in kept)
    inside = [t for t in dict.fromkeys(subterms(part.term)) if operator_count(t) and t != part.term]
    return Problem(
        variables,
        tuple(np.ascontiguousarray(problem.columns[i][rows]) for i in kept),
        np.ascontiguousarray(values[rows]),
        tuple(float(price(v)) for v in variables),
        problem.constants,
        tuple(sorted(inside, key=price)[:SEEDS]),
    )


def replaced(term: Term, path: Path, part: Term, build: Build = apply) -> Term:
    """The term with another part at a place; `build` makes applications."""
    if not path:
        return part
    assert isinstance(term, Apply)
    args = list(term.args)
    args[path[0]] = replaced(args[path[0]], path[1:], part, build)
    return build(term.op, tuple(args))
