"""What sets of states lead to, for the search for layered certificates (`verify.reach.layered`): how doubtful the
read-outs of the inputs ahead become.

From some states of each program state all words ahead are followed with small differences, of too many words those in
which most is left of a difference. So it is known, per state and word, by how much a read-out leads and how its lead
changes with the state. A set's *doubt* is the largest part of such a lead that the set reaches, by the leads of a state
near it: linear parts, which cost a product of matrices and no steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.cluster.vq import kmeans
from scipy.spatial.distance import cdist

from verify.differences import leading, moved, small
from verify.enclosures import Enclosure, Zonotope
from verify.following import Follower
from verify.hulls import stacked
from verify.layers import Layers
from verify.tube import Fails

SAMPLED = 6_000  # runs, among whose states some are chosen
LEFT = 0.25  # of a lead, at least, that is left where linear parts say that it is not
PART = 256  # sets whose doubts are computed together
TOGETHER = 1_024  # small differences that are followed together
SHOWN, NEAR = 400, 0.7  # sets of each state that say which words matter: their doubt is so much of the largest


@dataclass(frozen=True)
class Ahead:
    """Leads (rows) and how they change (rows width) near one state (width) of a program state, in units."""

    state: Any
    number: int
    leads: Any
    slopes: Any

    def parts(self, x: Enclosure) -> Any:
        """Per zonotope, in units, and row, the part of a lead that it reaches."""
        batch, count, width = x.terms.shape
        slopes = self.slopes.T.astype(x.terms.dtype)
        reach = np.abs(x.terms.reshape(-1, width) @ slopes).reshape(batch, count, -1).sum(axis=1)
        reach += x.box @ np.abs(slopes)
        lead = np.maximum(self.leads + (x.centre - self.state) @ self.slopes.T, LEFT * self.leads)
        return np.where(lead > 0, reach / np.where(lead > 0, lead, 1.0), np.inf)


@dataclass(frozen=True)
class Foresight:
    """What is ahead of some states, in units."""

    ahead: list[Ahead]
    unit: Any

    def doubts(self, x: Enclosure, states: Any) -> Any:
        """Per zonotope, the largest part of a lead that it reaches; none where nothing is known of a program state."""
        x = self._in_units(x)
        nearest, found = self._nearest(x, states), np.zeros(len(states))
        for number in np.unique(nearest[nearest >= 0]).tolist():
            rows = np.nonzero(nearest == number)[0]
            for part in np.split(rows, range(PART, len(rows), PART)):
                found[part] = self.ahead[number].parts(x.rows(part)).max(axis=1, initial=0.0)
        return found

    def of(self, x: Enclosure, states: Any) -> Foresight:
        """With the words alone that matter to some of these zonotopes."""
        x = self._in_units(x)
        nearest, ahead = self._nearest(x, states), list[Ahead]()
        for number, each in enumerate(self.ahead):
            rows = np.nonzero(nearest == number)[0]
            rows = rows if len(rows) else np.arange(len(states))
            rows = rows[:: -(-len(rows) // SHOWN)]
            parts = np.minimum(each.parts(x.rows(rows)), 1 / np.finfo(float).eps)
            matter = (parts >= NEAR * parts.max(axis=1, keepdims=True)).any(axis=0)
            ahead.append(Ahead(each.state, each.number, each.leads[matter], each.slopes[matter]))
        return Foresight(ahead, self.unit)

    def _in_units(self, x: Enclosure) -> Enclosure:
        return x.like(x.centre / self.unit, x.terms * (1 / self.unit).astype(x.terms.dtype), x.box / self.unit)

    def _nearest(self, x: Enclosure, states: Any) -> Any:
        """Per zonotope, in units, the number of the nearest state of its program state, -1 where there is none."""
        numbers, found = np.array([each.number for each in self.ahead]), np.full(len(states), -1)
        places = np.stack([each.state for each in self.ahead])
        for number in np.unique(states).tolist():
            known, rows = np.nonzero(numbers == number)[0], np.nonzero(states == number)[0]
            if len(known):
                found[rows] = known[cdist(x.centre[rows], places[known]).argmin(axis=1)]
        return found


def foresight(
    layers: Layers, depth: int, inputs: int, most: int, stopped: Callable[[], bool] = lambda: False
) -> Foresight:
    """What `inputs` more read-outs lead by from states that are `depth` inputs ahead; about as many words as `most` are
    followed at a time, eight times as many from a state as there are states of a program state. Raises `Fails` when it
    was stopped."""
    centres, numbers = _runs(layers, depth)
    places, known = centres / layers.unit, np.unique(numbers)
    beam = max(1, min(int(np.sqrt(8 * most / len(known))), len(layers.network.symbols) ** (inputs - 1)))
    count = max(1, most // (beam * len(known)))
    chosen = np.concatenate([_spread(places, np.nonzero(numbers == number)[0], count) for number in known])
    parts = np.split(chosen, range(0, len(chosen), max(1, TOGETHER // beam))[1:])
    tasks = [(layers.follower, centres[part], numbers[part], inputs, beam) for part in parts]
    ahead = list[Ahead]()
    with layers.begun(len(layers.states)) as processes:
        for found in processes.mapped(_followed, tasks):
            ahead += found
            if stopped():
                raise Fails("the time was up")
    return Foresight(ahead, layers.unit)


def _runs(layers: Layers, depth: int) -> tuple[Any, Any]:
    """States of random runs, and their program states."""
    rng = np.random.default_rng(0)
    rows = rng.integers(len(layers.states), size=SAMPLED)
    centres, numbers = layers.zonotopes.centre[rows].copy(), layers.states[rows].copy()
    for _ in range(depth):
        read = rng.integers(len(layers.network.symbols), size=SAMPLED)
        for position in np.unique(read).tolist():
            some = np.nonzero(read == position)[0]
            points = Zonotope(centres[some], np.zeros((len(some), 0, centres.shape[1])), np.zeros_like(centres[some]))
            image, numbers[some], _ = layers.follower.image(points, numbers[some], position, lambda *_: 0.0)
            centres[some] = image.centre
    return centres, numbers


def _spread(places: Any, rows: Any, count: int) -> Any:
    """Of the rows, those next to the centres of as many clusters."""
    if len(np.unique(places[rows], axis=0)) <= count:
        return rows[np.unique(places[rows], axis=0, return_index=True)[1]]
    centres = kmeans(places[rows], places[rows[:count]])[0]
    return rows[np.unique(cdist(centres, places[rows]).argmin(axis=1))]


def _followed(follower: Follower, centres: Any, numbers: Any, inputs: int, beam: int) -> list[Ahead]:
    """The leads after all words of up to so many inputs, of the `beam` words of each state in which most is left."""
    network, unit = follower.network, follower.unit
    x, states, owners = small(centres, unit), numbers, np.arange(len(centres))
    found = list[tuple[Any, Any, Any]]()
    for _ in range(inputs):
        images = list[tuple[Enclosure, Any, Any]]()
        for position in range(len(network.symbols)):
            with np.errstate(all="ignore"):
                image = moved(network, x, position)
            reached, parted = follower.program.answers(states, position)
            for of, outputs in parted:
                lead, slopes = leading(network, image.rows(of), outputs)
                owned = np.repeat(owners[of], lead.shape[1])
                found.append((owned, lead.ravel(), slopes.reshape(-1, len(unit))))
            images.append((image, reached, owners))
        x, states, owners = stacked([each for each, _, _ in images]), *map(np.concatenate, list(zip(*images))[1:])
        left = np.linalg.norm(x.terms / unit, axis=(1, 2))
        order = np.lexsort((-left, owners))
        rank = np.arange(len(order)) - np.searchsorted(owners[order], owners[order])
        kept = order[rank < beam]
        x, states, owners = x.rows(kept), states[kept], owners[kept]
    owners, lead, slopes = (np.concatenate(each) for each in zip(*found))
    of = [np.nonzero(owners == k)[0] for k in range(len(centres))]
    return [Ahead(centres[k] / unit, int(numbers[k]), lead[at], slopes[at]) for k, at in enumerate(of)]
