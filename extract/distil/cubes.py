"""Disjunctive normal form of a Boolean function of up to 16 inputs: prime implicants, and few of them that cover it.

A *cube* fixes some inputs and leaves the others open: a vector over 0, 1, 2 (open). Whether all of a cube's inputs are
in the function is computed for all 3^n cubes at once, one axis at a time (Quine 1952, McCluskey 1956, as a transform).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
OPEN = 2
MOST_INPUTS = 16
MOST_PRIMES = 20_000
Cube = tuple[int, ...]


def implicants(truth: BoolArray) -> BoolArray:
    """For every cube (3,) * n, whether the function (2,) * n is true on all of it."""
    found = truth
    for axis in range(truth.ndim):
        both = np.logical_and.reduce(found, axis=axis, keepdims=True)
        found = np.concatenate([found, both], axis=axis)
    return found


def primes(truth: BoolArray) -> list[Cube]:
    """The cubes inside the function that no larger cube inside it contains."""
    inside = implicants(truth)
    prime = inside.copy()
    for axis in range(truth.ndim):
        larger = np.take(inside, [OPEN], axis=axis)
        closed = [slice(None)] * truth.ndim
        closed[axis] = slice(0, OPEN)
        prime[tuple(closed)] &= ~larger
    return [tuple(row) for row in np.argwhere(prime).tolist()]


def members(cube: Cube) -> tuple[slice | int, ...]:
    """The index of a cube's inputs in an array (2,) * n."""
    return tuple(slice(None) if value == OPEN else value for value in cube)


def literals(cube: Cube) -> int:
    """How many inputs a cube fixes."""
    return sum(value != OPEN for value in cube)


def cover(truth: BoolArray, most: int) -> list[Cube] | None:
    """At most `most` prime implicants whose union is the function, none of them superfluous; None if that takes more.

    Those that alone hold some input come first, then greedily those that add most per literal.
    """
    if truth.ndim > MOST_INPUTS:
        return None
    candidates = primes(truth)
    if len(candidates) > MOST_PRIMES:
        return None
    counts = np.zeros(truth.shape, dtype=np.int32)
    for cube in candidates:
        counts[members(cube)] += 1
    left = truth.copy()
    chosen = [cube for cube in candidates if bool((counts[members(cube)] == 1).any())]
    for cube in chosen:
        left[members(cube)] = False
    while left.any() and len(chosen) <= most:
        gains = [int(left[members(cube)].sum()) / (1 + literals(cube)) for cube in candidates]
        best = candidates[int(np.argmax(gains))]
        chosen.append(best)
        left[members(best)] = False
    if left.any() or len(chosen) > most:
        return None
    return _irredundant(truth, chosen)


def _irredundant(truth: BoolArray, chosen: list[Cube]) -> list[Cube]:
    counts = np.zeros(truth.shape, dtype=np.int32)
    for cube in chosen:
        counts[members(cube)] += 1
    kept = list(chosen)
    for cube in sorted(chosen, key=literals, reverse=True):
        if bool((counts[members(cube)] > 1).all()):
            counts[members(cube)] -= 1
            kept.remove(cube)
    return kept
