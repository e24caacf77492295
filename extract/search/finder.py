"""The search for state variables: enumeration of updates, whose traces decide which are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsl.cost import value_bits
from dsl.terms import Var
from dsl.types import INT
from extract.abstract.mealy import Mealy
from extract.search.assemble import input_names
from extract.search.candidates import (
    MOST_OPERATORS,
    OPERATOR_BITS,
    UPDATE_BITS,
    Candidates,
    by_terms,
    by_tests,
    by_usual,
    reading,
)  # fmt: skip
from extract.search.histories import Histories, Rows, Traces
from extract.search.sets import STATE_BITS
from extract.search.simulations import closing, hash_table, purity, simulate
from extract.search.variables import SHOWN_BITS, Found, Source, joint_codes, operators, telling_bits, together
from verify.budget import FOREVER, Deadline
from verify.domain import Domain, IntArray

PURE_WEIGHT, MOST_PURE = 1.5, 16.0
"""What each bit counts by which it is rare that a variable tells so little but the state of the table, and the most."""
PURE = 1 - 1e-9
ALIKE = 16
"""So many variables of one source may tell the same histories apart."""
MOST_KEPT, MOST_EACH = 30_000, 1000
"""So many are found in one go, and so many of them stay."""
MOST_ENTRIES = 24_000_000
"""Entries of the tables of one kind of update."""
NESTED, CHOOSING_BASES = 200, 30
"""Usual choices that are reset by another test, and bases over which usual choices are looked for."""
COPY_BITS, LIMIT_BITS = 3.0, 0.01


@dataclass(frozen=True, eq=False)
class Batch:
    """Variables of one source, initial value and base: rows in the source, traces, operators of the updates."""

    source: Source
    initial: int
    base: Found | None
    rows: Rows
    traces: Traces
    size: Rows
    rank: NDArray[np.float64]

    @property
    def bits(self) -> NDArray[np.float64]:
        """What each costs with all it needs."""
        assert self.source.candidates is not None
        return self._given + self.source.candidates.cost[self.rows]

    @property
    def _given(self) -> float:
        return (0.0 if self.base is None else self.base.cost) + STATE_BITS + float(value_bits(self.initial))

    @property
    def closed(self) -> bool:
        """Whether the updates of all that they need are known."""
        return _known(self.base)

    def found(self, k: int) -> Found:
        """The k-th of them."""
        assert self.source.candidates is not None
        row, none = int(self.rows[k]), np.zeros(0, np.uint64)
        bits = self._given + float(self.source.candidates.cost[row])
        return Found(self.source, row, self.initial, self.base, bits, bits, self.traces[k], none, bits)


def best_of(batches: Sequence[Batch], most: int) -> list[tuple[int, int]]:
    """Variables as batch and place there: those of best rank and those with fewest operators, by turns."""
    rank = np.concatenate([b.rank for b in batches])
    which, where = places(batches)
    size = np.concatenate([b.size + (operators((b.base,)) if b.base else 0) for b in batches])
    best = first_by_turns((np.argsort(rank, kind="stable"), np.lexsort((rank, size))), most)
    return list(zip(which[best].tolist(), where[best].tolist(), strict=True))


def places(batches: Sequence[Batch]) -> tuple[Rows, Rows]:
    """The batch of each variable, and its place there."""
    length = [len(b.rows) for b in batches]
    return np.repeat(np.arange(len(batches)), length), np.concatenate([np.arange(n) for n in length])


def first_by_turns(orders: Sequence[Rows], most: int, before: Sequence[int] = ()) -> Rows:
    """The first of several orders by turns, each once, after those that come `before`."""
    turns = np.stack(orders, axis=1)[:most].ravel().tolist()
    return np.array(list(dict.fromkeys([*before, *turns]))[:most], dtype=np.int64)


class Finder:
    """Finds variables for one table; values lie in `low` to `high` where another variable is read."""

    def __init__(
        self, mealy: Mealy, domain: Domain, words: Histories, constants: tuple[int, ...], initials: tuple[int, ...],
        low: int, high: int, deadline: Deadline = FOREVER,
    ) -> None:  # fmt: skip
        """Past the deadline what was found so far is returned."""
        self.deadline = deadline
        self.mealy, self.domain, self.words, self.constants, self.initials = mealy, domain, words, constants, initials
        self.symbols = domain.symbols()
        self.inputs = [Var(n, INT) for n in input_names(domain.arity)]
        self.low, self.span = low, np.arange(low, high + 1)
        self.wide: list[Candidates] = []
        self.usual: Candidates | None = None
        self.familiar: list[Candidates] = []
        """Templates that may read another variable, usual choices, and the shortest terms."""
        self.batches: list[Batch] = []
        self.tried = 0
        self.met = {kind: hash_table(1 << 22) for kind in ("closed", "built", "open")}

    def closed(self, top: int, *, deepest: int, limit: int, tests: int) -> list[Found]:
        """Variables that read nothing but the inputs, with values up to `top`."""
        span = np.arange(self.low, top + 1)
        most = min(limit, MOST_ENTRIES // (len(span) * len(self.symbols)))
        terms = by_terms(self.inputs, span, self.symbols, self.constants, deepest, most)
        plain, *choices = by_tests(self.inputs, span, self.symbols, tests, self.initials)
        usual = by_usual(self.inputs, span, self.symbols, self.initials, NESTED)
        found = self._simulated(Source(terms), terms.upto(self._bits(1)), self.words.symbol, None)
        found += self._simulated(Source(plain), len(plain.cost), self.words.symbol, None)
        found += self._simulated(Source(terms), terms.upto(self._bits(2)), self.words.symbol, None)
        for part in (usual, *choices):
            found += self._simulated(Source(part), len(part.cost), self.words.symbol, None)
        return found + self._simulated(Source(terms), len(terms.cost), self.words.symbol, None)

    @staticmethod
    def _bits(size: int) -> float:
        return UPDATE_BITS + OPERATOR_BITS * size

    def prepare(self, *, deepest: int, limit: int, tests: int) -> None:
        """Tabulate the updates that read one other variable, whatever its values."""
        if self.deadline.passed:
            return
        given, rows = reading(self.domain, self.span, 2)
        most = min(limit, MOST_ENTRIES // (len(self.span) * len(rows)))
        plain, *choices = by_tests(given, self.span, rows, tests, self.initials)
        terms = by_terms(given, self.span, rows, self.constants, deepest, most)
        usual = by_usual(given, self.span, rows, self.initials, 0)
        self.wide = [self._reading_other(part) for part in (plain, terms, *choices)]
        self.usual = self._reading_other(usual)
        self.familiar = [plain, terms.those(terms.size <= 1), *choices, usual]

    def _reading_other(self, part: Candidates) -> Candidates:
        """The updates in which the other variable matters."""
        size = len(self.span)
        table = part.tables.reshape(len(part.cost), size, size, -1)
        return part.those((table != table[:, :, :1]).any(axis=(1, 2, 3)))

    def over(self, bases: Sequence[Found], most: int, each: int, below: int = MOST_OPERATORS) -> list[Found]:
        """Variables that read one of the bases: of all pairs of base and update the `most` that are cheapest together,
        and the `each` cheapest over every base, and usual choices over the first ones, those with fewer operators than
        `below`."""
        if not self.wide:
            return []
        limit, costs = self._limit([b.price for b in bases], most), np.sort(np.concatenate([p.cost for p in self.wide]))
        least = float(costs[min(each, len(costs) - 1)])
        found: list[Found] = []
        for place, base in enumerate(bases):
            if self.deadline.passed:
                break
            left = below - operators((base,))
            if self.usual is not None and most and place < CHOOSING_BASES:
                count = int(np.searchsorted(self.usual.size, left))
                found += self._simulated(Source(self.usual), count, self._reading(base), base, self.initials[:2])
            for part in self.wide:
                count = part.upto(max(limit - base.price, least), left)
                found += self._simulated(Source(part), count, self._reading(base), base)
        return found

    def _limit(self, prices: Sequence[float], most: int) -> float:
        """The total price that no more than so many pairs of a base and an update keep to."""
        if len(prices) * sum(len(part.cost) for part in self.wide) <= most:
            return np.inf
        given, costs = np.sort(prices), [np.sort(part.cost) for part in self.wide]
        low, high = float(given[0]), float(given[-1]) + max(float(c[-1]) for c in costs if len(c))
        while high - low > LIMIT_BITS:
            limit = (low + high) / 2
            count = sum(int(np.searchsorted(c, limit - given, side="right").sum()) for c in costs)
            low, high = (limit, high) if count <= most else (low, limit)
        return low

    def _reading(self, base: Found) -> Rows:
        """The row read at each node by updates over a base."""
        return (base.trace[self.words.parent].astype(np.int64) - self.low) * len(self.symbols) + self.words.symbol

    def closing(
        self, sets: Sequence[tuple[Found, ...]], most: int, each: int, returned: int, below: int = MOST_OPERATORS
    ) -> list[tuple[Found, ...]]:
        """Sets of variables, each with one more that reads one of them, that determine the state: of all such sets the
        `most` cheapest are tried, for each set and initial value up to `each` are taken, and the cheapest
        `returned`, all with fewer operators than `below`."""
        read = [(chosen, base) for chosen in sets for base in chosen if self._inside(base)]
        prices = [together(chosen) for chosen, _ in read]
        limit = self._limit(prices, most)
        hits: list[tuple[float, int, int, int, int]] = []
        kept = np.empty(each, dtype=np.int64)
        for place, ((chosen, base), price) in enumerate(zip(read, prices, strict=True)):
            if self.deadline.passed:
                break
            given = np.unique(joint_codes(chosen, self.words).sum(axis=0), return_inverse=True)[1].ravel()
            rows, given_operators = self._reading(base), operators(chosen)
            for number, part in enumerate(self.wide):
                count = part.upto(limit - price, below - given_operators)
                if not count:
                    continue
                self.tried += count * len(self.initials)
                for initial in self.initials:
                    if not self.low <= initial <= self.span[-1]:
                        continue
                    found = closing(
                        part.tables, count, rows, self.words.parent, initial, self.low, given, int(given.max()) + 1,
                        self.words.state, kept,
                    )  # fmt: skip
                    start = price + float(value_bits(initial))
                    hits += [(start + float(part.cost[k]), place, number, int(k), initial) for k in kept[:found]]
        sources = [Source(part) for part in self.wide]
        made: list[tuple[Found, ...]] = []
        for _, place, number, row, initial in sorted(hits)[:returned]:
            chosen, base = read[place]
            made.append((*chosen, self._joining(sources[number], row, initial, base)))
        return made

    def _inside(self, base: Found) -> bool:
        return bool(base.trace.min() >= self.low and base.trace.max() <= self.span[-1])

    def _joining(self, source: Source, row: int, initial: int, base: Found) -> Found:
        """A variable over a base, with its trace."""
        assert source.candidates is not None
        table, rows = source.candidates.tables[row], self._reading(base)
        trace = np.empty(len(rows), dtype=np.int16)
        trace[0] = initial
        for n in range(1, len(rows)):
            trace[n] = table[trace[self.words.parent[n]] - self.low, rows[n]]
        cost = float(source.candidates.cost[row]) + STATE_BITS + float(value_bits(initial)) + base.cost
        return Found(source, row, initial, base, cost, cost, trace, np.zeros(0, np.uint64), cost)

    def delayed(self, most: int) -> list[Found]:
        """Variables that read their own value of one step before."""
        return [v for part in self.wide for v in self._simulated(Source(part, True), most, self.words.symbol, None)]

    def shown(self) -> list[Found]:
        """Values that the outputs tell: of the last step, or of one or two later on some symbols."""
        found: dict[bytes, Found] = {}
        most_shown = max(int(self.span[-1]), int(self.mealy.output.max()))
        for k in range(self.mealy.output.shape[2]):
            output = self.mealy.output[:, :, k]
            labels = [output[:, symbol] for symbol in range(output.shape[1])]
            labels += [label[after] for label in labels for after in self.mealy.next.T]
            for plain in (output, *(label[self.mealy.next] for label in labels)):
                least, most = int(plain.min()), int(plain.max())
                same = (plain, *([plain - least] if least else []), most - plain, plain + 1, plain - 1, -plain)
                for values in (*_ranked(plain), *same, *_in_units(plain)):
                    if np.ptp(values) == 0 or values.min() < self.low or values.max() > most_shown:
                        continue
                    trace = values[self.words.state[self.words.parent], self.words.symbol].astype(np.int16)
                    for initial in self._starts(values):
                        trace[0] = initial
                        bits, told = SHOWN_BITS + STATE_BITS + value_bits(initial), self.words.masks(trace[None])
                        rank = bits - float(telling_bits(told)[0])
                        made = Found(
                            Source(None, shown=values), 0, initial, None, bits, bits, trace.copy(), told[0], rank, True
                        )
                        found.setdefault(trace.tobytes(), made)
        return list(found.values())

    def _starts(self, values: IntArray) -> Sequence[int]:
        """Initial values of what is shown: that of the start state where all steps into it agree, else some."""
        into = np.unique(values[self.mealy.next == 0])
        return into.tolist() if len(into) == 1 else self.initials[:2]

    def _simulated(
        self, source: Source, most: int, rows: Rows, base: Found | None, initials: Sequence[int] | None = None
    ) -> list[Found]:
        part, found = source.candidates, []
        assert part is not None
        given = (base.cost if base else 0.0) + STATE_BITS + (COPY_BITS + STATE_BITS if source.delayed else 0.0)
        chosen = np.arange(min(most, len(part.cost)))
        for initial in initials or self.initials:
            if self.deadline.passed or not self.low <= initial < self.low + part.tables.shape[1]:
                continue
            kept = np.empty(MOST_KEPT, dtype=np.int64)
            traces = np.empty((MOST_KEPT, len(rows)), dtype=np.int16)
            count = simulate(
                part.tables, chosen, rows, self.words.parent, initial, self.low, source.delayed,
                *self.met[_kind(source, base)], ALIKE, traces, kept,
            )  # fmt: skip
            self.tried += len(chosen)
            extra = given + float(value_bits(initial))
            share = purity(traces[:count], self.words.state)
            saved, pure = _rarity(share), share > PURE
            if base is not None:
                pure &= base.pure
            told = self.words.masks(traces[:count])
            if source.delayed:
                told |= self.words.masks(traces[:count, self.words.parent])
            if base is not None:
                saved += base.cost - base.price
                told |= base.told
            cost = part.cost[kept[:count]] + extra
            price = cost - saved
            rank = price - telling_bits(told)
            if not source.delayed:
                some = kept[:count].copy()
                self.batches.append(Batch(source, initial, base, some, traces[:count].copy(), part.size[some], rank))
            best = np.argsort(rank, kind="stable")
            for n in {*best[:MOST_EACH].tolist(), *best[pure[best]][:MOST_EACH].tolist()}:
                bits = float(cost[n]), float(price[n])
                at, worth = int(kept[n]), float(rank[n])
                found.append(Found(source, at, initial, base, *bits, traces[n].copy(), told[n], worth, bool(pure[n])))
        return found


def _kind(source: Source, base: Found | None) -> str:
    """Those of one kind stand for each other where their traces are equal."""
    if source.delayed or not _known(base):
        return "open"
    return "closed" if base is None else "built"


def _known(base: Found | None) -> bool:
    """Whether all updates are known that something over a base needs."""
    return base is None or all(v.source.candidates is not None for v in base.chain)


def _in_units(values: IntArray) -> list[IntArray]:
    """Values that lie some units apart, in that unit from about 0 on."""
    unit = int(np.gcd.reduce((values - values.min()).ravel()))
    return [(values - values.min() % unit) // unit + k for k in (0, -1, 1)] if unit > 1 else []


def _ranked(values: IntArray) -> list[IntArray]:
    """Values that lie unevenly, as numbers from 0 on in the same order: where outputs are no linear function of one
    variable, but tell it."""
    every, rank = np.unique(values, return_inverse=True)
    return [rank.reshape(values.shape)] if len(set(np.diff(every).tolist())) > 1 else []


def _rarity(pure: NDArray[np.float64]) -> NDArray[np.float64]:
    """What variables are worth for their purity: more the fewer are as pure."""
    pure = pure.round(6)
    share = (len(pure) - np.searchsorted(np.sort(pure), pure)) / max(len(pure), 1)
    return PURE_WEIGHT * np.minimum(-np.log2(np.maximum(share, 1e-9)), MOST_PURE)
