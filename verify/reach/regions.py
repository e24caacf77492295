"""Proof for every length: finitely many ellipsoids of hidden space that every run stays in (a simulation relation).

A *region* is an ellipsoid tied to a program state. The images of every region under every input lie in regions of the
program's next state, and are read out as the program's outputs; the first region holds the initial state. Then network
and program agree on inputs of every length, by induction.

Regions are found by following: an image that lies in no region starts a new one, the image inflated
(`ellipsoids.around`). Inflating as one follows makes the ellipsoids long where the network contracts slowly and thin
where it contracts fast, which boxes cannot be; the room won is what lets later images fit into earlier regions. Where
a read-out is not certain, the word that leads there is tried on the network, as it may be wrong indeed; if it is not,
the regions on the way that contributed most are made smaller (`Tolerance.blame`): they and all that came of them are
dropped, and what led to them is followed again. The rest of the work stays. The largest regions are followed first,
so that what there is to learn is learnt before much has come of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from verify.budget import Deadline
from verify.reach.affine import Array, Form, ellipsoids
from verify.reach.cells import step, surely_reads
from verify.reach.closure import Closure, Options, Refutes, Region, Word
from verify.reach.cover import Cover, Numbers
from verify.reach.table import ProgramTable
from verify.reach.tolerance import Tolerance
from verify.weights import Weights

BATCH, MOST_ENTRIES = 128, 2_000_000  # regions followed at once, and entries of all their images' shapes
ANCESTORS = 80
BENT = 0.3  # share of the square from which on what linearisation missed is blamed
BLAMED = 0.3  # of the largest share
HUGE = 1e30


@dataclass(frozen=True, slots=True)
class _Origin:
    """Whence a region first came: the number of another, the symbol read, the Jacobian of that step; the factor of
    the tolerance that it was made with."""

    parent: int
    symbol: int
    jacobian: Array
    factor: float


class Search:
    """A search that can be interrupted; it makes `tolerance` its own. `refutes` tries a word on the network."""

    def __init__(
        self, weights: Weights, table: ProgramTable, tolerance: Tolerance, spread: Array, options: Options,
        refutes: Refutes,
    ) -> None:  # fmt: skip
        self.weights, self.table, self.tolerance, self.spread = weights, table, tolerance, spread
        self.options, self.refutes = options, refutes
        self.cover = Cover(spread, options.inflation)
        self.origins: list[_Origin] = []
        self.targets: list[list[set[int]] | None] = []  # None: not followed yet
        self.first, self.repairs = -1, 0

    def run(self, deadline: Deadline) -> Closure:
        """Follow what can be reached until nothing is left to follow, or go on later. Raises `Unsupported`."""
        while True:
            if self.first < 0 or not self.cover.kept[self.first]:
                self._begin()
            met = self._met()
            queue = [k for k in met if self.targets[k] is None]
            if not queue:
                return Closure(self._regions(met), None)
            batch = max(min(BATCH, MOST_ENTRIES // (len(self.weights.features) * len(self.spread) ** 2)), 1)
            failed = list[tuple[int, int]]()
            while queue and not failed:
                rows, queue = self._next(queue, batch)
                known = self.cover.count
                failed = self._follow(rows)
                queue += range(known, self.cover.count)
                if deadline.passed and not failed and queue:
                    return self._interrupted(len(queue))
                if self.cover.kept.sum() > self.options.max_regions:
                    return Closure([], f"more than {self.options.max_regions:,} regions")
            if not failed:
                continue
            word = self._word(*failed[0])
            if self.refutes(word):
                return Closure([], "the network leaves the program", word)
            self.repairs += 1
            if self.repairs > self.options.repairs:
                state, symbol = self.table.states[int(self.cover.states[failed[0][0]])], failed[0][1]
                where = f"from program state {state} on input {symbol}"
                return Closure([], f"the read-out is not certain {where} after {self.repairs - 1:,} repairs")
            self._repair([k for k, _ in failed])
            if deadline.passed:
                return self._interrupted(len(queue))

    def _next(self, queue: list[int], batch: int) -> tuple[Numbers, list[int]]:
        """Which to follow next, the largest, and the others."""
        if len(queue) > batch:
            rows = np.array(queue)
            queue = rows[np.argsort(-self.cover.sizes[rows], kind="stable")].tolist()
        return np.array(queue[:batch]), queue[batch:]

    def _least(self, states: Array, numbers: Numbers) -> tuple[Array, Array]:
        """Squares of the smallest regions of these program states, and their factors."""
        options = self.options
        settled = np.array([self.table.settled(number) for number in numbers.tolist()])
        scale = np.where(settled, options.settled, options.scale)
        widest = scale if options.widest is None else np.full(len(states), options.widest)
        return self.tolerance.least(states, numbers, scale, widest)

    def _interrupted(self, left: int) -> Closure:
        found = f"{int(self.cover.kept.sum()):,} regions and {self.repairs:,} repairs"
        return Closure([], f"the time was up with {found}, {left:,} not followed yet", interrupted=True)

    def _begin(self) -> None:
        width, start = len(self.spread), self.weights.initial[None]
        image = Form(start, np.zeros((1, width, width)), np.zeros((1, width)))
        self.first = self.cover.count
        number = np.zeros(1, dtype=np.int64)  # of the first program state
        leasts, factors = self._least(start, number)
        self.cover.surround(image, number, leasts)
        self.origins.append(_Origin(-1, -1, np.zeros((width, width)), float(factors[0])))
        self.targets.append(None)

    def _met(self) -> list[int]:
        """The regions that the first one leads to, nearest first."""
        met, order = {self.first}, [self.first]
        for k in order:
            new = set[int]().union(*(self.targets[k] or ())) - met
            order += sorted(new)
            met |= new
        return order

    def _regions(self, met: list[int]) -> list[Region]:
        place, cover = {k: at for at, k in enumerate(met)}, self.cover
        targets = {k: tuple(tuple(sorted(place[t] for t in each)) for each in self.targets[k] or ()) for k in met}
        return [Region(cover.centres[k], cover.shapes[k], int(cover.states[k]), targets[k]) for k in met]

    def _follow(self, rows: Numbers) -> list[tuple[int, int]]:
        """Find targets for these regions; or those whose read-out is not certain, worst first, with the symbol."""
        alphabet = len(self.weights.features)
        read, owner = np.repeat(np.arange(alphabet), len(rows)), np.tile(rows, alphabet)
        image, origin = step(self.weights, ellipsoids(self.cover.centres[owner], self.cover.shapes[owner]), read)
        owner, symbol = owner[origin], read[origin]
        steps = [self.table.step(*pair) for pair in zip(self.cover.states[owner].tolist(), symbol.tolist())]
        lead = self._leads(image, [outputs for _, outputs in steps])
        failed = sorted((lead[k], int(owner[k]), int(symbol[k])) for k in np.nonzero(~(lead > 0))[0])
        good = ~np.isin(owner, [k for _, k, _ in failed])
        image, owner, symbol = image.rows(good), owner[good], symbol[good]
        after = np.array([state for state, _ in steps], dtype=np.int64)[good]
        for k in np.unique(owner).tolist():
            self.targets[k] = [set() for _ in range(alphabet)]
        self._place(image, after, owner, symbol)
        return [(k, wrong) for _, k, wrong in failed]

    def _leads(self, image: Form, due: list[tuple[int, ...]]) -> Array:
        """Per enclosure 1 where it is surely read out as is due, 0 where not, less where it is far off."""
        sure = np.zeros(len(due))
        for outputs in sorted(set(due)):
            rows = np.array([row for row, each in enumerate(due) if each == outputs])
            sure[rows] = surely_reads(self.weights, image.rows(rows), outputs)
        return np.where(image.magnitude.max(axis=1) < HUGE, sure, -1.0)

    def _place(self, image: Form, states: Numbers, owners: Numbers, symbols: Numbers) -> None:
        """A region of these program states for each of these images, old or new."""
        holder = self.cover.holders(image, states)
        rows = np.nonzero(holder < 0)[0]
        if len(rows):
            left, known = image.rows(rows), self.cover.count
            leasts, factors = self._least(left.centre, states[rows])
            holder[rows], made = self.cover.surround(left, states[rows], leasts)
            assert len(made) == self.cover.count - known
            for row, factor in zip(rows[made].tolist(), factors[made].tolist()):
                parent = int(owners[row])
                jacobian = image.generators[row].T @ self.cover.inverses[parent]
                self.origins.append(_Origin(parent, int(symbols[row]), jacobian, factor))
                self.targets.append(None)
        for owner, symbol, target in zip(owners.tolist(), symbols.tolist(), holder.tolist()):
            targets = self.targets[owner]
            assert targets is not None
            targets[symbol].add(target)

    def _word(self, at: int, symbol: int) -> Word:
        """The inputs along which this region was met, and one more."""
        word = [symbol]
        while self.origins[at].parent >= 0:
            word.append(self.origins[at].symbol)
            at = self.origins[at].parent
        return word[::-1]

    def _repair(self, failed: list[int]) -> None:
        """Tolerate less where these regions became as large as they are, and drop what came of it."""
        dropped, blamed = set[int](), set[int]()
        for at in failed:
            if at not in dropped:
                chain, guilty = self._blamed(at)
                blamed.update(guilty)
                dropped.update(chain)
        cover, at = self.cover, sorted(blamed)
        factors = np.array([self.origins[k].factor for k in at])
        samples = self.tolerance.blame(cover.centres[at], cover.states[at], factors)
        kept = np.nonzero(cover.kept[: cover.count])[0]
        beside = np.isin(self.tolerance.near(cover.centres[kept], cover.states[kept]), samples)
        dropped.update(kept[beside].tolist())
        for k in kept.tolist():  # in the order of their making
            if self.origins[k].parent in dropped:
                dropped.add(k)
        cover.drop(sorted(dropped))
        for k, targets in enumerate(self.targets):
            if targets is not None and any(not dropped.isdisjoint(each) for each in targets):
                self.targets[k] = None

    def _blamed(self, at: int) -> tuple[list[int], list[int]]:
        """The regions from a failed one back to the last of those to blame, and those to blame.

        The square of its length along its longest axis is followed back: what a region added itself is its share;
        what came from the region before is followed through the Jacobian, what linearisation missed along the longest
        axis of the region before.
        """
        left, cover = 1.0, self.cover
        direction, chain, shares = self._longest(at), list[int](), list[float]()
        while at >= 0 and len(chain) < ANCESTORS and left > 1e-3:
            before, missed = self.origins[at].parent, float(cover.missed[at])
            back = self.origins[at].jacobian.T @ direction
            own = float(direction @ cover.leasts[at] @ direction)
            came = float(np.sum((back @ cover.shapes[before]) ** 2)) if before >= 0 else 0.0
            added = own / (own + came)
            bent = missed > BENT and before >= 0
            chain.append(at)
            shares.append(left * added * (1 - missed))
            left *= missed + (1 - added) * (1 - missed)
            direction, at = self._longest(before) if bent else back, before
        guilty = [k for k, share in enumerate(shares) if share >= BLAMED * max(shares)]
        return chain[: guilty[-1] + 1], [chain[k] for k in guilty]

    def _longest(self, at: int) -> Array:
        relative = self.cover.shapes[at] / self.spread[:, None]
        return np.linalg.eigh(relative @ relative.T)[1][:, -1] / self.spread
