"""Proof for every length: finitely many regions of hidden space that every run returns to (a simulation relation).

A *region* is a box around a state, tied to a program state. From each region the network is followed on all inputs with
sound enclosures; each branch ends where its enclosure lies inside a region of the program state reached by then. If the
read-out is right everywhere on the way, and the initial state is followed likewise, then network and program agree on
inputs of every length, by induction over the branches.

Regions are found on the way: an enclosure that has become small and lies in no region starts a new one. A region that
fails (the read-out is not certain, or a branch does not get small) is made smaller, and those that relied on it are
followed again. Boxes alone do not contract in one step where trained networks do so over several; following a region
for several steps without boxing it again is what makes the difference.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from verify.budget import Deadline
from verify.reach.affine import Array, Form, ball, point
from verify.reach.cells import step, surely_reads
from verify.reach.table import ProgramTable
from verify.weights import Weights

ROOT = -1
FITS = 0.5
"""An enclosure of at most this share of a region's size may start one."""


@dataclass(frozen=True, slots=True)
class Options:
    """Sizes are in units of the spread of each coordinate over sampled states."""

    first_size: float = 0.3
    least_size: float = 1e-4
    shrink: float = 0.4
    max_depth: int = 12
    max_branches: int = 3_000
    max_regions: int = 30_000


@dataclass
class Region:
    """A box around `centre` of `size` spreads, for program state `state`; branches are words and where they end."""

    centre: Array
    size: float
    state: int
    branches: list[tuple[tuple[int, ...], int]] = field(default_factory=list)


@dataclass
class Closure:
    """Regions and the branches of the initial state, or the obstacle that was met."""

    regions: list[Region]
    root: list[tuple[tuple[int, ...], int]]
    spread: Array
    obstacle: str | None


class _Failure(Exception):
    """A region cannot be kept: why, and after which word."""


class _Late(Exception):
    """The deadline passed."""


def close(weights: Weights, table: ProgramTable, spread: Array, options: Options, deadline: Deadline) -> Closure:
    """Search for a closed set of regions; raises `Unsupported` as `ProgramTable` does."""
    search = _Search(weights, table, spread, options, deadline)
    obstacle = search.run()
    return Closure(search.regions, search.root, spread, obstacle)


