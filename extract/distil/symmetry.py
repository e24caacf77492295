"""Boolean functions as functions of a few sums: inputs that can be exchanged are counted together.

Two inputs belong together where exchanging them (or one with the negation of the other) leaves the function as it is,
but for a share `slack` of the inputs. What is left is a small table over the sums, one answer by majority each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
MOST_SUMS = 5


@dataclass(frozen=True)
class Quotient:
    """`weights` (sums, n) of -1, 0, 1; the `sums` (rows, sums) that occur, the majority `answers` (rows,) there, and
    the function (2,) * n these make, which is the given one where it has the symmetry."""

    weights: IntArray
    sums: IntArray
    answers: IntArray
    whole: BoolArray


def quotient(truth: BoolArray, slack: float = 0.0) -> Quotient | None:
    """The function over its sums, or None where there are too many of them or it depends on nothing."""
    groups = _groups(truth, slack)
    if not 1 <= len(groups) <= MOST_SUMS:
        return None
    weights = np.zeros((len(groups), truth.ndim), dtype=np.int64)
    for row, group in enumerate(groups):
        for k, sign in group:
            weights[row, k] = sign
        if (weights[row] <= 0).all():
            weights[row] *= -1
    points = np.stack(np.unravel_index(np.arange(truth.size), truth.shape), axis=1)
    values = points @ weights.T
    sums, inverse = np.unique(values, axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    size = np.bincount(inverse)
    answers = (2 * np.bincount(inverse, truth.ravel()) > size).astype(np.int64)
    return Quotient(weights, sums, answers, answers[inverse].reshape(truth.shape) == 1)


def _groups(truth: BoolArray, slack: float) -> list[list[tuple[int, int]]]:
    """Inputs that matter, with their signs, by group."""
    most = slack * truth.size
    groups: list[list[tuple[int, int]]] = []
    for k in range(truth.ndim):
        if np.count_nonzero(np.take(truth, 0, axis=k) != np.take(truth, 1, axis=k)) * 2 <= most:
            continue
        for group in groups:
            first = group[0][0]
            swapped = np.swapaxes(truth, first, k)
            if np.count_nonzero(swapped != truth) <= most:
                group.append((k, 1))
                break
            if np.count_nonzero(np.flip(swapped, (first, k)) != truth) <= most:
                group.append((k, -1))
                break
        else:
            groups.append([(k, 1)])
    return groups
