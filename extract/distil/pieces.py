"""Piecewise-linear forms near a table of numbers: planes under maxima, minima and sums, with small whole weights.

A small ReLU network with real outputs is such a form. For every shape of a few planes the planes are fitted by turns:
which of them is active where, then all of them at once by least squares (Magnani & Boyd 2009, there for maxima alone),
from several starts. A single plane is also tried over products of two inputs. Weights are then rounded, each plane to
the smallest common denominator that loses little, and of all shapes the one is kept that is short and near: every
halving of its farthest distance is worth some bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from dsl.cost import term_bits
from dsl.ops import apply
from dsl.terms import Term, Var, constant
from extract.search.engine.distil import linear_term
from verify.budget import Deadline

IntArray = NDArray[np.int64]
Array = NDArray[np.float64]
Planes = list[tuple[IntArray, int]]
"""Weights and denominator of each."""
Shape = int | tuple["str | Shape", ...]
"""A plane by its number, or an operator and two shapes."""
SHAPES: tuple[Shape, ...] = (
    0,
    ("max", 0, 1), ("min", 0, 1),
    ("max", ("max", 0, 1), 2), ("min", ("min", 0, 1), 2), ("min", ("max", 0, 1), 2), ("max", ("min", 0, 1), 2),
    ("+", ("max", 0, 1), ("min", 2, 3)), ("max", ("min", 0, 1), ("min", 2, 3)), ("min", ("max", 0, 1), ("max", 2, 3)),
    ("max", ("max", 0, 1), ("max", 2, 3)), ("min", ("min", 0, 1), ("min", 2, 3)),
)  # fmt: skip
DENOMINATORS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128, 200, 256, 500, 1000)
PLACES = (10_000, 1_000, 100, 10, 5)
HALVING_BITS = 40.0
"""What half the distance is worth: about a plane."""
LOSSES = 1.15, 1.6, 2.5
"""By how much rounding may carry a form away, and one step: each is tried."""
STARTS, TURNS, FITTED = 12, 40, 3_000
DAMPING = 1e-6
MOST_PAIRED = 8
"""Products of two inputs are features where there are at most so many inputs."""


@dataclass(frozen=True)
class Form:
    """A shape with its planes: `weights` (planes, features + 1), the last the offset, over `denominators` (planes,)."""

    shape: Shape
    features: tuple[Term, ...]
    weights: IntArray
    denominators: tuple[int, ...]
    farthest: int

    def term(self) -> Term:
        """The form as a term, quotients rounded to the nearest."""
        planes = []
        for row, d in zip(self.weights.tolist(), self.denominators, strict=True):
            whole = linear_term(self.features, [*row[:-1], row[-1] + (d // 2 if any(row[:-1]) else 0)])
            planes.append(whole if d == 1 else apply("div", (whole, constant(d))))
        return _joined(self.shape, planes)


def nearest_form(
    variables: Sequence[Var], inputs: IntArray, target: IntArray, deadline: Deadline, *, rng: np.random.Generator
) -> Form:
    """The form for answers (rows,) to inputs (rows, arity): of few bits for how near it is, everywhere on the table."""
    rows = rng.permutation(len(inputs))[:FITTED]
    best: Form | None = None
    least = float("inf")
    for shape, features, columns in _attempts(variables, inputs):
        if best is not None and (deadline.passed or best.farthest == 0):
            break
        scale = np.maximum(np.abs(columns).max(axis=0), 1)
        planes = _fitted(shape, columns[rows] / scale, target[rows].astype(np.float64), rng)
        for loss in LOSSES:
            form = _rounded(shape, features, planes / scale, columns, target, loss)
            price = term_bits(form.term(), len(variables)) + HALVING_BITS * float(np.log2(form.farthest + 1))
            if price < least:
                best, least = form, price
    assert best is not None
    return best


def _attempts(variables: Sequence[Var], inputs: IntArray) -> Iterator[tuple[Shape, tuple[Term, ...], IntArray]]:
    """Shapes, the features their planes are over, and the values of these, a column of ones last."""
    ones = np.ones(len(inputs), np.int64)
    plain = np.column_stack([inputs, ones])
    pairs = list(combinations_with_replacement(range(len(variables)), 2)) if len(variables) <= MOST_PAIRED else []
    products = [apply("*", (variables[i], variables[j])) for i, j in pairs]
    yield SHAPES[0], tuple(variables), plain
    if pairs:
        columns = [inputs[:, i] * inputs[:, j] for i, j in pairs]
        yield 0, (*variables, *products), np.column_stack([inputs, *columns, ones])
    yield from ((shape, tuple(variables), plain) for shape in SHAPES[1:])


def _count(shape: Shape) -> int:
    return 1 if isinstance(shape, int) else sum(_count(part) for part in shape[1:] if not isinstance(part, str))


def _joined(shape: Shape, planes: Sequence[Term]) -> Term:
    if isinstance(shape, int):
        return planes[shape]
    operator, left, right = shape
    assert isinstance(operator, str)
    assert not isinstance(left, str)
    assert not isinstance(right, str)
    return apply(operator, (_joined(left, planes), _joined(right, planes)))


def _active(shape: Shape, values: Array | IntArray) -> NDArray[np.bool_]:
    """Which planes (rows, planes) the value of the shape is the sum of, for the planes' values (rows, planes)."""
    if isinstance(shape, int):
        chosen = np.zeros(values.shape, dtype=bool)
        chosen[:, shape] = True
        return chosen
    operator, *parts = shape
    left, right = (_active(part, values) for part in parts if not isinstance(part, str))
    if operator == "+":
        return left | right
    larger = (left * values).sum(axis=1) >= (right * values).sum(axis=1)
    return np.where((larger == (operator == "max"))[:, None], left, right)


