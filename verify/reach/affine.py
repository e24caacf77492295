"""Sound enclosures of what a float32 network computes: batches of ellipsoids (affine arithmetic over a ball).

A *form* encloses a vector: `centre + generators . s + box . r` for all s of Euclidean norm at most 1 and all r in
[-1, 1], each coordinate on its own (affine arithmetic, de Figueiredo & Stolfi 1997, with a ball in place of the cube:
linear maps keep ellipsoids ellipsoids, and a quadratic norm adapts to what contracts). Every operation adds to the box

- what its linearisation misses,
- the rounding of the float32 operation that really runs, in any order of summation (Higham 2002, section 3.1), and
- an outward margin for this module's own float64 arithmetic.

The float32 tanh and sigmoid are taken to be within `FUNCTION_ERROR` of the true ones: 16 units in the last place at 1,
where the vector libraries torch uses document at most 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

UNIT = 2.0**-24  # relative rounding error of one float32 operation
TINY = 2.0**-140  # absolute error where results underflow
OUTWARD = 1e-10  # relative; float64 has 1.1e-16 an operation, and forms have under 1e5 terms
FUNCTION_ERROR = 2.0**-20


@dataclass(frozen=True, slots=True)
class Form:
    """Enclosures of a batch of vectors: centre (batch width), generators (batch terms width), box (batch width)."""

    centre: Array
    generators: Array
    box: Array

    @property
    def radius(self) -> Array:
        """Half the width of the interval hull, rounded outward."""
        radius = np.sqrt((self.generators**2).sum(axis=1)) + self.box
        return radius + OUTWARD * (np.abs(self.centre) + radius)

    @property
    def magnitude(self) -> Array:
        """The largest absolute value each coordinate can have."""
        return np.abs(self.centre) + self.radius

    def columns(self, index: slice) -> Form:
        """Some of the coordinates."""
        return Form(self.centre[:, index], self.generators[:, :, index], self.box[:, index])

    def rows(self, index: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Form:
        """Some of the enclosures."""
        return Form(self.centre[index], self.generators[index], self.box[index])

    def widened(self, error: Array | float) -> Form:
        """The form with a larger box, and the outward margin of one operation."""
        margin = OUTWARD * (self.magnitude + error)
        return Form(self.centre, self.generators, self.box + error + margin)


def point(values: Array) -> Form:
    """Exactly these vectors (batch width)."""
    return Form(values, np.zeros((len(values), 0, values.shape[1])), np.zeros_like(values))


def ellipsoids(centres: Array, shapes: Array) -> Form:
    """All `centre + shape @ s` with |s| <= 1, for shapes (batch width terms)."""
    return Form(centres, shapes.transpose(0, 2, 1), np.zeros_like(centres))


def side_by_side(parts: list[Form]) -> Form:
    """The concatenation of vectors of one batch that share generators."""
    return Form(
        np.concatenate([p.centre for p in parts], axis=1),
        np.concatenate([p.generators for p in parts], axis=2),
        np.concatenate([p.box for p in parts], axis=1),
    )


def linear(x: Form, weight: Array, bias: Array) -> Form:
    """`weight @ x + bias` in float32: a sum of `columns + 1` terms in any order."""
    terms = weight.shape[1] + 2
    relative = terms * UNIT / (1 - terms * UNIT)
    error = x.box @ np.abs(weight).T + relative * (x.magnitude @ np.abs(weight).T + np.abs(bias)) + terms * TINY
    return Form(x.centre @ weight.T + bias, x.generators @ weight.T, np.zeros_like(error)).widened(error)


def add(a: Form, b: Form) -> Form:
    """`a + b` in float32."""
    total = Form(a.centre + b.centre, a.generators + b.generators, a.box + b.box)
    return total.widened(UNIT * total.magnitude + TINY)


def subtract(a: Form, b: Form) -> Form:
    """`a - b` in float32."""
    return add(a, Form(-b.centre, -b.generators, b.box))


def multiply(a: Form, b: Form) -> Form:
    """`a * b`, coordinate by coordinate, in float32; the product of two linear forms on the ball is within its ends."""
    long_a, long_b = (np.sqrt((f.generators**2).sum(axis=1)) for f in (a, b))
    middle = 0.5 * (a.generators * b.generators).sum(axis=1)
    generators = a.generators * b.centre[:, None] + b.generators * a.centre[:, None]
    error = 0.5 * long_a * long_b + a.box * (np.abs(b.centre) + long_b) + b.box * (np.abs(a.centre) + long_a + a.box)
    return Form(a.centre * b.centre + middle, generators, np.zeros_like(error)).widened(
        error + UNIT * a.magnitude * b.magnitude + TINY
    )


def blend(new: Form, old: Form, update: Form) -> Form:
    """`new + update * (old - new)` in float32; the box of `new` is left by as much as `1 - update` leaves of it."""
    known = Form(new.centre, new.generators, np.zeros_like(new.box))
    mixed = add(known, multiply(update, subtract(old, known)))
    left = Form(1 - update.centre, update.generators, update.box).magnitude
    return mixed.widened(new.box * (left + 4 * UNIT))  # each of the three operations also rounds what the box adds


def tanh(x: Form) -> Form:
    """The float32 hyperbolic tangent."""
    low, high = x.centre - x.radius, x.centre + x.radius
    at_low, at_high = np.tanh(low), np.tanh(high)
    slope = np.clip(_chord(low, high, at_low, at_high, 1 - at_low**2), 0.0, 1.0)
    value = np.sqrt(1 - slope)
    return _relaxed(x, slope, low, high, at_low, at_high, np.arctanh(np.minimum(value, 1 - 1e-16)), value, 0.0)


def sigmoid(x: Form) -> Form:
    """The float32 logistic function."""
    low, high = x.centre - x.radius, x.centre + x.radius
    at_low, at_high = (0.5 + 0.5 * np.tanh(0.5 * end) for end in (low, high))
    slope = np.clip(_chord(low, high, at_low, at_high, at_low * (1 - at_low)), 0.0, 0.25)
    value = np.sqrt(0.25 - slope)
    return _relaxed(x, slope, low, high, at_low, at_high, 2 * np.arctanh(np.minimum(2 * value, 1 - 1e-16)), value, 0.5)


def _chord(low: Array, high: Array, at_low: Array, at_high: Array, derivative: Array) -> Array:
    """The slope between the ends; the derivative at one where they are too close to divide by."""
    wide = high - low > 1e-7
    return np.where(wide, (at_high - at_low) / np.where(wide, high - low, 1.0), derivative)


def _relaxed(
    x: Form,
    slope: Array,
    low: Array,
    high: Array,
    at_low: Array,
    at_high: Array,
    turn: Array,
    rise: Array,
    middle: float,
) -> Form:
    """`slope * x + offset` for a curve whose derivative is `slope` at `-turn` and `turn`, where it is `middle -+ rise`.

    What the line misses is extreme at an end or at a turn; a slope that is slightly off moves a turn to first order,
    the extreme to second.
    """
    missed = [at_low - slope * low, at_high - slope * high]
    least, most = np.minimum(*missed), np.maximum(*missed)
    for sign in (-1.0, 1.0):
        at = middle + sign * rise - slope * sign * turn
        within = (low < sign * turn) & (sign * turn < high)
        least, most = np.where(within, np.minimum(least, at), least), np.where(within, np.maximum(most, at), most)
    centre = slope * x.centre + 0.5 * (least + most)
    margin = FUNCTION_ERROR + 1e-12 * (1 + np.abs(low) + np.abs(high))
    deviation = slope * x.box + 0.5 * (most - least) + margin
    return Form(centre, x.generators * slope[:, None], np.zeros_like(centre)).widened(deviation)


def relu(x: Form) -> Form:
    """The larger of 0 and x, which float32 computes exactly."""
    return _ramp(x, *_lines(x))


def relu_pieces(x: Form, at_most: int) -> tuple[Form, NDArray[np.int64]]:
    """`relu` on each side of the kinks: enclosures whose union covers it, and the row each came from.

    On one side the function is linear and nothing is missed. At most `at_most` kinks per row, the deepest.
    """
    slope, offset = _lines(x)
    depth = np.where(offset > 0, np.minimum(x.centre + x.radius, x.radius - x.centre), 0.0)
    rank = np.argsort(np.argsort(-depth, axis=1, kind="stable"), axis=1)
    cut = (offset > 0) & (rank < at_most)
    pieces = 1 << cut.sum(axis=1)
    rows = np.repeat(np.arange(len(pieces)), pieces)
    number = np.arange(len(rows)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    place = np.maximum(np.cumsum(cut, axis=1) - 1, 0)[rows]
    side = (number[:, None] >> place) & 1
    return _ramp(x.rows(rows), np.where(cut[rows], side, slope[rows]), np.where(cut[rows], 0.0, offset[rows])), rows


def _lines(x: Form) -> tuple[Array, Array]:
    low, high = x.centre - x.radius, x.centre + x.radius
    crossing = (low < 0) & (high > 0)
    slope = np.where(low >= 0, 1.0, np.where(crossing, high / np.where(crossing, high - low, 1.0), 0.0))
    return slope, np.where(crossing, -0.5 * slope * low, 0.0)


def _ramp(x: Form, slope: Array, offset: Array) -> Form:
    centre = slope * x.centre + offset
    generators = x.generators * slope[:, None]
    return Form(centre, generators, np.zeros_like(centre)).widened(slope * x.box + offset)
