"""A growing set of ellipsoids by program state, in arrays: which of them hold an enclosure, new ones around others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from verify.reach.affine import Array, Form
from verify.reach.ellipsoids import around, contained, snug

NEAREST = 48
TRIED = 8
TOGETHER = 256  # enclosures that are compared with each other
NEAR = 0.6  # an image whose centre is this far from that of a new ellipsoid waits to see whether it fits in

Numbers = NDArray[np.int64]


class Cover:
    """Ellipsoids by number: `centres` (room width), `shapes` and `inverses` (room width width), first `count` in use.

    `spread` (width) is the unit in which neighbours are near. `leasts` and `missed` are what `around` (`snug` without
    `inflation`) was given and what it found; a dropped ellipsoid keeps its number but holds nothing any more.
    """

    def __init__(self, spread: Array, inflation: float | None) -> None:
        width = len(spread)
        self.spread, self.inflation, self.count = spread, inflation, 0
        self.centres = np.zeros((0, width))
        self.shapes, self.inverses, self.leasts = (np.zeros((0, width, width)) for _ in range(3))
        self.missed, self.states, self.kept = np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool)

    def members(self, state: int) -> Numbers:
        """The ellipsoids of a program state."""
        return np.nonzero(self.kept[: self.count] & (self.states[: self.count] == state))[0]

    def holders(self, image: Form, among: Numbers) -> Numbers:
        """Per enclosure one of these ellipsoids that holds it, or -1."""
        found = np.full(len(image.centre), -1)
        if not len(among) or not len(found):
            return found
        if len(among) > NEAREST:
            tree = KDTree(self.centres[among] / self.spread)
            near = among[tree.query(image.centre / self.spread, k=NEAREST)[1]]
        else:
            near = np.repeat(among[None], len(found), axis=0)
        offset = image.centre[:, None] - self.centres[near]
        distance = (np.matmul(self.inverses[near], offset[..., None])[..., 0] ** 2).sum(axis=2)
        for k in np.argsort(distance, axis=1)[:, :TRIED].T:
            column = (np.arange(len(found)), k)
            test = np.nonzero((found < 0) & (distance[column] < 1))[0]
            if not len(test):
                break
            targets = near[column][test]
            holds = contained(image.rows(test), self.centres[targets], self.inverses[targets])
            found[test[holds]] = targets[holds]
        return found

    def surround(self, image: Form, state: int, leasts: Array) -> tuple[Numbers, Numbers]:
        """New ellipsoids until each of these enclosures is held by one: its number per enclosure.

        Also, per new ellipsoid in the order of numbers, the enclosure it was made for.
        """
        holder, made, known = np.full(len(image.centre), -1), list[int](), self.count
        for part in range(0, len(holder), TOGETHER):
            rows = np.arange(part, min(part + TOGETHER, len(holder)))
            holder[rows] = self.holders(image.rows(rows), np.arange(known, self.count))
            made += self._surround(image, state, leasts, rows[holder[rows] < 0], holder)
        return holder, np.array(made, dtype=np.int64)

    def _surround(self, image: Form, state: int, leasts: Array, rows: Numbers, holder: Numbers) -> list[int]:
        """Set `holder` for these rows; those that ellipsoids were made for, in order."""
        parts, least = (image.generators[rows], image.box[rows]), leasts[rows]
        found = snug(*parts, least) if self.inflation is None else around(*parts, self.inflation, least)
        shapes, inverses, missed = found
        made, left = list[int](), np.arange(len(rows))
        while len(left):
            chosen = left[self._apart(image.centre[rows[left]], inverses[left])]
            first, at = self.count, rows[chosen]
            self._append(image.centre[at], shapes[chosen], inverses[chosen], leasts[at], missed[chosen], state)
            holder[at] = np.arange(first, self.count)
            made += at.tolist()
            left = left[holder[rows[left]] < 0]
            holder[rows[left]] = self.holders(image.rows(rows[left]), np.arange(first, self.count))
            left = left[holder[rows[left]] < 0]
        return made

    def drop(self, numbers: list[int]) -> None:
        """Let these hold nothing any more."""
        self.kept[numbers] = False

    @staticmethod
    def _apart(centres: Array, inverses: Array) -> list[int]:
        """Positions, in order, of ellipsoids none of which has the centre of a later one well inside."""
        offset = centres[:, None] - centres[None]  # (ellipsoid, centre, width)
        distance = (np.matmul(inverses, offset.transpose(0, 2, 1)) ** 2).sum(axis=1)
        chosen, left = list[int](), np.ones(len(centres), dtype=bool)
        for row in range(len(centres)):
            if left[row]:
                chosen.append(row)
                left &= distance[row] > NEAR**2
        return chosen

    def _append(self, centres: Array, shapes: Array, inverses: Array, leasts: Array, missed: Array, state: int) -> None:
        new = slice(self.count, self.count + len(centres))
        while new.stop > len(self.centres):
            room = max(256, len(self.centres))
            for name in ("centres", "shapes", "inverses", "leasts", "missed", "states", "kept"):
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.zeros((room, *old.shape[1:]), dtype=old.dtype)]))
        self.centres[new], self.shapes[new], self.inverses[new] = centres, shapes, inverses
        self.leasts[new], self.missed[new], self.states[new], self.kept[new] = leasts, missed, state, True
        self.count = new.stop