def _fitted(shape: Shape, points: Array, target: Array, rng: np.random.Generator) -> Array:
    """Planes (planes, columns) of least farthest distance among several starts."""
    count, width = _count(shape), points.shape[1]
    best: Array = np.zeros((count, width))
    least = float("inf")
    for planes in _starts(count, points, target, rng):
        before = None
        for _ in range(TURNS):
            active = _active(shape, points @ planes.T)
            distance = float(np.abs((active * (points @ planes.T)).sum(axis=1) - target).max())
            if distance < least:
                best, least = planes, distance
            if before is not None and (active == before).all():
                break
            before = active
            design = (active[:, :, None] * points[:, None, :]).reshape(len(points), -1)
            damped = design.T @ design + DAMPING * len(points) * np.eye(count * width)
            aim = design.T @ target + DAMPING * len(points) * planes.ravel()
            planes = np.asarray(np.linalg.solve(damped, aim), dtype=np.float64).reshape(count, width)
        if count == 1:
            break
    return best


def _starts(count: int, points: Array, target: Array, rng: np.random.Generator) -> Iterator[Array]:
    """Planes fitted to the neighbourhoods of random points."""
    for _ in range(STARTS):
        centres = points[rng.choice(len(points), count, replace=len(points) < count)]
        nearest = ((points[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        planes = []
        for k in range(count):
            mine, aim = points[nearest == k], target[nearest == k]
            ridge = mine.T @ mine + DAMPING * len(points) * np.eye(points.shape[1])
            planes.append(np.linalg.solve(ridge, mine.T @ aim))
        yield np.array(planes)


def _rounded(
    shape: Shape, features: tuple[Term, ...], planes: Array, points: IntArray, target: IntArray, loss: float
) -> Form:
    """Every plane in turn with the smallest denominator, fewest features and roundest offset that lose little."""
    options = [[_over(plane, d) for d in DENOMINATORS] for plane in planes]
    chosen: Planes = [(option[-1], DENOMINATORS[-1]) for option in options]
    finest = _farthest(shape, chosen, points, target)
    limit = loss * finest + 1

    def within(planes: Planes, k: int, weights: IntArray, d: int) -> Planes:
        tried = [*planes[:k], (weights, d), *planes[k + 1 :]]
        return tried if _farthest(shape, tried, points, target) <= limit else planes

    for k, option in enumerate(options):
        for weights, d in zip(option, DENOMINATORS, strict=True):
            coarser = within(chosen, k, weights, d)
            if coarser is not chosen:
                chosen = coarser
                break
        for column in np.argsort(np.abs(chosen[k][0][:-1]) * np.abs(points[:, :-1]).max(axis=0)):
            weights, d = chosen[k]
            chosen = within(chosen, k, np.where(np.arange(len(weights)) == column, 0, weights), d)
        weights, d = chosen[k]
        for place in PLACES:
            offset = round(weights[-1] / (place * d)) * place * d
            eased = within(chosen, k, np.append(weights[:-1], offset), d)
            if eased is not chosen:
                chosen = eased
                break
    weights = np.array([w for w, _ in chosen])
    return Form(shape, features, weights, tuple(d for _, d in chosen), int(_farthest(shape, chosen, points, target)))


def _over(plane: Array, d: int) -> IntArray:
    return np.rint(plane * d).astype(np.int64)


def _farthest(shape: Shape, planes: Planes, points: IntArray, target: IntArray) -> int:
    values = np.stack([_quotient(points, weights, d) for weights, d in planes], axis=1)
    return int(np.abs((_active(shape, values) * values).sum(axis=1) - target).max())


def _quotient(points: IntArray, weights: IntArray, d: int) -> IntArray:
    half = d // 2 if weights[:-1].any() else 0
    return (points @ weights + half) // d
