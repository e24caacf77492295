"""Finding a layered certificate (`verify.layers`): which zonotopes to merge, so that layers stay small.

Networks forget: what two inputs long ago differed in is soon a small difference. Layers are followed as they are until
the next one would have more than `SPREADING` times `budget` zonotopes; then they are merged into so many, those that
are near: the widest group is halved across its longest direction, again and again. Merging rarely and much is better
than often and little: whatever a merge adds is added again by the next one, but shrinks in the steps between.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsl.errors import Unsupported
from dsl.programs import Machine
from verify.budget import Deadline
from verify.enclosures import Network
from verify.layers import MOST_ENTRIES, Layers, unit_of
from verify.reach.affine import Array
from verify.subject import RecurrentSubject
from verify.tube import Fails
from verify.weights import WithWeights

SPREADING = 100
BUDGETS = (250, 1_000, 4_000, 12_000)
"""Searches, one after the other, each about four times as long as the one before."""

Groups = NDArray[np.int64] | None


@dataclass(frozen=True)
class Layered:
    """Inputs of up to `length` are covered with these `groups`, by length from 1 on; what ended it."""

    groups: list[Groups]
    length: int
    obstacle: str


def layered(
    network: RecurrentSubject, machine: Machine, length: int, deadline: Deadline, budgets: Sequence[int] = BUDGETS
) -> Layered:
    """The first search that covers inputs of this length, else the one that covers most."""
    if not isinstance(network, WithWeights):
        return Layered([], 0, "expected a network that shows its weights, got one that only runs")
    enclosed = Network(dict(network.description), dict(network.tensors))
    best = Layered([], 0, "no search was made")
    for budget in budgets:
        found = _followed(machine, enclosed, length, budget, deadline)
        best = max(found, best, key=lambda each: each.length)
        if best.length == length or deadline.passed:
            break
    return best


def _followed(machine: Machine, network: Network, length: int, budget: int, deadline: Deadline) -> Layered:
    layers, groups, obstacle = Layers(machine, network), list[Groups](), f"inputs of length {length} were asked for"
    most = min(SPREADING * budget, MOST_ENTRIES // layers.zonotopes.centre.shape[1] ** 2)
    try:
        while layers.length < length:
            layers.step(lambda: deadline.passed)
            groups.append(None)
            if layers.length < length and len(layers.states) * len(network.symbols) > most:
                groups[-1] = grouped(layers.zonotopes.centre, layers.states, budget)
                layers.merge(groups[-1])
    except (Fails, Unsupported, np.linalg.LinAlgError) as error:
        obstacle = str(error)
    return Layered(groups[: max(layers.length - 1, 0)], layers.length, obstacle)


def grouped(centres: Array, states: NDArray[np.int64], budget: int) -> NDArray[np.int64]:
    """Numbers of at most `budget` groups (more only where there are more states), each of one state, of near points.

    Distances between points (count width) are in the units of `verify.layers`.
    """
    points = centres / unit_of(centres)
    waiting, numbers = list[tuple[float, int, NDArray[np.int64]]](), np.zeros(len(points), dtype=np.int64)
    for state in np.unique(states):
        _wait(waiting, points, np.nonzero(states == state)[0])
    while len(waiting) < budget and waiting[0][0] < 0:
        rows = heapq.heappop(waiting)[2]
        offset = points[rows] - points[rows].mean(axis=0)
        if len(rows) > points.shape[1]:
            along = np.linalg.eigh(offset.T @ offset)[1][:, -1]
        else:
            along = offset[np.argmax((offset**2).sum(axis=1))]
        place = offset @ along
        far = place > (place.min() + place.max()) / 2
        for part in (rows[far], rows[~far]):
            _wait(waiting, points, part)
    for number, (_, _, rows) in enumerate(waiting):
        numbers[rows] = number
    return numbers


def _wait(waiting: list[tuple[float, int, NDArray[np.int64]]], points: Array, rows: NDArray[np.int64]) -> None:
    """The widest first; rows tell apart those as wide."""
    some = points[rows]
    middle = (some.min(axis=0) + some.max(axis=0)) / 2
    heapq.heappush(waiting, (-float(((some - middle) ** 2).sum(axis=1).max()), int(rows[0]), rows))
