"""Moebius transforms over subsets: the algebraic normal form over GF(2), and And/Or interactions over the numbers.

A function of n Boolean inputs is an array of shape (2,) * n. The And interaction of a set S (its Harsanyi dividend) is
the sum of (-1)^(|S| - |T|) f(T) over subsets T of S: what the inputs of S add when all of them are 1 (Ren et al. 2021).
Or interactions are the same of the function with every input negated. Both are computed by the fast transform in n 2^n
steps, and the function is the sum of the interactions of all sets that hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
MOST_INPUTS = 20


def algebraic_normal_form(truth: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    """The monomials (sets of inputs) whose exclusive or is the function."""
    values = truth.copy()
    for axis in range(truth.ndim):
        front = np.moveaxis(values, axis, 0)
        front[1] ^= front[0]
    return [tuple(int(k) for k in np.flatnonzero(row)) for row in np.argwhere(values)]


def dividends(values: Array) -> Array:
    """The And interaction of every set of inputs, by the fast transform; of the dtype of `values`."""
    found = values.copy()
    for axis in range(values.ndim):
        front = np.moveaxis(found, axis, 0)
        front[1] -= front[0]
    return found


def from_dividends(interactions: Array) -> Array:
    """The function whose And interactions these are."""
    found = interactions.copy()
    for axis in range(interactions.ndim):
        front = np.moveaxis(found, axis, 0)
        front[1] += front[0]
    return found


@dataclass(frozen=True)
class AndOr:
    """A real function of n Boolean inputs as interactions, exactly: value = (sum of those that hold) * unit.

    `kind` is "and" (a set holds where all its inputs are 1) or "or" (where all are 0, taken from the negated function);
    `interactions` has shape (2,) * n. `exact` says that the sums were made in whole multiples of `unit`, without
    rounding; else in double precision, and `error` is the largest difference on all inputs.
    """

    kind: str
    interactions: Array
    unit: float
    exact: bool
    error: float

    def salient(self, share: float = 0.01) -> list[tuple[tuple[int, ...], float]]:
        """Sets whose interaction is at least `share` of the largest, with it, the strongest first."""
        size = np.abs(self.interactions).ravel()
        kept = np.flatnonzero(size >= max(share * float(size[1:].max(initial=0)), np.finfo(float).tiny))
        order = kept[np.argsort(-size[kept], kind="stable")]
        sets = np.stack(np.unravel_index(order, self.interactions.shape), axis=1)
        named = [tuple(int(k) for k in np.flatnonzero(row)) for row in sets]
        return [(s, float(self.interactions.flat[at]) * self.unit) for s, at in zip(named, order, strict=True)]

    def reconstructed(self) -> NDArray[np.float64]:
        """The function again, from its interactions alone."""
        values = from_dividends(self.interactions)
        return (np.flip(values) if self.kind == "or" else values).astype(np.float64) * self.unit


def and_or(values: NDArray[np.float32], kind: str | None = None) -> AndOr:
    """The interactions of a function (2,) * n of float32 values; of the kind with fewer salient sets unless given."""
    if values.ndim > MOST_INPUTS:
        raise ValueError(f"expected at most {MOST_INPUTS} inputs, got {values.ndim}")
    if kind is None:
        return min((and_or(values, k) for k in ("and", "or")), key=lambda found: len(found.salient()))
    turned = np.flip(values) if kind == "or" else values
    scaled, unit = _whole(turned.astype(np.float64), values.ndim)
    exact = scaled.dtype == np.int64
    interactions = dividends(scaled)
    error = float(np.abs(from_dividends(interactions) * unit - turned.astype(np.float64)).max())
    return AndOr(kind, interactions, unit, exact, error)


def _whole(values: NDArray[np.float64], inputs: int) -> tuple[Array, float]:
    """The values as whole multiples of a power of two where all interactions then fit into 63 bits, else unchanged."""
    sizes = np.abs(values[values != 0])
    if not sizes.size:
        return values.astype(np.int64), 1.0
    mantissa, exponent = np.frexp(sizes)
    whole = (mantissa * 2.0**24).astype(np.int64)  # float32: 24 bits
    trailing = np.log2((whole & -whole).astype(np.float64)).astype(np.int64)
    lowest, highest = int((exponent - 24 + trailing).min()), int(exponent.max())
    if highest - lowest + inputs > 62:
        return values, 1.0
    return np.ldexp(values, -lowest).astype(np.int64), float(2.0**lowest)
