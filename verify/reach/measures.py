"""What all continuations make of a small disturbance: estimates at sampled states, by value iteration over them.

At a state x, a matrix V(x) measures a disturbance d as d^T V d: the squares of what it does, linearised, to the leads
of the read-out and to the state itself, now and later (an observability Gramian), summed over the worst continuation.
In units of spreads; nothing here has to be sound.
"""

from __future__ import annotations

import numpy as np

from verify.budget import Deadline
from verify.reach.affine import Array
from verify.reach.samples import Samples

SWEEPS = 40
LARGEST = 1e12


def effects(samples: Samples, deadline: Deadline) -> Array:
    """A matrix per sample (count width width); followed until the deadline."""
    steps = [samples.linearised(samples.states, samples.numbers, symbol) for symbol in samples.symbols]
    square = np.zeros_like(steps[0][0])
    for _ in range(SWEEPS):
        nexts = [local + j.transpose(0, 2, 1) @ square[after] @ j for local, j, after in steps]
        traces = np.stack([np.einsum("bii->b", each) for each in nexts])
        worst = traces.argmax(axis=0)
        square = _limited(np.stack(nexts)[worst, np.arange(len(worst))])
        if deadline.passed:
            break
    return square


def _limited(squares: Array) -> Array:
    traces = np.einsum("bii->b", squares)
    return squares * np.minimum(1.0, LARGEST / np.maximum(traces, 1e-300))[:, None, None]
