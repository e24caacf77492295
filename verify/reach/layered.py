"""Finding a layered certificate (`verify.layers`): which words are followed from which sets of zonotopes.

All inputs are followed one by one while their states are few. Then, at each layer, words are followed from nodes as
large as a `limit` on the images allows; the limit is the least for which there are not more images than a `budget`. So
images are about as large everywhere, after what is forgotten at once and after what is not. The last layer needs no
limit: its images only have to be read out for certain. Where a word of a layer is not, fewer inputs are followed.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsl.errors import Unsupported
from dsl.programs import Machine
from verify.budget import Deadline
from verify.enclosures import Network
from verify.layers import MOST_IN_NODE, Layers
from verify.nodes import Nodes, packed
from verify.subject import RecurrentSubject
from verify.tube import Fails
from verify.weights import WithWeights

BUDGETS = (5_000, 20_000, 100_000)
"""Searches, one after the other, each about four times as long as the one before."""
POINTS = 5
"""Times the budget: so many inputs are followed one by one."""
WORDS, LAST = 100, 1_000
"""As many words at most are followed from a node, and in the last layer."""
WIDE = 2.0
"""Units: nodes that are wider are not tried."""
LEAST, FIRST, STEP, RISE = 0.01, 0.5, 1.25, 4.0
"""Limits: the least; the largest that is tried for the first layer; from one to the next that is tried; and the largest
that is tried for a layer, in limits of the one before."""
PART, NARROW = 0.05, 1.0
"""Of a layer: what is followed to see how many images a limit makes, in nodes of this width in units."""

Layer = dict[str, Any] | None


@dataclass(frozen=True)
class Layered:
    """Inputs of up to `length` are covered with these `layers`, as in a certificate; what ended it."""

    layers: list[Layer]
    length: int
    obstacle: str


class _TooMany(Exception):
    """More images than were allowed."""


class Limited:
    """All words from nodes that are not too wide, taken where the image is not longer than a limit, or its node a
    single zonotope. Of `most` images at most: then it raises `_TooMany`."""

    def __init__(self, limit: float, most: float = np.inf) -> None:
        self.limit, self.most, self.count = limit, most, 0
        self._levels = list[tuple[Nodes, Any]]()

    def asked(self, nodes: Nodes) -> Any:
        self._levels.append((nodes, nodes.pending.copy()))
        narrow = (nodes.widths <= WIDE) & (nodes.counts <= MOST_IN_NODE)
        return np.broadcast_to(narrow[:, None], nodes.pending.shape)

    def taken(self, sizes: Any, certain: Any, single: Any) -> Any:
        taken = certain & ((sizes <= self.limit) | single)
        self.count += int(taken.sum())
        if self.count > self.most:
            raise _TooMany
        return taken

    def missed(self, words: int) -> None:
        """These are left to both halves."""

    @property
    def levels(self) -> list[str]:
        """What was taken, as in a certificate."""
        return [packed(before & ~nodes.pending) for nodes, before in self._levels]


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
    layers, found, obstacle = Layers(machine, network), list[Layer](), f"inputs of length {length} were asked for"
    alphabet, most, rng = len(network.symbols), FIRST, np.random.default_rng(budget)
    deepest = max(1, int(np.log(WORDS) / np.log(max(alphabet, 2)) + 1e-9))
    try:
        while layers.length < length:
            if not layers.zonotopes.terms.shape[1] and len(layers.states) * alphabet <= POINTS * budget:
                layers.step(lambda: deadline.passed)
                found.append(None)
                continue
            left = length - layers.length
            last = alphabet**left <= LAST
            depth = left if last else min(left, deepest)
            limit = np.inf if last else _limit(layers, depth, budget, most, deadline, rng)
            try:
                choice = Limited(limit)
                layers.follow(depth, choice, lambda: deadline.passed, last=last)
            except Fails as error:
                if depth == 1 or deadline.passed:
                    raise
                obstacle = f"after {layers.length} inputs, {error}"
                deepest, length = depth // 2, layers.length + depth - 1
                continue
            most = RISE * limit
            found.append({"inputs": depth, "levels": choice.levels})
    except (Fails, Unsupported, np.linalg.LinAlgError) as error:
        obstacle = f"after {layers.length} inputs, {error}"
    return Layered(found, layers.length, obstacle)


def _limit(layers: Layers, depth: int, budget: int, most: float, deadline: Deadline, rng: np.random.Generator) -> float:
    """The least limit up to `most`, of those tried, with which a part of the layer makes no more than its part of the
    budget."""
    sets, roots, share = _narrow(layers), list[Any](), PART * len(layers.states)
    for number in rng.permutation(len(sets)).tolist():
        if sum(map(len, roots)) < share:
            roots.append(sets[number])
    allowed, limit = budget * sum(map(len, roots)) / len(layers.states), most
    while limit > LEAST:
        try:
            copy(layers).follow(depth, Limited(limit / STEP, allowed), lambda: deadline.passed, last=True, roots=roots)
        except _TooMany:
            break
        limit /= STEP
    return limit


def _narrow(layers: Layers) -> list[Any]:
    """The zonotopes of the first nodes that are narrow."""
    places, sets = layers.places(), list[Any]()
    nodes = Nodes.roots(layers.by_state(), 1, places)
    while len(nodes):
        narrow = nodes.widths <= NARROW
        sets += [nodes.at(number) for number in np.nonzero(narrow)[0].tolist()]
        nodes.pending[narrow] = False
        nodes = nodes.halves(places)
    return sets
