"""A growing set of ellipsoids by program state, in arrays: which of them hold an enclosure, new ones around others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from verify.reach.affine import Array, Form
from verify.reach.ellipsoids import around, contained

NEAREST = 48
TRIED = 8
TOGETHER = 256  # enclosures that are compared with each other
FAR = 1e6  # spreads between program states
NEAR = 0.6  # an image whose centre is this far from that of a new ellipsoid waits to see whether it fits in

Numbers = NDArray[np.int64]


class Cover:
    """Ellipsoids by number: `centres` (room width), `shapes` and `inverses` (room width width), first `count` in use.

    `spread` (width) is the unit in which neighbours are near. `leasts` and `missed` are what `around`
    was given and what it found, `sizes` the norms of shapes in spreads; a dropped ellipsoid keeps its
    number but holds nothing any more.
    """

    def __init__(self, spread: Array, inflation: float) -> None:
        width = len(spread)
        self.spread, self.inflation, self.count = spread, inflation, 0
        self.centres = np.zeros((0, width))
        self.shapes, self.inverses, self.leasts = (np.zeros((0, width, width)) for _ in range(3))
        self.missed, self.sizes = np.zeros(0), np.zeros(0)
        self.states, self.kept = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool)

    def holders(self, image: Form, states: Numbers, first: int = 0) -> Numbers:
        """Per enclosure, of a program state, a kept ellipsoid of that state, from number `first` on, that holds it.

        Or -1, where none of the nearest does.
        """
        found = np.full(len(image.centre), -1)
        among = first + np.nonzero(self.kept[first : self.count])[0]
        if not len(among) or not len(found):
            return found
        tree = KDTree(self._placed(self.centres[among], self.states[among]))
        near = tree.query(self._placed(image.centre, states), k=min(NEAREST, len(among)))[1]
        near = among[near.reshape(len(found), -1)]
        alike = np.nonzero(self.states[near] == states[:, None])
        offset = image.centre[alike[0]] - self.centres[near[alike]]
        distance = np.full(near.shape, np.inf)
        distance[alike] = (np.matmul(self.inverses[near[alike]], offset[..., None])[..., 0] ** 2).sum(axis=1)
        order = np.argsort(distance, axis=1)[:, :TRIED]
        for some in (order[:, :1], order[:, 1:]):  # most lie in the nearest; the others are tried at once
            left = np.nonzero(found < 0)[0]
            row, column = np.nonzero(np.take_along_axis(distance[left], some[left], axis=1) < 1)
            row, target = left[row], near[left[row], some[left[row], column]]
            holds = contained(image.rows(row), self.centres[target], self.inverses[target])
            found[row[holds][::-1]] = target[holds][::-1]
        return found

    def surround(self, image: Form, states: Numbers, leasts: Array) -> tuple[Numbers, Numbers]:
        """New ellipsoids until each of these enclosures is held by one of its state: its number per enclosure.

        Also, per new ellipsoid in the order of numbers, the enclosure it was made for.
        """
        holder, made, known = np.full(len(image.centre), -1), list[int](), self.count
        for part in range(0, len(holder), TOGETHER):
            rows = np.arange(part, min(part + TOGETHER, len(holder)))
            holder[rows] = self.holders(image.rows(rows), states[rows], known)
            made += self._surround(image, states, leasts, rows[holder[rows] < 0], holder)
        return holder, np.array(made, dtype=np.int64)

    def _surround(self, image: Form, states: Numbers, leasts: Array, rows: Numbers, holder: Numbers) -> list[int]:
        """Set `holder` for these rows; those that ellipsoids were made for, in order."""
        parts, least = (image.generators[rows], image.box[rows]), leasts[rows]
        shapes, inverses, missed = around(*parts, self.inflation, least)
        made, left = list[int](), np.arange(len(rows))
        while len(left):
            chosen = left[self._apart(image.centre[rows[left]], states[rows[left]], inverses[left])]
            first, at = self.count, rows[chosen]
            self._append(image.centre[at], shapes[chosen], inverses[chosen], leasts[at], missed[chosen], states[at])
            holder[at] = np.arange(first, self.count)
            made += at.tolist()
            left = left[holder[rows[left]] < 0]
            holder[rows[left]] = self.holders(image.rows(rows[left]), states[rows[left]], first)
            left = left[holder[rows[left]] < 0]
        return made

    def _placed(self, centres: Array, states: Numbers) -> Array:
        """Points that are near where centres (count width) are, in spreads, of one program state."""
        return np.concatenate([centres / self.spread, FAR * states[:, None].astype(np.float64)], axis=1)

    def drop(self, numbers: list[int]) -> None:
        """Let these hold nothing any more."""
        self.kept[numbers] = False

    @staticmethod
    def _apart(centres: Array, states: Numbers, inverses: Array) -> list[int]:
        """Positions, in order, of ellipsoids none of which has the centre of a later one of its state well inside."""
        offset = centres[:, None] - centres[None]  # (ellipsoid, centre, width)
        distance = (np.matmul(inverses, offset.transpose(0, 2, 1)) ** 2).sum(axis=1)
        chosen, left = list[int](), np.ones(len(centres), dtype=bool)
        for row in range(len(centres)):
            if left[row]:
                chosen.append(row)
                left &= (distance[row] > NEAR**2) | (states != states[row])
        return chosen

    def _append(
        self, centres: Array, shapes: Array, inverses: Array, leasts: Array, missed: Array, states: Numbers
    ) -> None:
        new = slice(self.count, self.count + len(centres))
        while new.stop > len(self.centres):
            room = max(256, len(self.centres))
            for name in ("centres", "shapes", "inverses", "leasts", "missed", "sizes", "states", "kept"):
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.zeros((room, *old.shape[1:]), dtype=old.dtype)]))
        self.centres[new], self.shapes[new], self.inverses[new] = centres, shapes, inverses
        self.leasts[new], self.missed[new], self.states[new], self.kept[new] = leasts, missed, states, True
        self.sizes[new] = np.linalg.norm(shapes / self.spread[:, None], axis=(1, 2))
        self.count = new.stop
