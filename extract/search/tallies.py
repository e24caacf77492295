"""Sums over time of anything computed from one input: `s' = s + f(x)`, with `f` much larger than a free search affords.

Such a sum needs no simulation: all of them are running totals of the values of `f` on the recorded inputs, taken at
once. Vote counts and their differences, scores and balances are of this form. Which of them the network keeps is
asked of the hidden state: those it keeps span a space, and the ones of small weights are its readable basis.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce

import numpy as np

from dsl.cost import term_bits
from dsl.ops import apply
from dsl.terms import Term, Var, constant
from dsl.types import INT
from extract.abstract.evidence import Evidence
from extract.search.recurrences import OWN, Found, Recurrence
from extract.search.updates import LEAF_BITS, Updates, enumerate_updates
from verify.budget import Deadline
from verify.domain import IntArray

SUM_BITS = 3
BATCH = 256
SPAN = 2
"""Weights differ by so much at most; dearer sums of larger weights are combinations of these."""
MOST_COUNTED = 6
COUNT_LEAVES = 4
PRESENT = 0.8
"""Read-outs of single differences are worse than those of the space: ReLU networks keep it piece by piece."""


def tallies(
    columns: dict[str, IntArray], evidence: Evidence, *, max_cost: int, limit: int, constants: tuple[int, ...],
    deadline: Deadline,
) -> list[Found]:  # fmt: skip
    """Decodable running totals over the columns (name -> (words, time)), cheapest first."""
    points = np.stack([c.ravel() for c in columns.values()], axis=1)
    rows, index = np.unique(points, axis=0, return_inverse=True)
    shape = next(iter(columns.values())).shape
    terms = [Var(n, INT) for n in columns]
    summands = enumerate_updates(
        terms, [rows[:, k].copy() for k in range(len(terms))], constants, max_cost=max_cost, limit=limit
    )
    span = np.ptp(summands.values, axis=1)
    varied = np.flatnonzero((span > 0) & (span <= SPAN))
    found: list[Found] = []
    for start in range(0, len(varied), BATCH):
        if deadline.passed:
            break
        part = varied[start : start + BATCH]
        new = np.cumsum(summands.values[part][:, index.ravel()].reshape(len(part), *shape), axis=2)
        for k, total, score in zip(part, new, evidence.score(new), strict=True):
            if score >= PRESENT:
                old = np.concatenate([np.zeros_like(total[:, :1]), total[:, :-1]], axis=1)
                cost = float(summands.cost[k]) + LEAF_BITS + SUM_BITS
                found.append((partial(_plus, summands, int(k)), 0, old, total, cost, float(score)))
    return found


def counts(found: Sequence[Found], columns: dict[str, IntArray]) -> list[Recurrence]:
    """One count per input symbol where running totals span their differences, else nothing.

    A network that compares counts may keep differences only; the counts themselves make the readable program.
    """
    points = np.stack([c.ravel() for c in columns.values()], axis=1)
    symbols, index = np.unique(points, axis=0, return_inverse=True)
    shape = next(iter(columns.values())).shape
    if not 2 < len(symbols) <= MOST_COUNTED or not found:
        return []
    first = [int(np.flatnonzero(index.ravel() == k)[0]) for k in range(len(symbols))]
    weights = np.stack([(new - old).ravel()[first] for _, _, old, new, _, _ in found])
    if np.linalg.matrix_rank(weights - weights.mean(axis=1, keepdims=True)) < len(symbols) - 1:
        return []
    return [_count(k, symbol, (index.reshape(shape) == k).astype(np.int64), list(columns))
            for k, symbol in enumerate(symbols)]  # fmt: skip


def _count(k: int, symbol: IntArray, seen: IntArray, names: list[str]) -> Recurrence:
    name = f"c{k}"
    tests = [apply("==", (Var(n, INT), constant(int(v)))) for n, v in zip(names, symbol, strict=True)]
    update = apply("+", (Var(name, INT), apply("int", (reduce(lambda a, b: apply("and", (a, b)), tests),))))
    new = np.cumsum(seen, axis=1)
    return Recurrence(name, update, 0, new - seen, new, term_bits(update, COUNT_LEAVES))


def _plus(summands: Updates, k: int) -> Term:
    return apply("+", (Var(OWN, INT), summands.term(k)))
