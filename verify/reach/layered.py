"""Finding a layered certificate (`verify.layers`): which words are followed from which sets of zonotopes.

All inputs are followed one by one while their states are few. Then, at each layer, words are followed from nodes as
large as two things allow: a limit on the size of images, and how doubtful the read-outs of what is read next become
(`verify.reach.foresight`), which may be less the more inputs are left. The limit of the first layer is the least for
which there are not more images than a `budget`; from there to the last, limits grow by the same factor an input. So
images are about as large everywhere, after what is forgotten at once and after what is not, but where it does no harm
that they are larger. The last layer needs no limit: its images only have to be read out for certain. Where a word of a
layer is not, fewer inputs are followed.
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
from verify.enclosures import Enclosure, Network
from verify.hulls import sizes_of
from verify.layers import MOST_IN_NODE, Layers, TooMany
from verify.nodes import Nodes, packed
from verify.reach.foresight import doubtful
from verify.subject import RecurrentSubject
from verify.tube import Fails
from verify.weights import WithWeights

BUDGETS = (5_000, 20_000, 80_000)
"""Searches, one after the other, each about four times as long as the one before."""
POINTS, MOST = 8, 5
"""Times the budget: so many inputs are followed one by one; and so many images a layer has at most."""
WORDS, LAST = 100, 1_000
"""As many words at most are followed from a node, and in the last layer."""
WIDE = 2.0
"""Units: nodes that are wider are not tried."""
LEAST, STEP, END = 0.01, 1.25, 0.5
"""Limits: the least; from one to the next that is tried for the first layer; and where no input is left."""
LONGER, SHORT = 4.0, 0.3
"""Limits: no longer image is taken of several zonotopes; shorter ones are not looked ahead from."""
AHEAD, DOUBT, NEAR, ALONE = 6, 0.65, 0.4, 0.8
"""So many inputs are looked ahead. Doubt is to be at most this part of a lead: to the power of how many inputs are
left; where the image is not longer than its limit; where it is of a single zonotope."""
PART, NARROW = 0.05, 2.0
"""Of the first layer: what is followed to see how many images a limit makes, in nodes of this width in units."""

Layer = dict[str, Any] | None


@dataclass(frozen=True)
class Layered:
    """Inputs of up to `length` are covered with these `layers`, as in a certificate; what ended it."""

    layers: list[Layer]
    length: int
    obstacle: str


class Limited:
    """All words from nodes that are not too wide, taken where the image is short, or what is read next not doubtful:
    the less, the longer the image is in limits and the more inputs are left."""

    def __init__(self, deadline: Deadline, limit: float = np.inf, left: int = 0) -> None:
        self.deadline, self.limit, self.left = deadline, limit, left
        self.levels = list[str]()
        """What was taken, as in a certificate."""

    def asked(self, nodes: Nodes) -> Any:
        narrow = (nodes.widths <= WIDE) & (nodes.counts <= MOST_IN_NODE)
        return np.broadcast_to(narrow[:, None], nodes.pending.shape)

    def taken(self, layers: Layers, image: Enclosure, states: Any, certain: Any, single: Any) -> Any:
        sizes = sizes_of(image, layers.unit) / self.limit
        taken = certain & (single | (sizes <= LONGER))
        some = np.nonzero(taken & (sizes > SHORT))[0] if self.left else []
        if self.deadline.passed:
            raise Fails("the time was up")
        if len(some):
            most = np.where(single[some], ALONE, np.where(sizes[some] > 1, DOUBT**self.left, NEAR))
            taken[some] = ~doubtful(layers, image.rows(some), states[some], min(self.left, AHEAD), most)
        return taken

    def followed(self, asked: Any, taken: Any) -> None:
        self.levels.append(packed(taken))


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
    alphabet, finest = len(network.symbols), 0.0
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
            left -= depth
            finest = finest or (0.0 if last else _finest(layers, depth, left, budget, deadline))
            choice = Limited(deadline) if last else Limited(deadline, END * finest**left, left)
            most = np.inf if last else MOST * budget
            try:
                layers.follow(depth, choice, lambda: deadline.passed, last=last, most=most)
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


def _finest(layers: Layers, depth: int, left: int, budget: int, deadline: Deadline) -> float:
    """How much finer limits are per input that is left, such that a part of the first layer makes no more images than
    its part of the budget."""
    sets, roots, share = _narrow(layers), list[Any](), PART * len(layers.states)
    for number in np.random.default_rng(budget).permutation(len(sets)).tolist():
        if sum(map(len, roots)) < share:
            roots.append(sets[number])
    allowed, limit = budget * sum(map(len, roots)) / len(layers.states), END
    while limit > LEAST:
        choice = Limited(deadline, limit / STEP, left)
        try:
            copy(layers).follow(depth, choice, lambda: deadline.passed, last=True, most=allowed, roots=roots)
        except TooMany:
            break
        limit /= STEP
    return float((limit / END) ** (1 / max(left, 1)))


def _narrow(layers: Layers) -> list[Any]:
    """The zonotopes of the first nodes that are narrow."""
    places, sets = layers.places(layers.zonotopes), list[Any]()
    nodes = Nodes.roots(layers.by_state(), 1, places)
    while len(nodes):
        narrow = nodes.widths <= NARROW
        sets += [nodes.at(number) for number in np.nonzero(narrow)[0].tolist()]
        nodes.pending[narrow] = False
        nodes = nodes.halves(places)
    return sets
