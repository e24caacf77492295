"""Sound enclosures of what a float32 network computes: batches of zonotopes (affine arithmetic).

A *form* encloses a vector: `centre + generators . s + box . r` for all coefficients s, r in [-1, 1] (de Figueiredo &
Stolfi 1997; for networks, Singh et al. 2018). Every operation adds to the box

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
        radius = np.abs(self.generators).sum(axis=1) + self.box
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
        margin = OUTWARD * (np.abs(self.centre) + np.abs(self.generators).sum(axis=1) + self.box + error)
        return Form(self.centre, self.generators, self.box + error + margin)


def point(values: Array) -> Form:
    """Exactly these vectors (batch width)."""
    return Form(values, np.zeros((len(values), 0, values.shape[1])), np.zeros_like(values))


def ball(centres: Array, radius: Array) -> Form:
    """Boxes of the given half-widths (batch width), as zonotopes that stay correlated through linear maps."""
    return Form(centres, radius[:, :, None] * np.eye(centres.shape[1]), np.zeros_like(centres))


def spread(form: Form) -> Form:
    """The same set with its box as generators, so that the next linear map keeps track of it."""
    corners = form.box[:, :, None] * np.eye(form.box.shape[1])
    return Form(form.centre, np.concatenate([form.generators, corners], axis=1), np.zeros_like(form.box))


def concatenate(forms: list[Form]) -> Form:
    """Enclosures of several batches with the same number of coordinates; missing generators are zero."""
    terms = max(f.generators.shape[1] for f in forms)
    padded = [np.pad(f.generators, ((0, 0), (0, terms - f.generators.shape[1]), (0, 0))) for f in forms]
    boxes, centres = [f.box for f in forms], [f.centre for f in forms]
    return Form(np.concatenate(centres), np.concatenate(padded), np.concatenate(boxes))


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
    """`a * b`, coordinate by coordinate, in float32."""
    generators = a.generators * b.centre[:, None] + b.generators * a.centre[:, None]
    error = a.box * np.abs(b.centre) + b.box * np.abs(a.centre) + a.radius * b.radius
    return Form(a.centre * b.centre, generators, np.zeros_like(error)).widened(
        error + UNIT * a.magnitude * b.magnitude + TINY
    )


def tanh(x: Form) -> Form:
    """The float32 hyperbolic tangent: the line of the smaller end slope, which the curve leaves monotonically."""
    low, high = x.centre - x.radius, x.centre + x.radius
    at_low, at_high = np.tanh(low), np.tanh(high)
    slope = np.minimum(1 - at_low**2, 1 - at_high**2)
    return _relaxed(x, slope, low, high, at_low, at_high, FUNCTION_ERROR)


def sigmoid(x: Form) -> Form:
    """The float32 logistic function, likewise."""
    low, high = x.centre - x.radius, x.centre + x.radius
    at_low, at_high = (0.5 + 0.5 * np.tanh(0.5 * end) for end in (low, high))
    slope = np.minimum(at_low * (1 - at_low), at_high * (1 - at_high))
    return _relaxed(x, slope, low, high, at_low, at_high, FUNCTION_ERROR)


def relu(x: Form) -> Form:
    """The larger of 0 and x, which float32 computes exactly."""
    low, high = x.centre - x.radius, x.centre + x.radius
    width = np.where(high > low, high - low, 1.0)
    slope = np.where(low >= 0, 1.0, np.where(high <= 0, 0.0, np.maximum(high, 0) / width))
    crossing = (low < 0) & (high > 0)
    offset = np.where(crossing, -0.5 * slope * low, 0.0)
    centre = slope * x.centre + offset
    return Form(centre, x.generators * slope[:, None], np.zeros_like(centre)).widened(slope * x.box + np.abs(offset))


def _relaxed(x: Form, slope: Array, low: Array, high: Array, at_low: Array, at_high: Array, error: float) -> Form:
    """`slope * x + offset` with the deviation between the ends as box; exact for a curve at least as steep."""
    slope = slope * (1 - 1e-9)
    rise = 0.5 * ((at_high - at_low) - slope * (high - low))
    offset = 0.5 * ((at_high + at_low) - slope * (high + low))
    margin = 1e-14 * (1 + np.abs(low) + np.abs(high))
    centre = slope * x.centre + offset
    deviation = slope * x.box + np.maximum(rise, 0) + margin + error
    return Form(centre, x.generators * slope[:, None], np.zeros_like(centre)).widened(deviation)
