"""Exact identification of affine dynamics: outputs as integer combinations of inputs, past inputs and past outputs.

The smallest order whose least-squares solution, rounded, is right on every recorded point wins (for input-output
models see Ljung 1999, section 4.2). Sums over a window, delays and linear recurrences of any number of terms are found
at once, where a search over terms would meet them one operator at a time.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from dsl.terms import Term, Var, variables
from dsl.types import INT
from extract.search.engine.distil import linear_term
from extract.search.recurrences import Recurrence
from extract.search.select import Choice, term_cost
from extract.search.sets import Sample, set_cost
from verify.domain import IntArray

POINTS = 3_000
LARGEST = 1 << 40


def affine_choice(sample: Sample, delays: Sequence[Recurrence], memories: Sequence[Recurrence]) -> Choice | None:
    """The affine model of smallest order that is exact, over chains of delays and remembered outputs; None if none is.

    A recurrence of depth k needs k - 1 others; an order is a greatest depth of each kind.
    """
    for kept in _orders(delays, memories):
        terms = _fit(sample, kept)
        if terms is not None:
            names = {name for term in terms for name in variables(term)}
            used = {item.name: item for r in kept if r.name in names for item in r.closure()}
            chosen = tuple(used.values())
            return Choice(chosen, terms, set_cost(chosen) + sum(map(term_cost, terms)))
    return None


def _orders(delays: Sequence[Recurrence], memories: Sequence[Recurrence]) -> list[list[Recurrence]]:
    """Sets of recurrences, the smallest first."""
    depths = {r.name: len(r.closure()) for r in (*delays, *memories)}

    def up_to(pool: Sequence[Recurrence], depth: int) -> list[Recurrence]:
        return [r for r in pool if depths[r.name] <= depth]

    most = [max((depths[r.name] for r in pool), default=0) for pool in (delays, memories)]
    pairs = itertools.product(range(most[0] + 1), range(most[1] + 1))
    sets = [up_to(delays, past) + up_to(memories, last) for past, last in pairs]
    return sorted(sets, key=len)


def _fit(sample: Sample, kept: Sequence[Recurrence]) -> tuple[Term, ...] | None:
    columns: list[tuple[str, IntArray]] = [*sample.inputs.items(), *((r.name, r.old) for r in kept)]
    design = np.stack(
        [*(column.ravel() for _, column in columns), np.ones(sample.outputs[..., 0].size, np.int64)], axis=1
    )
    targets = sample.outputs.reshape(len(design), -1)
    if max(np.abs(design).max(), np.abs(targets).max()) > LARGEST:
        return None
    rows = np.unique(np.linspace(0, len(design) - 1, min(len(design), POINTS)).astype(np.int64))
    solution, *_ = np.linalg.lstsq(design[rows].astype(np.float64), targets[rows].astype(np.float64), rcond=None)
    coefficients = np.rint(solution).astype(np.int64)
    if not (design @ coefficients == targets).all():
        return None
    leaves = [Var(name, INT) for name, _ in columns]
    return tuple(linear_term(leaves, coefficients[:, k]) for k in range(targets.shape[1]))
