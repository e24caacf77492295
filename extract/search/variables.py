"""State variables for a table whose states have no names, judged by their traces, and sets of them.

A variable's update reads itself, the inputs and at most one other value: a *base* found before (a cascade, as in Krohn
& Rhodes 1965), or its own value of one step earlier. A base may also be *shown*: a value that the outputs tell, whose
own update is still to be found. The search for them is `extract.search.finder`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dsl.terms import Term, Var, substitute
from dsl.types import INT
from extract.search.candidates import OTHER, OWN, Candidates
from extract.search.histories import Histories, Masks, Traces
from verify.domain import IntArray

SHOWN_BITS, SHOWN_OPERATORS = 22.0, 2
"""What the update of a shown variable is taken to cost until it is found."""
EARLIER = "e"
"""Ends the name of what a variable was one step before."""
TELLING_BITS, MOST_TOLD = 5.0, 8.0


@dataclass(frozen=True, eq=False)
class Variable:
    """A state variable: its update over the variables of an encoding, None while it is to be found, its initial value,
    operators and trace; `shown` (state, symbol) are the next values of one without an update, to which some times the
    value of another variable is added, `plus`: its name, new or old, and a factor."""

    name: str
    update: Term | None
    initial: int
    size: int
    trace: Traces
    shown: IntArray | None = None
    plus: tuple[str, int] | None = None


@dataclass(frozen=True, eq=False)
class Source:
    """Where variables come from: candidates, read with their own earlier value if `delayed`, or what outputs show, with
    `plus` so many times the base, its new value or its `old` one."""

    candidates: Candidates | None
    delayed: bool = False
    shown: IntArray | None = None
    plus: int = 0
    old: bool = False


@dataclass(frozen=True, eq=False)
class Found:
    """One variable of the pool: source, row there, initial value, base, bits with all it needs, values by history.

    `price` is fewer bits for one that is a function of the table's state, which few are by chance; `told` are the
    conflicts told apart with all that is needed; `rank` is the price less what that tells. A `pure` one is a
    function of the table's state, as is all it needs.
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
    pure: bool = False

    @cached_property
    def update(self) -> Term:
        """The update over `OWN` and `OTHER`."""
        assert self.source.candidates is not None
        return self.source.candidates.term(self.row)

    @cached_property
    def size(self) -> int:
        """Operators of the update, with a guess where it is shown."""
        return SHOWN_OPERATORS if self.source.candidates is None else int(self.source.candidates.size[self.row])

    @property
    def chain(self) -> tuple[Found, ...]:
        """All it needs, then itself."""
        return (*(self.base.chain if self.base else ()), self)


def encoded(chosen: Sequence[Found], words: Histories) -> tuple[Variable, ...]:
    """The variables of an encoding, each once, with what they need."""
    every = {id(v): v for member in chosen for v in member.chain}
    names = {key: f"v{k}" for k, key in enumerate(every)}
    made: list[Variable] = []
    for key, item in every.items():
        name = names[key]
        part = item.source.candidates
        if part is None:
            mark = "" if item.source.old else "'"
            plus = (names[id(item.base)] + mark, item.source.plus) if item.source.plus else None
            made.append(Variable(name, None, item.initial, SHOWN_OPERATORS, item.trace, item.source.shown, plus))
            continue
        earlier = name + EARLIER
        other = earlier if item.source.delayed else names.get(id(item.base), OTHER)
        update = substitute(item.update, {OWN: Var(name, INT), OTHER: Var(other, INT)})
        made.append(Variable(name, update, item.initial, item.size, item.trace))
        if item.source.delayed:
            made.append(Variable(earlier, Var(name, INT), item.initial, 0, item.trace[words.parent]))
    return tuple(made)


def together(chosen: Sequence[Found]) -> float:
    """The price of a set of variables with all they need."""
    every = {id(v): v for member in chosen for v in member.chain}.values()
    return sum(v.price - (v.base.price if v.base else 0.0) for v in every)


