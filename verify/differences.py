"""Small differences of states, followed by their linear parts, for layered certificates (`verify.layers`). Part of the
checker, which is told by them where a set is long; nothing else depends on them."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.enclosures import NARROW, Enclosure, Network

SMALL = 1e-5  # units, of differences that are followed
INPUTS = 4  # of a large alphabet that effects are seen by


class Linear(Enclosure):
    """Differences so small that their linear parts are all there is of them."""

    def plus_error(self, error: Any) -> Linear:
        return self

    def lengths(self) -> Any:
        return np.zeros_like(self.box)

    def times(self, other: Enclosure) -> tuple[Any, Any]:
        return np.zeros_like(self.box), np.zeros_like(self.box)


def small(centres: Any, unit: Any) -> Enclosure:
    """Differences from these centres, a term for each coordinate."""
    terms = np.tile((SMALL * np.diag(unit)).astype(NARROW), (len(centres), 1, 1))
    return Linear(centres.copy(), terms, np.zeros_like(centres))


def moved(network: Network, x: Enclosure, position: int) -> Enclosure:
    """What small differences come to after one input, but for what linear parts miss."""
    after = network.step(x, network.symbols[position], cuts=0)[0]
    return x.like(after.centre, after.terms, np.zeros_like(after.box))


def leading(network: Network, x: Enclosure, outputs: tuple[int, ...]) -> tuple[Any, Any]:
    """The leads of these outputs (rows leads), and how they change with a state (rows leads width, a unit)."""
    (matrix, offset), logits = network.leads(outputs), network.logits(x)
    return logits.centre @ matrix.T + offset, (logits.terms @ matrix.T).transpose(0, 2, 1) / SMALL


def effects(network: Network, centres: Any, unit: Any) -> Any:
    """Per centre (count width width) the squares of a small difference, in units, and of its images together."""
    squares, x = np.tile(np.eye(len(unit)), (len(centres), 1, 1)), small(centres, unit)
    for position in range(0, len(network.symbols), -(-len(network.symbols) // INPUTS)):
        after = moved(network, x, position).terms * (1 / (SMALL * unit)).astype(NARROW)
        squares += after @ after.transpose(0, 2, 1)
    return squares
