"""Ellipsoids `centre + shape @ s`, |s| <= 1: what contains an enclosure, and whether one is contained.

Shapes are (width, width) arrays and come with their inverse. These functions guide the search; what they find is
established again, with every rounding, by `verify.checker`.
"""

from __future__ import annotations

import numpy as np

from verify.reach.affine import Array, Form

TIGHTEST = 1e-13  # smallest eigenvalue kept, as a share of the largest
FIT = 0.995  # how much of a new region the enclosure it was made for may fill
MULTIPLIERS = (0.03, 0.1, 0.25, 0.5, 1.0)


def around(generators: Array, box: Array, inflation: float, least: Array) -> tuple[Array, Array]:
    """Shape and inverse of an ellipsoid that holds `generators . s + box . r`, for generators (terms width).

    It is the image inflated plus `least` (width width, the square of a shape) in every direction. With
    S' = inflation J S J^T + least, the map J shrinks one such ellipsoid into the next by 1 / sqrt(inflation), as long
    as S stays bounded: a quadratic norm in which products of many steps contract, found by following them (Lyapunov).
    """
    square = inflation * generators.T @ generators + least + np.diag(1.5 * len(box) * box**2)
    values, vectors = np.linalg.eigh(square)
    roots = np.sqrt(np.maximum(values, TIGHTEST * values[-1]))
    shape, inverse = vectors * roots, (vectors / roots).T
    seen = inverse @ generators.T
    filled = np.sqrt(max(np.linalg.eigvalsh(seen @ seen.T)[-1], 0.0)) + np.linalg.norm(np.abs(inverse) @ box)
    grown = max(1.0, float(filled) / FIT)
    return shape * grown, inverse / grown


def contained(form: Form, centres: Array, inverses: Array) -> np.ndarray:
    """Whether each enclosure lies in the ellipsoid of its row, by the bound of `largest_norm`."""
    offset = np.matmul(inverses, (form.centre - centres)[:, :, None])[:, :, 0]
    seen = np.matmul(inverses, form.generators.transpose(0, 2, 1))
    box = np.linalg.norm(np.matmul(np.abs(inverses), form.box[:, :, None])[:, :, 0], axis=1)
    return largest_norm(offset, seen) + box <= 1 - 1e-7


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