def operators(chosen: Sequence[Found]) -> int:
    """Operators of the updates of a set of variables with all they need, without those still to be found."""
    every = {id(v): v for member in chosen for v in member.chain}.values()
    return sum(v.size for v in every if v.source.candidates is not None)


def joint_codes(pool: Sequence[Found], words: Histories) -> Masks:
    """Codes (variable, node) of the values of each variable with those of all it needs (`extract.search.covers`)."""
    every = {id(v): v for member in pool for v in member.chain}
    codes: dict[int, Masks] = {}
    for k, (key, v) in enumerate(every.items()):
        codes[key] = mixed(v.trace, k)
        if v.source.delayed:
            codes[key] = codes[key] + mixed(v.trace[words.parent], k + len(every))
    return np.stack([np.sum([codes[id(v)] for v in member.chain], axis=0, dtype=np.uint64) for member in pool])


def telling_bits(told: Masks) -> NDArray[np.float64]:
    """What variables are worth for the conflicts that they tell apart (variable, word): more the fewer are left."""
    left = 1.0 - np.bitwise_count(told).sum(axis=1) / (64 * told.shape[1])
    return TELLING_BITS * np.minimum(-np.log2(np.maximum(left, 1e-9)), MOST_TOLD)


def mixed(values: NDArray[np.int16], number: int) -> Masks:
    """Numbers that tell values of a variable, and its number, apart."""
    code = (values.astype(np.int64).view(np.uint64) + np.uint64(1 << 20)) * np.uint64(0x9E3779B97F4A7C15)
    code ^= np.uint64(0xC2B2AE3D27D4EB4F * (number + 1) % (1 << 64))
    code ^= code >> np.uint64(31)
    code *= np.uint64(0xBF58476D1CE4E5B9)
    return code ^ (code >> np.uint64(27))


def pruned(found: Sequence[Found], alike: int, most: int) -> list[Found]:
    """The best by rank, the pure first, no two with one trace and no more than `alike` that tell the same histories
    apart, beside the first with each initial value; in order of price."""
    kept: list[Found] = []
    seen: set[bytes] = set()
    count: Counter[bytes] = Counter()
    begun: set[tuple[bytes, int]] = set()
    for v in sorted(found, key=lambda v: (not v.pure, v.rank)):
        if v.pure and len(kept) >= most // 2:
            continue
        trace = v.trace.tobytes()
        if trace in seen:
            continue
        seen.add(trace)
        kernel = _kernel(v.trace)
        count[kernel] += 1
        if count[kernel] <= alike or (kernel, v.initial) not in begun:
            begun.add((kernel, v.initial))
            kept.append(v)
            if len(kept) == most:
                break
    return sorted(kept, key=lambda v: v.price)


def by_turns(pool: Sequence[Found]) -> list[Found]:
    """Those with the lowest price, those that tell most, of these the pure ones, and the cheapest, by turns."""
    telling = sorted(pool, key=lambda v: v.rank)
    orders = sorted(pool, key=lambda v: v.price), telling, sorted(telling, key=lambda v: not v.pure)
    turns = zip(*orders, sorted(telling, key=lambda v: v.cost), strict=True)
    return list({id(v): v for each in turns for v in each}.values())


def distinct_bases(found: Sequence[Found], low: int, high: int, most: int, alike: int) -> list[Found]:
    """Variables to build on, with values in a range, no more than `alike` that tell the same nodes apart by values from
    0 on without a gap, and as many by others."""
    kept: list[Found] = []
    namings: Counter[tuple[bytes, bool]] = Counter()
    for v in found:
        least, top = int(v.trace.min()), int(v.trace.max())
        if least < low or top > high:
            continue
        kernel = _kernel(v.trace), least == 0 and top == len(np.unique(v.trace)) - 1
        namings[kernel] += 1
        if namings[kernel] <= alike:
            kept.append(v)
            if len(kept) == most:
                break
    return kept


def _kernel(trace: Traces) -> bytes:
    """Which nodes a trace tells apart: its values numbered as they are met."""
    _, first, inverse = np.unique(trace, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first)).astype(np.int16)[inverse.ravel()].tobytes()