class _Search:
    def __init__(
        self, weights: Weights, table: ProgramTable, spread: Array, options: Options, deadline: Deadline
    ) -> None:
        self.weights, self.table, self.spread, self.options, self.deadline = weights, table, spread, options, deadline
        self.regions: list[Region] = []
        self.root: list[tuple[tuple[int, ...], int]] = []
        self.by_state: dict[int, _Index] = {}
        self.failed: dict[int, list[tuple[Array, float]]] = {}
        self.relying: dict[int, set[int]] = {}
        self.queue: deque[int] = deque([ROOT])
        self.queued: set[int] = {ROOT}

    def run(self) -> str | None:
        """Work through the queue; None when closed."""
        while self.queue:
            if self.deadline.passed:
                return self._late()
            if len(self.regions) > self.options.max_regions:
                return f"more than {self.options.max_regions:,} regions"
            at = self.queue.popleft()
            self.queued.discard(at)
            try:
                branches = self._follow(at)
            except _Late:
                return self._late()
            except _Failure as failure:
                if at == ROOT:
                    return f"from the initial state, {failure}"
                region = self.regions[at]
                if region.size * self.options.shrink < self.options.least_size:
                    return f"around program state {self.table.states[region.state]}, {failure}"
                self._shrink(at)
                continue
            if at == ROOT:
                self.root = branches
            else:
                self.regions[at].branches = branches
            for _, target in branches:
                self.relying.setdefault(target, set()).add(at)
        return None

    def _late(self) -> str:
        waiting = len(self.queue) + 1
        return f"the time was up with {len(self.regions):,} regions, {waiting:,} of them not followed yet"

    def _push(self, at: int) -> None:
        if at not in self.queued:
            self.queued.add(at)
            self.queue.append(at)

    def _shrink(self, at: int) -> None:
        region = self.regions[at]
        self.failed.setdefault(region.state, []).append((region.centre, region.size))
        region.size *= self.options.shrink
        self.by_state[region.state].resize(at, region.size)
        for owner in sorted(self.relying.pop(at, set())):
            self._push(owner)
        self._push(at)

    def _follow(self, at: int) -> list[tuple[tuple[int, ...], int]]:
        """All branches from a region (or the start) until each lies in a region."""
        if at == ROOT:
            form, state, size = point(self.weights.initial[None]), 0, np.inf
        else:
            region = self.regions[at]
            form = ball(region.centre[None], region.size * self.spread[None])
            state, size = region.state, region.size
        words: list[tuple[int, ...]] = [()]
        states = [state]
        done: list[tuple[tuple[int, ...], int]] = []
        for _ in range(self.options.max_depth):
            parts: list[Form] = []
            next_words: list[tuple[int, ...]] = []
            next_states: list[int] = []
            for symbol in range(len(self.weights.features)):
                if self.deadline.passed:
                    raise _Late
                image = step(self.weights, form, symbol)
                after = self._read(image, words, states, symbol)
                extent = (image.radius / self.spread).max(axis=1)
                open_rows = []
                for row, number in enumerate(after):
                    target = self._place(image.centre[row], image.radius[row], float(extent[row]), number)
                    if target is None:
                        open_rows.append(row)
                    else:
                        done.append(((*words[row], symbol), target))
                if open_rows:
                    parts.append(image.rows(np.array(open_rows)))
                    next_words += [(*words[row], symbol) for row in open_rows]
                    next_states += [after[row] for row in open_rows]
            if not parts:
                return done
            words, states = next_words, next_states
            form = Form(*(np.concatenate(pieces) for pieces in zip(*((p.centre, p.generators, p.box) for p in parts))))
            if len(words) * len(self.weights.features) + len(done) > self.options.max_branches:
                break
        extent = (form.radius / self.spread).max(axis=1)
        worst = int(np.argmax(extent))
        raise _Failure(f"a region of size {size:.2g} still has size {extent[worst]:.2g} after {_shown(words[worst])}")

    def _read(self, image: Form, words: list[tuple[int, ...]], states: list[int], symbol: int) -> list[int]:
        """The program states after `symbol`; a failure where the read-out is not surely the program's."""
        steps = [self.table.step(state, symbol) for state in states]
        for outputs in sorted({out for _, out in steps}):
            rows = np.array([row for row, (_, out) in enumerate(steps) if out == outputs])
            sure = surely_reads(self.weights, image.rows(rows), outputs)
            if not sure.all():
                word = (*words[rows[int(np.argmin(sure))]], symbol)
                raise _Failure(f"the read-out is not certain after {_shown(word)}")
        return [number for number, _ in steps]

    def _place(self, centre: Array, radius: Array, extent: float, state: int) -> int | None:
        """The region that holds this enclosure, perhaps a new one; None while it is too large."""
        index = self.by_state.setdefault(state, _Index(self.spread))
        found = index.holding(centre, radius)
        if found is not None:
            return found
        size = self.options.first_size
        for failed_centre, failed_size in self.failed.get(state, ()):
            if size > failed_size * self.options.shrink and (
                np.abs(centre - failed_centre) <= failed_size * self.spread
            ).all():
                size = failed_size * self.options.shrink
        if extent > FITS * size or size < self.options.least_size:
            return None
        self.regions.append(Region(centre, size, state))
        index.add(len(self.regions) - 1, centre, size)
        self._push(len(self.regions) - 1)
        return len(self.regions) - 1


class _Index:
    """The regions of one program state, for finding one that holds an enclosure."""

    def __init__(self, spread: Array) -> None:
        self._spread = spread
        self._numbers: list[int] = []
        self._centres = np.zeros((0, len(spread)))
        self._sizes = np.zeros(0)

    def add(self, number: int, centre: Array, size: float) -> None:
        if len(self._numbers) == len(self._sizes):
            room = max(64, len(self._sizes))
            self._centres = np.concatenate([self._centres, np.zeros((room, len(self._spread)))])
            self._sizes = np.concatenate([self._sizes, np.zeros(room)])
        self._centres[len(self._numbers)] = centre / self._spread
        self._sizes[len(self._numbers)] = size
        self._numbers.append(number)

    def resize(self, number: int, size: float) -> None:
        self._sizes[self._numbers.index(number)] = size

    def holding(self, centre: Array, radius: Array) -> int | None:
        count = len(self._numbers)
        reach = np.abs(self._centres[:count] - centre / self._spread) + radius / self._spread
        held = reach.max(axis=1, initial=0) <= self._sizes[:count] * (1 - 1e-9)
        return self._numbers[int(np.argmax(held))] if held.any() else None


def _shown(word: tuple[int, ...]) -> str:
    return "inputs " + " ".join(map(str, word))
