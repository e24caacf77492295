"""Boolean functions given by their whole table: every distiller's reading as a term of the language.

Inputs are whole numbers 0 and 1; the terms give whole numbers 0 and 1 too. A reading that is nearly right becomes
exact by naming its exceptions, when these are few conjunctions: this is how a trigger comes to light.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from dsl.ops import apply
from dsl.terms import Term, Var, constant
from extract.distil.addresses import Addressed, addressed
from extract.distil.cubes import OPEN, Cube, cover
from extract.distil.moebius import algebraic_normal_form
from extract.distil.symmetry import quotient
from extract.distil.threshold import threshold
from extract.search.engine.distil import linear_term, polynomial_term

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
MOST_CUBES, MOST_MONOMIALS, MOST_EXCEPTIONS = 24, 24, 3
SLACK = 0.03
SumsToTerm = Callable[[IntArray, IntArray], Term | None]
"""From sums (rows, count) and answers (rows,) to a term over variables s0, s1, ..., or None."""


def readings(
    variables: Sequence[Var], truth: BoolArray, search: SumsToTerm, *, rng: np.random.Generator
) -> Iterator[Term]:
    """Terms equal to the function (2,) * n, cheapest kinds of reading first. Truth values, not numbers."""
    if truth.all() or not truth.any():
        yield constant(bool(truth.flat[0]))
        return
    found = quotient(truth)
    if found is not None:
        term = over_sums(variables, found.weights, search(found.sums, found.answers))
        if term is not None:
            yield term
    plane = threshold(truth, 0.0, rng=rng)
    if plane is not None:
        yield separating_term(variables, plane.weights, plane.bound)
    chosen = addressed(truth)
    if chosen is not None:
        yield apply("==", (address_term(variables, chosen), constant(1)))
    monomials = algebraic_normal_form(truth)
    if len(monomials) <= MOST_MONOMIALS:
        yield polynomial_term([apply("==", (v, constant(1))) for v in variables], monomials)
    cubes = cover(truth, MOST_CUBES)
    if cubes is not None:
        yield disjunction(variables, cubes)
    holes = cover(~truth, MOST_CUBES)
    if holes is not None:
        yield apply("not", (disjunction(variables, holes),))


def with_exceptions(
    variables: Sequence[Var], truth: BoolArray, search: SumsToTerm, *, rng: np.random.Generator
) -> Iterator[tuple[Term, Term]]:
    """Pairs of a plain reading that is nearly right, and the same corrected on the conjunctions where it is not."""
    for base, whole in _nearly(variables, truth, search, rng):
        errors = whole != truth
        if not errors.any() or errors.mean() > SLACK:
            continue
        cubes = cover(errors, MOST_EXCEPTIONS)
        if cubes is None:
            continue
        trigger = disjunction(variables, cubes)
        if not (whole & errors).any():
            yield base, apply("or", (base, trigger))
        elif not (~whole & errors).any():
            yield base, apply("and", (base, apply("not", (trigger,))))
        else:
            yield base, apply("xor", (base, trigger))


def _nearly(
    variables: Sequence[Var], truth: BoolArray, search: SumsToTerm, rng: np.random.Generator
) -> Iterator[tuple[Term, BoolArray]]:
    found = quotient(truth, SLACK)
    if found is not None and (found.whole != truth).mean() <= SLACK:
        term = over_sums(variables, found.weights, search(found.sums, found.answers))
        if term is not None:
            yield term, found.whole
    plane = threshold(truth, SLACK, rng=rng)
    if plane is not None:
        yield separating_term(variables, plane.weights, plane.bound), plane.whole


def over_sums(variables: Sequence[Var], weights: IntArray, term: Term | None) -> Term | None:
    """A term over sums s0, s1, ... as one over the inputs."""
    from dsl.terms import substitute

    if term is None:
        return None
    return substitute(term, {f"s{k}": linear_term(list(variables), [*row, 0]) for k, row in enumerate(weights)})


def separating_term(variables: Sequence[Var], weights: IntArray, bound: int) -> Term:
    """`w x >= b`, terms with negative weights on the other side."""
    positive, negative = np.maximum(weights, 0), np.maximum(-weights, 0)
    left = linear_term(list(variables), [*positive, max(-bound, 0)])
    right = linear_term(list(variables), [*negative, max(bound, 0)])
    return apply(">=", (left, right))


def address_term(variables: Sequence[Var], chosen: Addressed) -> Term:
    """`[choices][address]`, a whole number."""

    def written(choice: bool | tuple[int, bool]) -> Term:
        if isinstance(choice, bool):
            return constant(int(choice))
        name, plain = choice
        return variables[name] if plain else apply("-", (constant(1), variables[name]))

    weights = [0] * (len(variables) + 1)
    for position, name in enumerate(chosen.address):
        weights[name] = 1 << position
    items = apply("register", tuple(map(written, chosen.choices)))
    return apply("index", (items, linear_term(list(variables), weights)))


def disjunction(variables: Sequence[Var], cubes: Sequence[Cube]) -> Term:
    """The cubes as conjunctions of `x == value`, joined by `or`."""
    conjunctions = []
    for cube in cubes:
        fixed = [apply("==", (v, constant(value))) for v, value in zip(variables, cube, strict=True) if value != OPEN]
        conjunctions.append(reduce(lambda a, b: apply("and", (a, b)), fixed) if fixed else constant(True))
    return reduce(lambda a, b: apply("or", (a, b)), conjunctions)
