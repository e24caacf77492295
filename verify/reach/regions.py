"""Proof for every length: finitely many ellipsoids of hidden space that every run stays in (a simulation relation).

A *region* is an ellipsoid tied to a program state. The images of every region under every input lie in regions of the
program's next state, and are read out as the program's outputs; the first region holds the initial state. Then network
and program agree on inputs of every length, by induction.

Regions are found by following: an image that lies in no region starts a new one, the image inflated
(`ellipsoids.around`). Inflating as one follows makes the ellipsoids long where the network contracts slowly and thin
where it contracts fast, which boxes cannot be; the room won is what lets later images fit into earlier regions. Where
a read-out is not certain, the regions on the way there that contributed most are made smaller (`Tolerance.blame`) and
the search begins again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from verify.budget import Deadline
from verify.reach.affine import Array, Form, ellipsoids
from verify.reach.cells import step, surely_reads
from verify.reach.ellipsoids import around, contained
from verify.reach.table import ProgramTable
from verify.reach.tolerance import Tolerance
from verify.weights import Weights

BATCH = 256
NEAREST = 48
TRIED = 8
ANCESTORS = 80
BENT = 0.3  # share of the square from which on what linearisation missed is blamed


@dataclass(frozen=True, slots=True)
class Options:
    """`scale` times the tolerance is the size of a region before its image is added; `restarts` after obstacles."""

    scale: float = 0.3
    inflation: float = 1.3
    restarts: int = 30
    max_regions: int = 60_000


@dataclass(frozen=True)
class Region:
    """An ellipsoid `centre + shape @ s` of program state `state`; `targets` per symbol hold its images."""

    centre: Array
    shape: Array
    state: int
    targets: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Closure:
    """Closed regions, the first of which holds the initial state; or the obstacle that was met."""

    regions: list[Region]
    obstacle: str | None


def close(
    weights: Weights, table: ProgramTable, tolerance: Tolerance, spread: Array, options: Options, deadline: Deadline
) -> Closure:
    """Search for a closed set of regions; raises `Unsupported` as `ProgramTable` does."""
    obstacle: str | None = "no attempt was made"
    for _ in range(options.restarts + 1):
        search = _Search(weights, table, tolerance, spread, options, deadline)
        obstacle = search.run()
        if obstacle is None:
            return Closure(search.regions(), None)
        if search.failed is None:
            break
        search.blame()
    return Closure([], obstacle)


class _Search:
    def __init__(
        self, weights: Weights, table: ProgramTable, tolerance: Tolerance, spread: Array, options: Options,
        deadline: Deadline,
    ) -> None:  # fmt: skip
        self.weights, self.table, self.tolerance, self.spread = weights, table, tolerance, spread
        self.options, self.deadline = options, deadline
        self.failed: int | None = None
        width = len(spread)
        self.centres, self.shapes, self.inverses = (
            np.zeros((0, *s)) for s in ((width,), (width, width), (width, width))
        )
        self.count = 0
        self.states: list[int] = []
        self.parents: list[int] = []
        self.jacobians: list[Array] = []
        self.leasts: list[Array] = []
        self.missed: list[float] = []
        self.members: dict[int, list[int]] = {}
        self.targets: list[list[set[int]]] = []

    def run(self) -> str | None:
        """Follow every region; None when closed."""
        width, followed = len(self.spread), 0
        first = self.weights.initial
        least = self.tolerance.least(first[None], 0, self.options.scale)[0]
        self._new(first, np.zeros((width, width)), np.zeros(width), 0, -1, least)
        while followed < self.count:
            rows = np.arange(followed, min(self.count, followed + BATCH))
            followed = int(rows[-1]) + 1
            form = ellipsoids(self.centres[rows], self.shapes[rows])
            for symbol in range(len(self.weights.features)):
                if self.deadline.passed:
                    return f"the time was up with {self.count:,} regions, {self.count - followed:,} not followed yet"
                image, origin = step(self.weights, form, symbol)
                owners = rows[origin]
                after = self._read(image, owners, symbol)
                if after is None:
                    state = self.table.states[self.states[self.failed or 0]]
                    return f"the read-out is not certain from program state {state} on input {symbol}"
                for state in np.unique(after):
                    self._place(image, owners, symbol, int(state), np.nonzero(after == state)[0])
                if self.count > self.options.max_regions:
                    return f"more than {self.options.max_regions:,} regions"
        return None

    def regions(self) -> list[Region]:
        """What was found."""
        return [
            Region(self.centres[k], self.shapes[k], self.states[k], tuple(tuple(sorted(t)) for t in self.targets[k]))
            for k in range(self.count)
        ]

    def blame(self) -> None:
        """Tolerate less where the regions on the way to the failed one made it as long as it is.

        The square of its length along its longest axis is followed back: what a region added itself is its share;
        what came from the region before is followed through the Jacobian, what linearisation missed along the longest
        axis of the region before.
        """
        at, left = self.failed if self.failed is not None else 0, 1.0
        direction, chain, shares = self._longest(at), list[int](), list[float]()
        while at >= 0 and len(chain) < ANCESTORS and left > 1e-3:
            before, missed = self.parents[at], self.missed[at]
            back = self.jacobians[at].T @ direction
            own = float(direction @ self.leasts[at] @ direction)
            came = float(np.sum((back @ self.shapes[before]) ** 2)) if before >= 0 else 0.0
            added = own / (own + came)
            bent = missed > BENT and before >= 0
            chain.append(at)
            shares.append(left * added * (1 - missed))
            left *= missed + (1 - added) * (1 - missed)
            direction, at = self._longest(before) if bent else back, before
        for at, share in zip(chain, shares):
            if share >= 0.3 * max(shares):
                self.tolerance.blame(self.centres[at], self.states[at])

    def _longest(self, at: int) -> Array:
        relative = self.shapes[at] / self.spread[:, None]
        return np.linalg.eigh(relative @ relative.T)[1][:, -1] / self.spread

    def _read(self, image: Form, owners: np.ndarray, symbol: int) -> np.ndarray | None:
        """Program states after the symbol; None, with `failed` set, where the read-out is not surely the program's."""
        steps = [self.table.step(self.states[owner], symbol) for owner in owners.tolist()]
        for outputs in sorted({out for _, out in steps}):
            rows = np.array([row for row, (_, out) in enumerate(steps) if out == outputs])
            sure = surely_reads(self.weights, image.rows(rows), outputs)
            if not sure.all():
                self.failed = int(owners[rows[int(np.argmin(sure))]])
                return None
        return np.array([state for state, _ in steps])

    def _place(self, image: Form, owners: np.ndarray, symbol: int, state: int, rows: np.ndarray) -> None:
        """A region for each of these images, old or new."""
        rows = rows[~self._settle(image, owners, symbol, rows, np.array(self.members.get(state, []), dtype=np.int64))]
        leasts = self.tolerance.least(image.centre[rows], state, self.options.scale) if len(rows) else None
        while len(rows) and leasts is not None:
            at, owner = rows[0], int(owners[rows[0]])
            self._new(image.centre[at], image.generators[at], image.box[at], state, owner, leasts[0])
            done = self._settle(image, owners, symbol, rows, np.array([self.count - 1]))
            done[0] = True
            self.targets[owner][symbol].add(self.count - 1)
            rows, leasts = rows[~done], leasts[~done]
            if self.deadline.passed or self.count > self.options.max_regions:
                return

    def _settle(self, image: Form, owners: np.ndarray, symbol: int, rows: np.ndarray, among: np.ndarray) -> np.ndarray:
        """Which of these images lie in one of these regions; the regions are noted as targets."""
        done = np.zeros(len(rows), dtype=bool)
        if not len(among):
            return done
        if len(among) > NEAREST:
            tree = KDTree(self.centres[among] / self.spread)
            near = among[tree.query(image.centre[rows] / self.spread, k=NEAREST)[1]]
        else:
            near = np.repeat(among[None], len(rows), axis=0)
        offset = image.centre[rows][:, None] - self.centres[near]
        distance = (np.matmul(self.inverses[near], offset[..., None])[..., 0] ** 2).sum(axis=2)
        for k in np.argsort(distance, axis=1)[:, :TRIED].T:
            column = (np.arange(len(rows)), k)
            test = np.nonzero(~done & (distance[column] < 1))[0]
            if not len(test):
                break
            targets = near[column][test]
            holds = contained(image.rows(rows[test]), self.centres[targets], self.inverses[targets])
            for row, target in zip(rows[test[holds]].tolist(), targets[holds].tolist()):
                self.targets[int(owners[row])][symbol].add(target)
            done[test[holds]] = True
        return done

    def _new(self, centre: Array, generators: Array, box: Array, state: int, parent: int, least: Array) -> None:
        if self.count == len(self.centres):
            room = max(256, self.count)
            self.centres, self.shapes, self.inverses = (
                np.concatenate([kept, np.zeros((room, *kept.shape[1:]))])
                for kept in (self.centres, self.shapes, self.inverses)
            )
        shape, inverse, missed = around(generators, box, self.options.inflation, least)
        self.centres[self.count], self.shapes[self.count], self.inverses[self.count] = centre, shape, inverse
        self.jacobians.append(generators.T @ self.inverses[parent] if parent >= 0 else np.zeros_like(shape))
        self.leasts.append(least)
        self.missed.append(missed)
        self.states.append(state)
        self.parents.append(parent)
        self.members.setdefault(state, []).append(self.count)
        self.targets.append([set() for _ in self.weights.features])
        self.count += 1
