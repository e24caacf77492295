"""Planes that separate the inputs answered 1 from those answered 0 best: one, or two whose sides are joined.

The boundary of a small network's decision is flat or bends; on both sides of one bend the answer is 1 where either of
two planes says so, or where both do. Directions come from logistic regression (of two planes: in turns, every input
that needs one of them going to the nearer); the coarsest rounding to whole weights that loses little is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from dsl.ops import apply
from dsl.terms import Term, Var, constant
from extract.search.engine.distil import linear_term

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Array = NDArray[np.float64]
LARGEST_WEIGHT = 64
LOSS = 0.0005
"""Share of inputs that a rounder form may answer worse."""
BEND = 0.002
"""By how much two planes must be right more often than one."""
WEAK = 1e6
"""The inverse of the regression's penalty: next to none."""
STARTS, TURNS, REFITS, FEW = 3, 12, 2, 20
FITTED = 8_000


@dataclass(frozen=True)
class Planes:
    """Half-spaces `weights . x >= bound` joined by `or` or `and`, and the share of inputs on which they are right."""

    weights: tuple[IntArray, ...]
    bounds: tuple[int, ...]
    joined: str
    share: float

    def term(self, variables: Sequence[Var]) -> Term:
        """The answer as 0 or 1."""
        sides = [
            apply(">=", (linear_term(list(variables), [*weights.tolist(), 0]), constant(bound)))
            for weights, bound in zip(self.weights, self.bounds, strict=True)
        ]
        return apply("int", (sides[0] if len(sides) == 1 else apply(self.joined, tuple(sides)),))


def nearest_planes(inputs: IntArray, target: IntArray, *, rng: np.random.Generator) -> Planes | None:
    """The form for answers (rows,) of 0 and 1, both among them, to inputs (rows, arity); None for other answers."""
    if set(np.unique(target)) != {0, 1}:
        return None
    wanted = target == 1
    scale = np.maximum(np.abs(inputs).max(axis=0), 1)
    rows = rng.permutation(len(inputs))[:FITTED]
    points, answers = inputs[rows] / scale, wanted[rows]
    best = one = _rounded(inputs, wanted, [_direction(points, answers) / scale], "or")
    for joined, sign in (("or", 1), ("and", -1)):  # both say 1 where neither says 0
        for pair in _pairs(points, answers == (sign > 0), rng):
            form = _rounded(inputs, wanted, [sign * direction / scale for direction in pair], joined)
            if form.share > max(best.share, one.share + BEND):
                best = form
    return best


def _direction(points: Array, answers: BoolArray) -> Array:
    return LogisticRegression(C=WEAK, max_iter=200).fit(points, answers).coef_[0]


def _pairs(points: Array, answers: BoolArray, rng: np.random.Generator) -> Iterator[list[Array]]:
    """Directions of two planes, at least one of which says yes where the answer is yes, from several starts."""
    yes, no = points[answers], points[~answers]
    for _ in range(STARTS):
        nearer = (yes @ rng.standard_normal(points.shape[1]) > 0).astype(np.int64)
        pair: list[Array] = []
        for _ in range(TURNS):
            if np.bincount(nearer, minlength=2).min() < FEW:
                break
            fits = []
            for k in (0, 1):
                mine = np.concatenate([yes[nearer == k], no])
                labels = np.arange(len(mine)) < np.count_nonzero(nearer == k)
                fits.append(LogisticRegression(C=WEAK, max_iter=200).fit(mine, labels))
            pair = [fit.coef_[0] for fit in fits]
            before, nearer = nearer, np.stack([fit.decision_function(yes) for fit in fits], axis=1).argmax(axis=1)
            if (before == nearer).all():
                break
        if pair:
            yield pair


def _rounded(inputs: IntArray, wanted: BoolArray, directions: Sequence[Array], joined: str) -> Planes:
    """The coarsest whole weights that lose little."""
    options: list[Planes] = []
    seen: set[bytes] = set()
    for largest in range(1, LARGEST_WEIGHT + 1):
        weights = [np.rint(d / max(np.abs(d).max(), 1e-30) * largest).astype(np.int64) for d in directions]
        key = np.concatenate(weights).tobytes()
        if key not in seen and all(w.any() for w in weights):
            seen.add(key)
            options.append(_bounded(inputs, wanted, weights, joined))
    if not options:
        nothing = np.zeros(inputs.shape[1], dtype=np.int64)
        return Planes((nothing,), (1,), joined, float((~wanted).mean()))
    best = max(option.share for option in options)
    return next(option for option in options if option.share >= best - LOSS)


def _bounded(inputs: IntArray, wanted: BoolArray, weights: Sequence[IntArray], joined: str) -> Planes:
    """The best bound of each plane, the others as they are; 0 where that is as good."""
    values = [inputs @ w for w in weights]
    neutral = joined == "and"
    sides = [np.full(len(inputs), neutral) for _ in weights]
    bounds = [0] * len(weights)
    for _ in range(1 if len(weights) == 1 else REFITS):
        for k, value in enumerate(values):
            others = [side for i, side in enumerate(sides) if i != k]
            open_ = np.ones(len(inputs), dtype=bool) if not others else (others[0] == neutral)
            bounds[k] = _bound(value[open_], wanted[open_])
            sides[k] = value >= bounds[k]
    given = sides[0] if len(sides) == 1 else (sides[0] & sides[1] if neutral else sides[0] | sides[1])
    return Planes(tuple(weights), tuple(bounds), joined, float((given == wanted).mean()))


def _bound(values: IntArray, wanted: BoolArray) -> int:
    """The bound at which `values >= bound` agrees with most answers: 0 where that agrees with nearly as many."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    ones = np.concatenate([[0], np.cumsum(wanted[order])])
    right = np.arange(len(ones)) - ones + (ones[-1] - ones)  # the first k are answered no, the rest yes
    ends = np.concatenate([[True], ordered[1:] > ordered[:-1], [True]])
    k = int(np.argmax(np.where(ends, right, -1)))
    if right[int(np.searchsorted(ordered, 0))] >= right[k] - LOSS * len(values):
        return 0
    return int(ordered[k]) if k < len(values) else int(ordered[-1]) + 1
