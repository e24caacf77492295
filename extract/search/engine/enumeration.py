"""Bottom-up enumeration in order of cost, a tile at a time.

Level `c` tries every operator on every split of `c - cost(operator)` among its arguments (as in Albarghouthi et al.
2013 and Probe, Barke et al. 2020); arguments are representatives of classes found at lower levels. Large splits are
evaluated by broadcasting one block of rows against another, small ones gathered into one tile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from dsl.terms import Term
from extract.search.engine.bank import LEAF, Bank
from extract.search.engine.lowering import NUMBER, TRUTH, Row, Table, is_truth
from extract.search.engine.problem import Array
from extract.search.engine.tiles import NO_MASK, Surveyed, Tile, blocks, broadcast, gather, survey

TILE_WORDS = 1 << 15
SMALL = 64
Apply = Callable[[str, tuple[Term, ...]], Term]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf: its term, its values on the working examples, its cost, and its kind where the values do not say."""

    term: Term
    values: Array
    cost: int
    kind: int | None = None

    @property
    def store(self) -> int:
        """The kind of the store it belongs to."""
        if self.kind is not None:
            return self.kind
        return TRUTH if self.values.dtype == bool else NUMBER


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate given by its operator row and argument rows; `row` -1 is leaf number `arguments[0]`."""

    row: int
    arguments: tuple[int, ...]


@dataclass(eq=False)
class Enumeration:
    """The state of one search. `advance` continues it; `level` is the cost being tried.

    `finished[c]` is how many candidates had been tried when level `c` was done.
    Levels below `complete` were tried in full; once memory ran out (`truncated`) candidates are made of what is there.
    What is wanted is a vector of values, `target`, or in its place values of `kind` that `accept` approves on every
    example (from values (examples, batch) to Booleans (any number of conditions, batch)).
    """

    leaves: list[Leaf]
    table: Table
    costs: tuple[int, ...]
    examples: int
    target: Array | None
    max_bytes: int
    accept: Callable[[Array], Array] | None = None
    kind: int = NUMBER
    level: int = 0
    candidates: int = 0
    finished: list[int] = field(default_factory=list)
    truncated: bool = False
    complete: int = 0
    bank: Bank = field(init=False)

    def __post_init__(self) -> None:
        used = [kind for row in self.table for kind in (*row.arguments, row.result)]
        kinds = 1 + max([TRUTH, *used, *(leaf.store for leaf in self.leaves)])
        self.bank = Bank(self.examples, self.max_bytes, kinds)
        if self.target is not None:
            self.kind = TRUTH if self.target.dtype == bool else NUMBER
        self._wanted: Array | None = None
        self._goal = np.uint64(0)
        if self.target is not None:
            self._wanted = self.bank.column(self.target)
            self._goal = self.bank.stores[self.kind].hash_of(self._wanted)
        self._top = max((leaf.cost for leaf in self.leaves), default=0)
        self._work: Iterator[list[Candidate]] | None = None

    @property
    def exhausted(self) -> bool:
        """Whether no further level can hold anything: all sums of costs lie below the level."""
        last = max((int(s.cost[s.used - 1]) for s in self.bank.stores if s.used), default=0)
        reach = 3 * last + max(self.costs, default=0)
        return self.level > max(self._top, reach)

    @property
    def full(self) -> bool:
        """Whether memory ran out, and one operator more on what is in it was tried."""
        return self.truncated and self.level > self.complete + max(self.costs, default=0) + self._top

    def advance(self, quota: int, deadline: float, max_level: int) -> list[Candidate]:
        """Work until a tile holds candidates with the wanted values; returns them.

        Returns nothing after `quota` candidates, at the deadline, or when no level up to `max_level` is left.
        """
        enough = self.candidates + quota
        while True:
            if self._work is None:
                if self.level > max_level or self.exhausted or self.full:
                    return []
                self._work = self._level(self.level)
            for found in self._work:
                if found or self.candidates >= enough or time.perf_counter() > deadline:
                    return found
            self._work = None
            self.level += 1
            self.finished.append(self.candidates)
            self.complete += not self.truncated
            self.bank.close_level()

    def release(self) -> None:
        """Give up the level under way: its generator and the bank hold each other, a gigabyte, until a collection."""
        self._work = None

    def term(self, apply: Apply, candidate: Candidate) -> Term:
        """The term of a candidate."""
        if candidate.row == LEAF:
            return self.leaves[candidate.arguments[0]].term
        row = self.table[candidate.row]
        pairs = zip(row.arguments, candidate.arguments, strict=True)
        return apply(row.operator, tuple(self.row_term(apply, kind, at) for kind, at in pairs))

    def row_term(self, apply: Apply, kind: int, at: int) -> Term:
        """The term of a row of the bank."""
        store = self.bank.stores[kind]
        made_by = int(store.made_by[at])
        arity = 1 if made_by == LEAF else len(self.table[made_by].arguments)
        return self.term(apply, Candidate(made_by, tuple(store.arguments[:arity, at].tolist())))

    def _level(self, level: int) -> Iterator[list[Candidate]]:
        found: list[Candidate] = []
        for number, leaf in enumerate(self.leaves):
            if leaf.cost == level:
                store = self.bank.stores[leaf.store]
                column = self.bank.column(leaf.values)
                fresh, _ = self._absorb(store.kind, column, NO_MASK)
                self.candidates += 1
                if len(fresh):
                    self._append(store.kind, column, fresh, LEAF, (np.array([number]),), level)
                if self._matches(store.kind, column) or (len(fresh) and self._accepted(store.kind, column).size):
                    found.append(Candidate(LEAF, (number,)))
        yield found
        for number, (row, cost) in enumerate(zip(self.table, self.costs, strict=True)):
            if level > cost:
                yield from self._operator(number, row, level - cost, level)

    def _operator(self, number: int, row: Row, rest: int, level: int) -> Iterator[list[Candidate]]:
        gathered: list[tuple[Array, ...]] = []
        waiting = 0
        batch_size = max(TILE_WORDS // self.examples, 64)
        for ranges in self._splits(row, rest):
            total = 1
            for low, high in ranges:
                total *= high - low
            if total <= SMALL * 8 or len(ranges) > 2:
                for block in blocks(ranges, batch_size, row):
                    gathered.append(block)
                    waiting += len(block[0])
                    if waiting >= batch_size:
                        yield self._take(number, row, gather(self.bank, row, gathered), level)
                        gathered, waiting = [], 0
            elif len(ranges) == 1:
                low, high = ranges[0]
                for at in range(low, high, batch_size):
                    tile = gather(self.bank, row, [(np.arange(at, min(at + batch_size, high)),)])
                    yield self._take(number, row, tile, level)
            elif row.survey:
                goal = self._goal if row.result == self.kind else np.uint64(0)
                judged = self.accept is not None and row.result == self.kind
                for found in survey(self.bank, row, ranges, goal, judged):
                    yield self._entered(number, row, found, level)
            else:
                for tile in broadcast(self.bank, row, ranges, batch_size):
                    yield self._take(number, row, tile, level)
        if gathered:
            yield self._take(number, row, gather(self.bank, row, gathered), level)

    def _splits(self, row: Row, rest: int) -> Iterator[tuple[tuple[int, int], ...]]:
        """Row ranges of the arguments for every split of `rest`, empty ones left out."""
        stores = [self.bank.stores[kind] for kind in row.arguments]
        present = [[c for c in range(1, rest + 1) if _nonempty(store.range(c))] for store in stores]
        for costs in product(*present[:-1]):
            last = rest - sum(costs)
            if last < 1 or (row.commutative and costs[0] > last):
                continue
            ranges = tuple(store.range(c) for store, c in zip(stores, (*costs, last), strict=True))
            if _nonempty(ranges[-1]):
                yield ranges

    def _entered(self, number: int, row: Row, surveyed: Surveyed, level: int) -> list[Candidate]:
        """Store the fresh columns of surveyed candidates; the others have the wanted hash."""
        self.candidates += surveyed.tried
        tile, fresh, rows = surveyed.values, surveyed.fresh, surveyed.rows
        if tile is None:
            return []
        found = []
        for at in range(fresh, tile.shape[1]):
            if self._matches(row.result, tile[:, at : at + 1]):
                found.append(Candidate(number, tuple(int(index[at]) for index in rows)))
        if fresh:
            for at in self._accepted(row.result, tile[:, :fresh]):
                found.append(Candidate(number, tuple(int(index[at]) for index in rows)))
            new = tuple(index[:fresh] for index in rows)
            self._append(row.result, np.ascontiguousarray(tile), np.arange(fresh), number, new, level)
        return found

    def _take(self, number: int, row: Row, made: Tile, level: int) -> list[Candidate]:
        """Enter a tile into the bank; returns its candidates with the wanted values."""
        tile = made.values
        if is_truth(row.result):
            if row.packed:
                tile &= self.bank.mask
            else:
                tile = self.bank.packed(tile)
        self.candidates += tile.shape[1]
        tile = np.ascontiguousarray(tile)
        fresh, hits = self._absorb(row.result, tile, made.valid)
        fresh = self._of_use(row.result, fresh)
        found = []
        if len(hits):
            for at in hits.copy():
                if self._matches(row.result, tile[:, at : at + 1]):
                    found.append(Candidate(number, tuple(int(index[0]) for index in made.rows(np.array([at])))))
        if len(fresh):
            if self.accept is not None:
                accepted = fresh[self._accepted(row.result, tile[:, fresh])]
                found += [Candidate(number, tuple(int(i[0]) for i in made.rows(accepted[at : at + 1])))
                          for at in range(len(accepted))]  # fmt: skip
            self._append(row.result, tile, fresh, number, made.rows(fresh), level)
        return found

    def _accepted(self, kind: int, tile: Array) -> Array:
        """Positions in the tile of candidates that `accept` approves."""
        if self.accept is None or kind != self.kind:
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero(self.accept(self.bank.unpacked(tile) if is_truth(kind) else tile).all(axis=0))

    def _of_use(self, kind: int, fresh: Array) -> Array:
        """New candidates, none where they would neither be kept nor judged."""
        lost = self.bank.stores[kind].closed and (self.accept is None or kind != self.kind)
        return fresh[:0] if lost else fresh

    def _absorb(self, kind: int, tile: Array, valid: Array) -> tuple[Array, Array]:
        return self.bank.stores[kind].absorb(tile, valid, self._goal if kind == self.kind else np.uint64(0))

    def _append(
        self, kind: int, tile: Array, fresh: Array, made_by: int, arguments: tuple[Array, ...], level: int
    ) -> None:
        if not self.bank.append(kind, tile, fresh, made_by, arguments, level):
            self.truncated = True

    def _matches(self, kind: int, column: Array) -> bool:
        return kind == self.kind and self._wanted is not None and np.array_equal(column, self._wanted)


def _nonempty(rows: tuple[int, int]) -> bool:
    return rows[1] > rows[0]
