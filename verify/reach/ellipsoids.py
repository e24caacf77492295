"""Ellipsoids `centre + shape @ s`, |s| <= 1: what contains an enclosure, and whether one is contained.

Shapes are (width, width) arrays and come with their inverse. These functions guide the search; what they find is
established again, with every rounding, by `verify.checker`.
"""

from __future__ import annotations

import numpy as np

from verify.reach.affine import Array, Form

TIGHTEST = 1e-13  # smallest eigenvalue kept, as a share of the largest
FIT = 0.999  # how much of a new region the enclosure it was made for may fill
ASCENTS = 5
MULTIPLIERS = (0.03, 0.1, 0.25, 0.5, 1.0)


def around(generators: Array, box: Array, inflation: float, least: Array) -> tuple[Array, Array, Array]:
    """Per row, shape and inverse of an ellipsoid that holds `generators . s + box . r`, for generators (terms width).

    It is the image inflated plus `least` (width width, the square of a shape) in every direction. With
    S' = inflation J S J^T + least, the map J shrinks one such ellipsoid into the next by 1 / sqrt(inflation), as long
    as S stays bounded: a quadratic norm in which products of many steps contract, found by following them (Lyapunov).
    The third value is the share that the box, which is what was missed, has in the square.
    """
    units = np.sqrt(np.diagonal(least, axis1=1, axis2=2))
    square = np.matmul(generators.transpose(0, 2, 1), generators)
    length = _trace(square, units) / units.shape[1]
    factor = 1 + (inflation - 1) / (1 + length)  # less where slow directions have grown long
    square = factor[:, None, None] * square + least
    inside = _trace(square, units)
    missed = (box / units).sum(axis=1)  # the box lies in the ellipsoid of square `missed * diag(box * units)`
    share = missed**2 / (missed**2 + inside)
    room = (missed + np.sqrt(inside))[:, None] * box * units
    square = square + room[:, :, None] * np.eye(units.shape[1])
    shape, inverse = _roots(square)
    grown = np.maximum(1.0, _filled(inverse, generators, box) / FIT)[:, None, None]
    return shape * grown, inverse / grown, share


def _roots(square: Array) -> tuple[Array, Array]:
    """Shapes of these squares, with their inverses."""
    values, vectors = np.linalg.eigh(square)
    roots = np.sqrt(np.maximum(values, TIGHTEST * values[:, -1:]))
    return vectors * roots[:, None], (vectors / roots[:, None]).transpose(0, 2, 1)


def _filled(inverse: Array, generators: Array, box: Array) -> Array:
    """How far an enclosure goes in ellipsoids around its centre, which end at 1."""
    seen = np.matmul(inverse, generators.transpose(0, 2, 1))
    longest = np.sqrt(np.maximum(np.linalg.eigvalsh(np.matmul(seen, seen.transpose(0, 2, 1)))[:, -1], 0.0))
    return longest + box_norm(inverse, box)


def _trace(square: Array, units: Array) -> Array:
    """Traces in these units."""
    return (np.diagonal(square, axis1=1, axis2=2) / units**2).sum(axis=1)


def contained(form: Form, centres: Array, inverses: Array) -> np.ndarray:
    """Whether each enclosure lies in the ellipsoid of its row, by the bound of `largest_norm`."""
    offset = np.matmul(inverses, (form.centre - centres)[:, :, None])[:, :, 0]
    seen = np.matmul(inverses, form.generators.transpose(0, 2, 1))
    box = box_norm(inverses, form.box)
    held = some_norm(offset, seen) + box <= 1  # quick, and settles nearly all that are not
    held[held] = largest_norm(offset[held], seen[held]) + box[held] <= 1 - 1e-7
    return held


def box_norm(matrix: Array, box: Array) -> Array:
    """At least the largest |matrix @ r| over |r_i| <= box_i, per row.

    The square is the sum of V_ij r_i r_j for V = matrix^T matrix, so at most that of |V_ij| box_i box_j; it is never
    more than the square of | |matrix| @ box |, and less where columns of the matrix are nearly orthogonal.
    """
    square = np.abs(np.matmul(matrix.transpose(0, 2, 1), matrix))
    return np.sqrt((box * np.matmul(square, box[:, :, None])[:, :, 0]).sum(axis=1))


def some_norm(offset: Array, matrix: Array) -> Array:
    """At most the largest |offset + matrix @ s| over |s| <= 1, per row, and mostly near it: a few ascents."""
    seen = offset + 1e-3 * matrix.sum(axis=2)
    for _ in range(ASCENTS):
        pull = np.matmul(seen[:, None], matrix)[:, 0]
        seen = offset + np.matmul(matrix, pull[:, :, None])[:, :, 0] / np.maximum(
            np.linalg.norm(pull, axis=1, keepdims=True), 1e-300
        )
    return np.linalg.norm(seen, axis=1) * (1 - 1e-9)


def largest_norm(offset: Array, matrix: Array) -> Array:
    """At least the largest |offset + matrix @ s| over |s| <= 1, per row.

    For every m above the largest eigenvalue of M M^T, the square is at most m (1 + sum d_i^2 / (m - e_i)) in
    eigencoordinates (S-procedure); a few m are tried.
    """
    values, vectors = np.linalg.eigh(np.matmul(matrix, matrix.transpose(0, 2, 1)))
    squares = np.matmul(vectors.transpose(0, 2, 1), offset[:, :, None])[:, :, 0] ** 2
    top, length = np.maximum(values[:, -1], 0.0), np.sqrt(squares.sum(axis=1))
    best = (np.sqrt(top) + length) ** 2
    for factor in MULTIPLIERS:
        m = top + np.maximum(factor * np.sqrt(top) * length, 1e-4)
        best = np.minimum(best, m * (1 + (squares / (m[:, None] - values)).sum(axis=1)))
    return np.sqrt(best)
