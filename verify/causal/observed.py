"""What later steps look at: the directions of the state on which the next outputs, and what these look at, depend.

A direction that nothing reads can hold a copy of anything; an alignment that lists it is not wrong, but says too much.
The directions are the active subspace (Constantine 2015) of the next logits, grown by those the next state needs, from
finite differences at points between states that were met: there even saturated units answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np

from verify.causal.runs import Matrix, Runs
from verify.subject import FloatArray, RecurrentSubject

POINTS = 160
STEP = 0.02
WEAK = 0.02
"""Directions this much weaker than the strongest are left out."""
ROUNDS = 6


@runtime_checkable
class WithLogits(RecurrentSubject, Protocol):
    """A network that shows what its outputs are decoded from."""

    def readout(self, state: FloatArray) -> FloatArray:
        """Logits (batch, columns) of states (batch, width)."""
        ...


def observed(runs: Runs, *, rng: np.random.Generator) -> Matrix:
    """Orthonormal directions (rows, width) that later outputs depend on; all where the network shows no logits."""
    width = runs.hidden.shape[-1]
    network = runs.network
    if not isinstance(network, WithLogits):
        return np.eye(width)
    flat = runs.hidden.reshape(-1, width).astype(np.float64)
    ends = flat[rng.integers(0, len(flat), (2, POINTS))]
    share = rng.uniform(-0.1, 1.1, (POINTS, 1))
    points = share * ends[0] + (1 - share) * ends[1]
    symbols = network.domain.draw((POINTS,), rng=rng)
    size = STEP * max(float(np.abs(flat - flat.mean(axis=0)).max()), 1e-6)
    change = _derivative(lambda states, rows: network.step(states, symbols[rows])[0], points, size)
    after = network.step(points.astype(np.float32), symbols)[0]
    logits = _derivative(lambda states, rows: network.readout(states), after.astype(np.float64), size)
    found = _directions(np.einsum("pkw,pwv->pkv", logits, change))
    for _ in range(ROUNDS):
        carried = np.einsum("kw,pwv->pkv", found, change)
        wider = _directions(np.concatenate([np.einsum("pkw,pwv->pkv", logits, change), carried], axis=1))
        if len(wider) == len(found):
            return wider
        found = wider
    return found


def _derivative(function: Callable[[FloatArray, Matrix], FloatArray], points: Matrix, size: float) -> Matrix:
    """Central differences (point, out, width)."""
    count, width = points.shape
    shifts = size * np.eye(width)
    rows = np.repeat(np.arange(count), width)
    ahead, behind = (
        function((points[:, None] + sign * shifts).reshape(-1, width).astype(np.float32), rows) for sign in (1, -1)
    )
    return ((ahead.astype(np.float64) - behind) / (2 * size)).reshape(count, width, -1).transpose(0, 2, 1)


def _directions(rows: Matrix) -> Matrix:
    """The strong directions of many gradients (point, out, width), each output brought to unit size."""
    scale = np.sqrt((rows**2).sum(axis=(0, 2), keepdims=True))
    flat = (rows / np.maximum(scale, 1e-9 * max(float(scale.max()), 1e-300))).reshape(-1, rows.shape[-1])
    _, sizes, directions = np.linalg.svd(flat.T @ flat)
    return directions[np.sqrt(sizes) > WEAK * np.sqrt(max(float(sizes[0]), 1e-300))]
