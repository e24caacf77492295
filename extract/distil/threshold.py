"""Threshold functions: whole weights w and a bound b with f(x) = (w x >= b), and those that are nearly one.

A linear program with slack gives the separating plane that errs least and has the smallest weights; on inputs where no
plane is right, the slack says so. Multiples of its weights are rounded until the bound can be read off exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import eye, hstack

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
ROWS = 1_200
ROUNDS = 5
MORE = 300
TRIMS = 8
WEIGHT_PRICE = 1e-3
"""Of the sum of weights, against 1 for a unit of slack: small enough that errors count first."""
MULTIPLES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0)
SOLVER_S = 10.0


@dataclass(frozen=True)
class Threshold:
    """Weights (n,) and bound, and the function (2,) * n they make."""

    weights: IntArray
    bound: int
    whole: BoolArray


def threshold(truth: BoolArray, slack: float, *, rng: np.random.Generator) -> Threshold | None:
    """A threshold function that differs from this one on at most a share `slack` of the inputs, or None."""
    points = np.stack(np.unravel_index(np.arange(truth.size), truth.shape), axis=1).astype(np.int64)
    plane = separating(points, truth.ravel(), slack, rng=rng)
    return None if plane is None else Threshold(*plane, (points @ plane[0] >= plane[1]).reshape(truth.shape))


def separating(
    points: IntArray, wanted: BoolArray, slack: float, *, rng: np.random.Generator
) -> tuple[IntArray, int] | None:
    """Weights and bound of a plane that errs on at most a share `slack` of the points (rows, n), or None."""
    rows = rng.permutation(len(points))[:ROWS]
    plane = _plane(points[rows], wanted[rows])
    for _ in range(ROUNDS):
        if plane is None or (not slack and (_sides(points[rows], plane) != wanted[rows]).any()):
            return None
        new = np.setdiff1d(np.flatnonzero(_sides(points, plane) != wanted), rows)
        if not len(new):
            break
        rows = np.concatenate([rows, rng.permutation(new)[:MORE]])
        plane = _plane(points[rows], wanted[rows])
    if plane is None:
        return None
    if slack and (_sides(points, plane) != wanted).any():
        plane = _trimmed(points, wanted, plane)
    given = _sides(points, plane)
    if np.count_nonzero(given != wanted) > slack * len(points) or not given.any() or given.all():
        return None
    for multiple in MULTIPLES:
        weights = np.rint(multiple * plane[:-1]).astype(np.int64)
        values = points @ weights
        bound = int(values[given].min())
        if values[~given].max() < bound:
            return weights, bound
    return None


def _sides(points: IntArray, plane: NDArray[np.float64]) -> BoolArray:
    """On which points the plane says yes."""
    return np.asarray(points @ plane[:-1] >= plane[-1] - 1e-9)


def _trimmed(points: IntArray, wanted: BoolArray, plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """The plane of the inputs that are left when those it errs on most are put aside, half of them at a time."""
    for _ in range(TRIMS):
        lead = (points @ plane[:-1] - plane[-1] + 0.5) * np.where(wanted, 1, -1)
        wrong = np.flatnonzero(lead < 0)
        aside = wrong[np.argsort(lead[wrong], kind="stable")][: (len(wrong) + 1) // 2]
        near = np.argsort(np.abs(lead), kind="stable")[:ROWS]
        kept = np.setdiff1d(near, aside)
        better = _plane(points[kept], wanted[kept])
        if better is None or np.abs(better - plane).max() < 1e-6:
            break
        plane = better
    return plane


def _plane(points: IntArray, wanted: BoolArray) -> NDArray[np.float64] | None:
    """Weights and bound (n + 1,): the least slack, then the least weights, with a margin of 1."""
    width = points.shape[1] + 1
    sign = np.where(wanted, 1.0, -1.0)
    columns = np.concatenate([points, -np.ones((len(points), 1))], axis=1) * sign[:, None]
    prices = np.full(width, WEIGHT_PRICE)
    prices[-1] = 0.0
    costs = np.concatenate([prices, prices, np.ones(len(points))])
    matrix = hstack([columns, -columns, eye(len(points))], format="csc")
    solved = linprog(costs, A_ub=-matrix, b_ub=-np.ones(len(points)), bounds=(0, None), method="highs",
                     options={"time_limit": SOLVER_S})  # fmt: skip
    return None if solved.x is None else solved.x[:width] - solved.x[width : 2 * width]
