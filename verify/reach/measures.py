"""What all continuations make of a small disturbance: estimates from sampled states, by value iteration over them.

At a state x, a matrix V(x) measures a disturbance d as d^T V d: the squares of what it does, linearised, to the leads
of the read-out and to the state itself, now and later (an observability Gramian). Both measures are in units of
spreads; nothing here has to be sound.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from verify.budget import Deadline
from verify.reach.affine import Array
from verify.reach.samples import Numbers, Samples

SWEEPS = 40
SOON = 16  # continuations of so many steps or fewer are told apart
LARGEST = 1e12
FULL, LEAST = 1e-9, 1e-12  # share of the trace, and what else, is added to all directions before inverting


class Measure(Protocol):
    """A matrix per state."""

    def at(self, states: Array, numbers: Numbers, ahead: Numbers) -> Array:
        """Matrices (batch width width) at states (batch width) of program states, for so many steps `ahead`."""
        ...


class Total:
    """The sum over the worst continuation, as it is at the nearest sample; followed until the deadline."""

    def __init__(self, samples: Samples, deadline: Deadline) -> None:
        self._samples, soon = samples, list[Array]()
        steps = [samples.linearised(samples.states, samples.numbers, symbol) for symbol in samples.symbols]
        square = np.zeros_like(steps[0][0])
        for sweep in range(SWEEPS):
            nexts = [local + j.transpose(0, 2, 1) @ square[after] @ j for local, j, after in steps]
            traces = np.stack([np.einsum("bii->b", each) for each in nexts])
            worst = traces.argmax(axis=0)
            square = _limited(np.stack(nexts)[worst, np.arange(len(worst))])
            if sweep < SOON:
                soon.append(square)
            if deadline.passed:
                break
        self._squares = np.stack([*soon, square])

    def at(self, states: Array, numbers: Numbers, ahead: Numbers) -> Array:
        near = self._samples.near(states, numbers)
        return self._squares[np.clip(ahead, 1, len(self._squares)) - 1, near]


class Contracting:
    """A metric in which every step shrinks by `rate`, or nearly so, what has at most `length` steps ahead.

    V(x) is above what `rate`^2 V makes of the image of a disturbance under any symbol, and above its effects there, in
    the order of positive matrices (a contraction metric, Lohmiller & Slotine 1998, with a horizon). Ellipsoids of this
    metric, of one size, hold the images of each other but for what linearisation misses, whatever they came of. Near
    a sample nothing is taken over but the metric one step later; that step is linearised at the state itself.
    """

    def __init__(self, samples: Samples, rate: float, length: int, deadline: Deadline) -> None:
        self._samples, self._rate = samples, rate
        steps = [samples.linearised(samples.states, samples.numbers, symbol) for symbol in samples.symbols]
        self._squares = [np.zeros_like(steps[0][0])]  # by number of steps ahead
        for _ in range(length):
            last = self._squares[-1]
            self._squares.append(_limited(_above_all([self._before(step, last[step[2]]) for step in steps])))
            if deadline.passed:
                break

    def at(self, states: Array, numbers: Numbers, ahead: Numbers) -> Array:
        later = np.clip(ahead, 1, len(self._squares)) - 1
        found = list[Array]()
        for symbol in self._samples.symbols:
            step = self._samples.linearised(states, numbers, symbol)
            last = np.stack([self._squares[k][after] for k, after in zip(later.tolist(), step[2].tolist())])
            found.append(self._before(step, last))
        return _limited(_above_all(found))

    def _before(self, step: tuple[Array, Array, Numbers], last: Array) -> Array:
        local, jacobian, _ = step
        return local + self._rate**2 * jacobian.transpose(0, 2, 1) @ last @ jacobian


def _limited(squares: Array) -> Array:
    traces = np.einsum("bii->b", squares)
    return squares * np.minimum(1.0, LARGEST / np.maximum(traces, 1e-300))[:, None, None]


def _above_all(squares: list[Array]) -> Array:
    """Per row a positive matrix above each of these (count batch width width), and not much above them."""
    above = squares[0]
    for each in squares[1:]:
        above = _above(above, each)
    return above


def _above(one: Array, other: Array) -> Array:
    """Where `one` is the identity and `other` diagonal: the larger entries."""
    width = one.shape[1]
    size = FULL / width * np.einsum("bii->b", one + other) + LEAST
    root = np.linalg.cholesky(one + size[:, None, None] * np.eye(width))
    back = np.linalg.inv(root)
    values, vectors = np.linalg.eigh(back @ other @ back.transpose(0, 2, 1))
    turned = root @ vectors
    return (turned * np.maximum(values, 1.0)[:, None]) @ turned.transpose(0, 2, 1)
