"""Threshold functions: whole weights w and a bound b with f(x) = (w x >= b), the smallest in sum of sizes.

Weights come from an integer program over few inputs at a time; inputs the answer fails on join them (as in
counterexample-guided synthesis) until none is left. Where the function is nearly a threshold function, a linear program
with slack says which one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import eye, hstack

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
LARGEST = 128
ROUNDS = 40
FIRST, MORE = 24, 40
SOFT_ROWS = 3_000
SOLVER_S = 2.0


@dataclass(frozen=True)
class Threshold:
    """Weights (n,) and bound, and the function (2,) * n they make."""

    weights: IntArray
    bound: int
    whole: BoolArray


def threshold(truth: BoolArray, *, rng: np.random.Generator) -> Threshold | None:
    """The threshold function that this is, or None."""
    points = _points(truth.ndim)
    wanted = truth.ravel()
    used = np.unique(rng.integers(0, len(points), FIRST))
    for _ in range(ROUNDS):
        found = _solve(points[used], wanted[used])
        if found is None:
            return None
        weights, bound = found
        given = points @ weights >= bound
        wrong = np.flatnonzero(given != wanted)
        if not len(wrong):
            return Threshold(weights, bound, given.reshape(truth.shape))
        used = np.unique(np.concatenate([used, rng.permutation(wrong)[:MORE]]))
    return None


def nearly(truth: BoolArray, *, rng: np.random.Generator) -> Threshold | None:
    """A threshold function that differs on few inputs: the separating plane of least slack, made whole."""
    points = _points(truth.ndim)
    rows = rng.permutation(len(points))[:SOFT_ROWS]
    sign = np.where(truth.ravel()[rows], 1.0, -1.0)
    columns = np.concatenate([points[rows], -np.ones((len(rows), 1))], axis=1) * sign[:, None]
    costs = np.concatenate([np.full(truth.ndim + 1, 1e-3), np.full(truth.ndim + 1, 1e-3), np.ones(len(rows))])
    matrix = hstack([columns, -columns, eye(len(rows))], format="csr")
    solved = linprog(costs, A_ub=-matrix, b_ub=-np.ones(len(rows)), bounds=(0, None), method="highs")
    if solved.x is None:
        return None
    plane = solved.x[: truth.ndim + 1] - solved.x[truth.ndim + 1 : 2 * (truth.ndim + 1)]
    return threshold((points @ plane[:-1] >= plane[-1]).reshape(truth.shape), rng=rng)


def _points(inputs: int) -> IntArray:
    return np.stack(np.unravel_index(np.arange(1 << inputs), (2,) * inputs), axis=1).astype(np.int64)


def _solve(points: IntArray, wanted: BoolArray) -> tuple[IntArray, int] | None:
    """The smallest whole weights and bound that are right on these points."""
    count = points.shape[1]
    sign = np.where(wanted, 1, -1)
    right = np.concatenate([points * sign[:, None], np.zeros_like(points), -sign[:, None]], axis=1)
    sizes = np.eye(count, dtype=np.int64)
    none = np.zeros((count, 1), dtype=np.int64)
    constraints = [
        LinearConstraint(right, np.where(wanted, 0, 1), np.inf),
        LinearConstraint(np.concatenate([sizes, sizes, none], axis=1), 0, np.inf),
        LinearConstraint(np.concatenate([-sizes, sizes, none], axis=1), 0, np.inf),
    ]
    costs = np.concatenate([np.zeros(count), np.ones(count), [0.0]])
    bounds = Bounds([-LARGEST] * count + [0] * count + [-np.inf], [LARGEST] * 2 * count + [np.inf])
    solved = milp(costs, constraints=constraints, bounds=bounds, integrality=np.ones(2 * count + 1),
                  options={"time_limit": SOLVER_S})  # fmt: skip
    if solved.x is None:
        return None
    whole = np.rint(solved.x).astype(np.int64)
    return whole[:count], int(whole[-1])
