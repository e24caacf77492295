"""State variables for a table whose states have no names, found by enumeration and judged by their traces.

A variable's update reads itself, the inputs and at most one other value: a *base* found before (a cascade, as in Krohn
& Rhodes 1965), or its own value of one step earlier. A base may also be *shown*: a value that the outputs tell, whose
own update is still to be found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dsl.cost import value_bits
from dsl.terms import Term, Var, operator_count, substitute
from dsl.types import INT
from extract.abstract.mealy import Mealy
from extract.search.assemble import input_names
from extract.search.candidates import FAR, OTHER, OWN, Candidates, by_terms, by_tests
from extract.search.histories import Histories, Masks, Rows, Traces, hash_table, simulate
from extract.search.sets import STATE_BITS
from verify.domain import Domain, IntArray

SHOWN_BITS, SHOWN_OPERATORS = 22.0, 2
"""What the update of a shown variable is taken to cost until it is found."""
DECODABLE_BITS = 12.0
TELLING_BITS, MOST_TOLD = 5.0, 8.0
ALIKE = 4
"""So many variables of one source may tell the same histories apart."""
MOST_KEPT, MOST_EACH = 6000, 1500
"""So many are found in one go, and so many of them stay."""
NOBODY = -1
COPY_BITS = 3.0


@dataclass(frozen=True, eq=False)
class Variable:
    """A state variable: its update over the variables of an encoding, None while it is to be found, its initial value,
    operators and trace; `shown` (state, symbol) are the next values of one without an update."""

    name: str
    update: Term | None
    initial: int
    size: int
    trace: Traces
    shown: IntArray | None = None


@dataclass(frozen=True, eq=False)
class Source:
    """Where variables come from: candidates, read with their own earlier value if `delayed`, or what outputs show."""

    candidates: Candidates | None
    delayed: bool = False
    shown: IntArray | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """One variable of the pool: source, row there, initial value, base, bits with all it needs, values by history.

    `price` is fewer bits for one that is a function of the table's state, which few are by chance; `told` are the
    conflicts told apart with all that is needed; `rank` is the price less what that tells.
    """

    source: Source
    row: int
    initial: int
    base: Found | None
    cost: float
    price: float
    trace: Traces
    told: Masks
    rank: float

    @cached_property
    def update(self) -> Term:
        """The update over `OWN` and `OTHER`."""
        assert self.source.candidates is not None
        return self.source.candidates.term(self.row)

    @cached_property
    def size(self) -> int:
        """Operators of the update, with a guess where it is shown."""
        return SHOWN_OPERATORS if self.source.candidates is None else operator_count(self.update)

    @property
    def chain(self) -> tuple[Found, ...]:
        """All it needs, then itself."""
        return (*(self.base.chain if self.base else ()), self)


class Finder:
    """Finds variables for one table; values lie in `low` to `high` where another variable is read."""

    def __init__(
        self, mealy: Mealy, domain: Domain, words: Histories, constants: tuple[int, ...], initials: tuple[int, ...],
        low: int, high: int,
    ) -> None:  # fmt: skip
        self.mealy, self.domain, self.words, self.constants, self.initials = mealy, domain, words, constants, initials
        self.symbols = domain.symbols()
        self.inputs = [Var(n, INT) for n in input_names(domain.arity)]
        self.low, self.span = low, np.arange(low, high + 1)
        self.wide: list[Candidates] = []
        self.tried = 0
        self.met = {closed: hash_table(1 << 22) for closed in (True, False)}

    def closed(self, top: int, *, max_cost: int, candidates: int, limit: int, tests: int) -> list[Found]:
        """Variables that read nothing but the inputs, with values up to `top`."""
        span = np.arange(self.low, top + 1)
        made = [by_terms(self.inputs, span, self.symbols, self.constants, max_cost, candidates, limit)]
        made += by_tests(self.inputs, span, self.symbols, tests)
        return [v for part in made for v in self._simulated(Source(part), len(part.cost), self.words.symbol, None)]

    def prepare(self, *, max_cost: int, candidates: int, limit: int, tests: int) -> None:
        """Tabulate the updates that read one other variable, whatever its values."""
        size = len(self.span)
        rows = np.concatenate(
            [np.tile(self.symbols, (size, 1)), np.repeat(self.span, len(self.symbols))[:, None]], axis=1
        )
        given = [*self.inputs, Var(OTHER, INT)]
        parts = [by_terms(given, self.span, rows, self.constants, max_cost, candidates, limit)]
        parts += by_tests(given, self.span, rows, tests)
        for part in parts:
            table = part.tables.reshape(len(part.cost), size, size, -1)
            self.wide.append(part.those((table != table[:, :, :1]).any(axis=(1, 2, 3))))

    def over(self, bases: Sequence[Found], most: int) -> list[Found]:
        """Variables that read one of the bases: of all pairs of base and update the `most` that are cheapest
        together."""
        inside = list(bases)
        costs = [b.price + part.cost for b in inside for part in self.wide]
        if not costs:
            return []
        every = np.concatenate(costs)
        limit = np.partition(every, most)[most] if most < len(every) else np.inf
        found: list[Found] = []
        for base in inside:
            rows = (base.trace[self.words.parent].astype(np.int64) - self.low) * len(self.symbols) + self.words.symbol
            for part in self.wide:
                count = int(np.searchsorted(part.cost, limit - base.price))
                found += self._simulated(Source(part), count, rows, base)
        return found

    def delayed(self, most: int) -> list[Found]:
        """Variables that read their own value of one step before."""
        return [v for part in self.wide for v in self._simulated(Source(part, True), most, self.words.symbol, None)]

    def shown(self) -> list[Found]:
        """Values that the outputs tell: of the last step, or of the next one on some symbol."""
        found: dict[bytes, Found] = {}
        for k in range(self.mealy.output.shape[2]):
            output = self.mealy.output[:, :, k]
            later = [output[:, symbol][self.mealy.next] for symbol in range(output.shape[1])]
            for plain in (output, *later):
                least = int(plain.min())
                for values in (plain, *([plain - least] if least else []), int(plain.max()) - plain):
                    if np.ptp(values) == 0 or values.min() < self.low or values.max() > self.span[-1]:
                        continue
                    trace = values[self.words.state[self.words.parent], self.words.symbol].astype(np.int16)
                    for initial in self._starts(values):
                        trace[0] = initial
                        bits, told = SHOWN_BITS + STATE_BITS + value_bits(initial), self.words.masks(trace[None])
                        rank = bits - float(_telling_bits(told)[0])
                        made = Found(
                            Source(None, shown=values), 0, initial, None, bits, bits, trace.copy(), told[0], rank
                        )
                        found.setdefault(trace.tobytes(), made)
        return list(found.values())

    def _starts(self, values: IntArray) -> Sequence[int]:
        """Initial values of what is shown: that of the start state where all steps into it agree, else some."""
        into = np.unique(values[self.mealy.next == 0])
        return into.tolist() if len(into) == 1 else self.initials[:2]

    def _simulated(self, source: Source, most: int, rows: Rows, base: Found | None) -> list[Found]:
        part, found = source.candidates, []
        assert part is not None
        given = (base.cost if base else 0.0) + STATE_BITS + (COPY_BITS + STATE_BITS if source.delayed else 0.0)
        chosen = np.arange(min(most, len(part.cost)))
        for initial in self.initials:
            if not self.low <= initial < self.low + part.tables.shape[1]:
                continue
            kept = np.empty(MOST_KEPT, dtype=np.int64)
            traces = np.empty((MOST_KEPT, len(rows)), dtype=np.int16)
            count = simulate(
                part.tables, chosen, rows, self.words.parent, initial, self.low, source.delayed,
                *self.met[base is None and not source.delayed], ALIKE, traces, kept,
            )  # fmt: skip
            self.tried += len(chosen)
            extra = given + float(value_bits(initial))
            saved = DECODABLE_BITS * self.words.decodable(traces[:count])
            told = self.words.masks(traces[:count])
            if source.delayed:
                told |= self.words.masks(traces[:count, self.words.parent])
            if base is not None:
                saved += base.cost - base.price
                told |= base.told
            cost = part.cost[kept[:count]] + extra
            price = cost - saved
            rank = price - _telling_bits(told)
            for n in np.argsort(rank, kind="stable")[:MOST_EACH].tolist():
                bits = float(cost[n]), float(price[n])
                found.append(
                    Found(source, int(kept[n]), initial, base, *bits, traces[n].copy(), told[n], float(rank[n]))
                )
        return found

    def variables(self, chosen: Sequence[Found]) -> tuple[Variable, ...]:
        """The variables of an encoding, each once, with what they need."""
        names: dict[int, str] = {}
        made: list[Variable] = []
        for item in (v for member in chosen for v in member.chain):
            if id(item) in names:
                continue
            name = names[id(item)] = f"v{len(names)}"
            part = item.source.candidates
            if part is None:
                made.append(Variable(name, None, item.initial, SHOWN_OPERATORS, item.trace, item.source.shown))
                continue
            earlier = f"{name}e"
            other = earlier if item.source.delayed else names.get(id(item.base), OTHER)
            update = substitute(item.update, {OWN: Var(name, INT), OTHER: Var(other, INT)})
            made.append(Variable(name, update, item.initial, item.size, item.trace))
            if item.source.delayed:
                made.append(Variable(earlier, Var(name, INT), item.initial, 0, item.trace[self.words.parent]))
        return tuple(made)


def joint_codes(pool: Sequence[Found], words: Histories) -> Masks:
    """Codes (variable, node) of the values of each variable with those of all it needs (`extract.search.covers`)."""
    every = {id(v): v for member in pool for v in member.chain}
    codes: dict[int, Masks] = {}
    for k, (key, v) in enumerate(every.items()):
        codes[key] = _mixed(v.trace, k)
        if v.source.delayed:
            codes[key] = codes[key] + _mixed(v.trace[words.parent], k + len(every))
    return np.stack([np.sum([codes[id(v)] for v in member.chain], axis=0, dtype=np.uint64) for member in pool])


def _telling_bits(told: Masks) -> NDArray[np.float64]:
    """What variables are worth for the conflicts that they tell apart (variable, word): more the fewer are left."""
    left = 1.0 - np.bitwise_count(told).sum(axis=1) / (64 * told.shape[1])
    return TELLING_BITS * np.minimum(-np.log2(np.maximum(left, 1e-9)), MOST_TOLD)


def _mixed(values: NDArray[np.int16], number: int) -> Masks:
    """Numbers that tell values of a variable, and its number, apart."""
    code = (values.astype(np.int64).view(np.uint64) + np.uint64(1 << 20)) * np.uint64(0x9E3779B97F4A7C15)
    code ^= np.uint64(0xC2B2AE3D27D4EB4F * (number + 1) % (1 << 64))
    code ^= code >> np.uint64(31)
    code *= np.uint64(0xBF58476D1CE4E5B9)
    return code ^ (code >> np.uint64(27))


def pruned(found: Sequence[Found], alike: int, most: int) -> list[Found]:
    """The best by rank, no two with one trace and no more than `alike` that tell the same histories apart; in order of
    price."""
    kept: list[Found] = []
    seen: set[bytes] = set()
    count: dict[bytes, int] = {}
    for v in sorted(found, key=lambda v: v.rank):
        trace = v.trace.tobytes()
        if trace in seen:
            continue
        seen.add(trace)
        _, first, inverse = np.unique(v.trace, return_index=True, return_inverse=True)
        kernel = np.argsort(np.argsort(first)).astype(np.int16)[inverse.ravel()].tobytes()
        count[kernel] = count.get(kernel, 0) + 1
        if count[kernel] <= alike:
            kept.append(v)
            if len(kept) == most:
                break
    return sorted(kept, key=lambda v: v.price)


def distinct_bases(found: Sequence[Found], low: int, high: int, most: int) -> list[Found]:
    """Variables to build on, with values in a range, without those that are a function of one before."""
    kept: list[Found] = []
    for v in found:
        if v.trace.min() < low or v.trace.max() > high or any(_function(v.trace, other.trace) for other in kept):
            continue
        kept.append(v)
        if len(kept) == most:
            break
    return kept


def _function(values: Traces, given: Traces) -> bool:
    """Whether values are a function of those given."""
    least = int(given.min())
    first = np.full(int(given.max()) - least + 1, FAR, dtype=np.int16)
    first[given - least] = values
    return bool((first[given - least] == values).all())
