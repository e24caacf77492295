"""Affine functions of a few columns that are exact: one linear system per choice of columns, all solved at once."""

from __future__ import annotations

import itertools

import numpy as np

from verify.domain import IntArray

MOST_COLUMNS = 3
LARGEST, NEAR, ROWS = 64, 1e-6, 64
"""Coefficients beyond this are none that anybody would write; how far off an affine function with any coefficients may
be by rounding, and rows on which that is looked at first."""


def affine_fits(columns: IntArray, target: IntArray) -> list[IntArray]:
    """Coefficients (columns + 1, the constant last) of affine functions with integer coefficients that equal `target`.

    At most `MOST_COLUMNS` columns (row, column) count; none where a column is not needed beside the others.
    """
    count = columns.shape[1]
    design = np.column_stack([columns, np.ones(len(columns), np.int64)])
    some = slice(None, None, -(-len(design) // ROWS))
    if np.abs(design[some] @ (np.linalg.pinv(design[some]) @ target[some]) - target[some]).max() > NEAR:
        return []
    gram, right = ((design.T @ each).astype(np.float64) for each in (design, target))
    found: dict[tuple[int, ...], IntArray] = {}
    for width in range(1, min(MOST_COLUMNS, count) + 1):
        chosen = np.array([(*c, count) for c in itertools.combinations(range(count), width)])
        inverse = np.linalg.pinv(gram[chosen[:, :, None], chosen[:, None, :]], hermitian=True)
        solved = np.rint((inverse @ right[chosen][:, :, None])[:, :, 0])
        solved[np.abs(solved[:, :-1]).max(axis=1) > LARGEST] = 0
        full = np.zeros((len(chosen), count + 1), dtype=np.int64)
        np.put_along_axis(full, chosen, solved.astype(np.int64), axis=1)
        right_ones = (full @ design.T == target).all(axis=1)
        for each in full[right_ones]:
            found.setdefault(tuple(each.tolist()), each)
    return list(found.values())
