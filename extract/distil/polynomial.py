"""Polynomials modulo m: exact ones by elimination, and the linear form that is right on most inputs.

Over a prime modulus the elimination finds every polynomial of the degrees tried; over others it may miss some.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from dsl.ops import apply
from dsl.terms import Term, Var, constant
from extract.search.engine.distil import linear_term, solve_modular

IntArray = NDArray[np.int64]
LARGEST_MODULUS = 1_000
LARGEST_VALUE = 1 << 12
MOST_INPUTS = 4
SOLVED_ROWS = 400
NEAREST_MODULUS = 128
NEAREST_ROWS = 400


def polynomials(variables: Sequence[Var], columns: Sequence[IntArray], target: IntArray) -> Iterator[Term]:
    """Terms `polynomial mod m` right on all rows, of degree 2 and 3, for the least modulus the answers allow."""
    low, high = int(target.min()), int(target.max())
    if low < 0 or not 1 <= high < LARGEST_MODULUS or not 1 <= len(columns) <= MOST_INPUTS:
        return
    if max(int(np.abs(c).max()) for c in columns) > LARGEST_VALUE:
        return
    for modulus in range(max(high + 1, 2), high + 3):
        for degree in (2, 3):
            powers = [p for d in range(1, degree + 1) for p in combinations_with_replacement(range(len(columns)), d)]
            if len(powers) > 12 or len(powers) + 1 >= len(target):
                continue
            features = [np.prod([columns[k] % modulus for k in power], axis=0) % modulus for power in powers]
            design = np.stack([*features, np.ones(len(target), np.int64)], axis=1)
            rows = np.unique(np.linspace(0, len(target) - 1, min(len(target), SOLVED_ROWS)).astype(np.int64))
            solved = solve_modular(design[rows], target[rows] % modulus, modulus)
            if solved is None or ((design @ np.array(solved) - target) % modulus).any():
                continue
            terms = [_product([variables[k] for k in power]) for power in powers]
            yield apply("mod", (linear_term(terms, centred(solved, modulus)), constant(modulus)))
            break


def centred(coefficients: Sequence[int], modulus: int) -> list[int]:
    """Coefficients above half of the modulus as small negative ones, where these are -1 or -2."""
    near = [c - modulus if 2 * c > modulus and c - modulus >= -2 else c for c in coefficients]
    return [*near[:-1], coefficients[-1]]


def _product(factors: Sequence[Term]) -> Term:
    result = factors[0]
    for factor in factors[1:]:
        result = apply("*", (result, factor))
    return result


@dataclass(frozen=True)
class Nearest:
    """A linear form modulo m and the share of inputs on which it is right."""

    term: Term
    share: float


def nearest_linear(variables: Sequence[Var], columns: Sequence[IntArray], target: IntArray) -> Nearest | None:
    """The form `(a x + b y + c) mod m` right on the largest share of rows, m just above the largest answer."""
    modulus = int(target.max()) + 1
    if len(columns) != 2 or int(target.min()) < 0 or not 3 <= modulus <= NEAREST_MODULUS:
        return None
    rows = np.unique(np.linspace(0, len(target) - 1, min(len(target), NEAREST_ROWS)).astype(np.int64))
    x, y, wanted = (c[rows] % modulus for c in (*columns, target))
    best, most = (0, 0, 0), 0
    seconds = np.arange(modulus)
    for a in range(modulus):
        rest = (wanted - a * x - seconds[:, None] * y) % modulus
        counts = np.zeros((modulus, modulus), dtype=np.int64)
        np.add.at(counts, (np.repeat(seconds, len(rows)), rest.ravel()), 1)
        at = int(counts.argmax())
        if counts.flat[at] > most:
            most, best = int(counts.flat[at]), (a, at // modulus, at % modulus)
    a, b, c = best
    share = float(((a * columns[0] + b * columns[1] + c - target) % modulus == 0).mean())
    term = apply("mod", (linear_term(list(variables), centred([a, b, c], modulus)), constant(modulus)))
    return Nearest(term, share)
