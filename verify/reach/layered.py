"""Finding a layered certificate (`verify.layers`): which words are followed from which sets of zonotopes.

All inputs are followed one by one while their states are few. Then, at each layer, words are followed from nodes as
large as a limit allows on how doubtful the read-outs of all inputs ahead become (`verify.reach.foresight`). Limits grow
by the same factor an input, as what is around sets is larger than they are, up to the last layer, which needs none: its
images only have to be read out for certain. So images are large where it does no harm, and about as many are needed
everywhere. A search of a larger `budget` follows more inputs one by one, allows more images and looks ahead from more.
Where a word of a layer is not followed, fewer inputs are.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from dsl.errors import Unsupported
from dsl.programs import Machine
from verify.budget import Deadline
from verify.enclosures import Enclosure, Network
from verify.hulls import sizes_of, stacked
from verify.layers import MOST_IN_NODE, Layers, TooMany
from verify.nodes import Nodes, packed
from verify.reach.foresight import Foresight, foresight
from verify.subject import RecurrentSubject
from verify.tube import Fails
from verify.weights import WithWeights

BUDGETS = (5_000, 20_000, 80_000)
"""Searches, one after the other, each about four times as long as the one before."""
POINTS, MOST = 12, 5
"""Times the budget: so many inputs are followed one by one; and so many images a layer has at most."""
WORDS, LAST = 100, 1_000
"""As many words at most are followed from a node, and in the last layer."""
WIDE = 4.0
"""Units: nodes that are wider are not tried."""
ENDS, GROWTH = (0.5, 0.2), 1.4
"""Limits on doubt where no input is left, the smaller ones for when searches of all budgets failed; and by how much
they are larger for each input that is read."""
LONGEST, ALONE = 1.0, 0.7
"""No longer image is taken of several zonotopes, in units; and no more doubtful one of one."""
SLACK = 1e-4
"""Read-outs are certain by so much more than the checker needs, whose arithmetic may round otherwise on another
machine."""
FOLLOWED, MOST_FOLLOWED = 1.6, 160_000
"""Times the budget, and at most: so many images of words ahead are followed for an input."""
SEEN, NARROW = 0.02, 2.0
"""Of a layer: what is followed to see which words ahead matter; in nodes of this width in units."""

Layer = dict[str, Any] | None


@dataclass(frozen=True)
class Layered:
    """Inputs of up to `length` are covered with these `layers`, as in a certificate; what ended it."""

    layers: list[Layer]
    length: int
    obstacle: str


class Limited:
    """All words from nodes that are not too wide, taken where what is read next is not doubtful, and the image not too
    long to be seen by its linear parts."""

    def __init__(self, ahead: Foresight | None = None, limit: float = np.inf) -> None:
        self.ahead, self.limit = ahead, limit
        self.levels = list[str]()
        """What was taken, as in a certificate."""

    def asked(self, nodes: Nodes) -> Any:
        narrow = (nodes.widths <= WIDE) & (nodes.counts <= MOST_IN_NODE)
        return np.broadcast_to(narrow[:, None], nodes.pending.shape)

    def taken(self, image: Enclosure, unit: Any, states: Any, certain: Any, single: Any) -> Any:
        if not self.ahead:
            return certain
        taken = certain & (single | (sizes_of(image, unit) <= LONGEST))
        some = np.nonzero(taken)[0]
        doubts = self.ahead.doubts(image.rows(some), states[some])
        taken[some] = doubts <= np.where(single[some], ALONE, self.limit)
        return taken

    def followed(self, asked: Any, taken: Any) -> None:
        self.levels.append(packed(taken))


class Shown(Limited):
    """Collects images that may be taken, of some nodes and of their halves."""

    def __init__(self) -> None:
        super().__init__()
        self.images = list[tuple[Enclosure, Any]]()

    def taken(self, image: Enclosure, unit: Any, states: Any, certain: Any, single: Any) -> Any:
        sizes = sizes_of(image, unit)
        shown = np.nonzero(certain & (sizes <= LONGEST))[0]
        self.images.append((image.rows(shown), states[shown]))
        return certain & (single | (sizes <= LONGEST / 3))


def layered(
    network: RecurrentSubject, machine: Machine, length: int, deadline: Deadline, budgets: Sequence[int] = BUDGETS
) -> Layered:
    """The first search that covers inputs of this length, else the one that covers most."""
    if not isinstance(network, WithWeights):
        return Layered([], 0, "expected a network that shows its weights, got one that only runs")
    enclosed = Network(dict(network.description), dict(network.tensors), SLACK)
    best = Layered([], 0, "no search was made")
    for end, budget in product(ENDS, budgets):
        found = _followed(machine, enclosed, length, budget, end, deadline)
        best = max(found, best, key=lambda each: each.length)
        if best.length == length or deadline.passed:
            break
    return best


def _followed(
    machine: Machine, network: Network, length: int, budget: int, end: float, deadline: Deadline
) -> Layered:
    layers, found, obstacle = Layers(machine, network), list[Layer](), f"inputs of length {length} were asked for"
    alphabet = len(network.symbols)
    deepest = max(1, int(np.log(WORDS) / np.log(max(alphabet, 2)) + 1e-9))
    try:
        while layers.length < length:
            if not layers.zonotopes.terms.shape[1] and len(layers.states) * alphabet <= POINTS * budget:
                layers.step(lambda: deadline.passed)
                found.append(None)
                continue
            left = length - layers.length
            depth = left if alphabet**left <= LAST else min(left, deepest)
            left -= depth
            ahead = _foresight(layers, depth, left, budget, deadline) if left else None
            choice, most = Limited(ahead, end / GROWTH**left), MOST * budget if left else np.inf
            try:
                layers.follow(depth, choice, lambda: deadline.passed, last=not left, most=most)
            except Fails as error:
                if depth == 1 or deadline.passed:
                    raise
                obstacle = f"after {layers.length} inputs, {error}"
                deepest, length = depth // 2, layers.length + depth - 1
                continue
            found.append({"inputs": depth, "levels": choice.levels})
    except (Fails, Unsupported, np.linalg.LinAlgError) as error:
        obstacle = f"after {layers.length} inputs, {error}"
    return Layered(found, layers.length, obstacle)


def _foresight(layers: Layers, depth: int, left: int, budget: int, deadline: Deadline) -> Foresight:
    """What is ahead of the next layer, by the words that matter to images of a part of this one."""
    shown, some = Shown(), copy(layers)
    some.processes = 1
    with suppress(TooMany):
        some.follow(depth, shown, lambda: deadline.passed, last=True, most=budget, roots=_some(layers))
    most = int(min(FOLLOWED * budget, MOST_FOLLOWED)) // len(layers.network.symbols)
    ahead = foresight(layers, depth, left, most, lambda: deadline.passed)
    if not shown.images:
        return ahead
    images, states = zip(*shown.images, strict=True)
    return ahead.of(stacked(list(images)), np.concatenate(states))


def _some(layers: Layers) -> list[Any]:
    """Of the first nodes that are narrow, any that together hold a part of the layer."""
    places, narrow, some = layers.places(layers.zonotopes), list[Any](), list[Any]()
    nodes = Nodes.roots(layers.by_state(), 1, places)
    while len(nodes):
        found = nodes.widths <= NARROW
        narrow += [nodes.at(number) for number in np.nonzero(found)[0].tolist()]
        nodes.pending[found] = False
        nodes = nodes.halves(places)
    for number in np.random.default_rng(0).permutation(len(narrow)).tolist():
        if sum(map(len, some)) < SEEN * len(layers.states):
            some.append(narrow[number])
    return some
