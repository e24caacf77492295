"""Working examples: the few on which candidates are compared, and the check of a candidate on all of them.

Enumeration needs only enough examples to tell programs apart; a candidate that is right on the sample and wrong
elsewhere brings the examples it fails into the sample (counterexample-guided, Solar-Lezama 2008).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dsl.terms import Term
from extract.search.engine.problem import Array, Problem

Evaluate = Callable[[Term, Mapping[str, Array]], Any]

FIRST = 32
MORE = 16


def distinct(problem: Problem) -> tuple[Array, bool]:
    """Indices of distinct examples, in order, and whether no two of them disagree on the target."""
    if not problem.columns:
        return np.arange(min(1, len(problem.target))), bool((problem.target == problem.target[:1]).all())
    inputs = np.stack([column.astype(np.int64) for column in problem.columns])
    _, first, inverse = np.unique(inputs, axis=1, return_index=True, return_inverse=True)
    consistent = bool((problem.target == problem.target[first[inverse.reshape(-1)]]).all())
    return np.sort(first), consistent


def choose(problem: Problem, pool: Array, *, rng: np.random.Generator, size: int = FIRST) -> Array:
    """A first sample from `pool`: some of each target value, rare ones first, then random ones."""
    if len(pool) <= size:
        return pool
    shuffled = rng.permutation(pool)
    _, inverse, counts = np.unique(problem.target[shuffled], return_inverse=True, return_counts=True)
    seen = np.zeros(len(counts), dtype=np.int64)
    turn = np.empty(len(shuffled), dtype=np.int64)
    for position, value in enumerate(inverse):
        turn[position] = seen[value]
        seen[value] += 1
    half = shuffled[np.lexsort((counts[inverse], turn))][: size // 2]
    rest = shuffled[~np.isin(shuffled, half)][: size - len(half)]
    return np.sort(np.concatenate([half, rest]))


def values(term: Term, problem: Problem, evaluate: Evaluate, columns: tuple[Array, ...] | None = None) -> Array:
    """The term's values on the examples (or on other columns), as an array that may hold Python integers."""
    used = problem.columns if columns is None else columns
    size = (len(used[0]) if used else len(problem.target),)
    result = evaluate(term, {var.name: column for var, column in zip(problem.variables, used, strict=True)})
    return np.broadcast_to(result, size)


def leaf_values(term: Term, problem: Problem, evaluate: Evaluate, chosen: Array) -> Array:
    """The term's values on chosen examples, as int64 or bool."""
    found = np.ascontiguousarray(values(term, problem, evaluate, tuple(column[chosen] for column in problem.columns)))
    return found if found.dtype == bool else found.astype(np.int64)


def failures(term: Term, problem: Problem, evaluate: Evaluate, pool: Array) -> Array:
    """Examples of the pool on which the term is wrong."""
    return pool[values(term, problem, evaluate)[pool] != problem.target[pool]]


def probes(problem: Problem, *, rng: np.random.Generator, size: int = 256) -> tuple[Array, ...]:
    """Other inputs of the same ranges: each column drawn independently from its example values and their range."""
    drawn = []
    for column in problem.columns:
        values = rng.choice(column, size) if len(column) else np.zeros(size, dtype=column.dtype)
        if column.dtype != bool and len(column):
            spread = rng.integers(int(column.min()), int(column.max()) + 1, size)
            values = np.where(rng.random(size) < 0.5, values, spread)
        drawn.append(values)
    return tuple(drawn)
