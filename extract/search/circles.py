"""Variables that read each other in circles, up to three, which close on a table (`extract.search.closures`)."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dsl.cost import value_bits
from dsl.terms import Var, substitute
from dsl.types import INT
from extract.abstract.mealy import Mealy
from extract.search.candidates import OTHER, OWN, THIRD
from extract.search.closures import closures, walked
from extract.search.forms import Forms
from extract.search.histories import Histories, Rows
from extract.search.questions import MOST_JOINT
from extract.search.readers import Base, Updates
from extract.search.sets import STATE_BITS
from extract.search.variables import Variable
from verify.domain import IntArray

PASSES = (3_000_000, 30_000_000, 300_000_000)
"""Work that one combination of sizes and initial values may take: those cut short are begun again with more."""
MOST_HITS, MOST_OPERATORS = 40, 11
"""Sets for one combination, and operators of all updates."""
MOST_INITIALS = {1: 4, 2: 3, 3: 2}
"""Initial values of each variable, by the number of variables."""


@dataclass(frozen=True, eq=False)
class Circle:
    """Variables that determine the state of a table, the operators of their updates and their bits."""

    variables: tuple[Variable, ...]
    size: int
    price: float


_Kind = tuple[int, ...]


@dataclass(frozen=True)
class _Try:
    """Ranges of candidates (variable, 3), initial values and operators."""

    ranges: Rows
    first: tuple[int, ...]
    size: int


class Circling:
    """A search for sets of variables, of sizes that few have first, no two with equal values, which goes on where it
    stopped. With `bases`, the last variable is one of these; where there are `forms`, one of them makes the output."""

    def __init__(
        self, given: Updates, mealy: Mealy, words: Histories, initials: Sequence[int], *, forms: Forms,
        bases: Sequence[Base] = (),
    ) -> None:  # fmt: skip
        self.given, self.mealy, self.words, self.forms = given, mealy, words, forms
        inside = [i for i in initials if given.low <= i < given.low + given.span][: MOST_INITIALS[given.wide]]
        self._left = _tries(given, inside, bases)
        self._next = next(self._left, None)
        self._cut: list[_Try] = []
        self._passes = deque(PASSES)
        self._met: set[frozenset[bytes]] = set()
        self._turns, self._hits = by_orbits(mealy.next), np.empty((MOST_HITS, given.wide + 1), np.int64)

    @property
    def spent(self) -> bool:
        """Whether there is nothing left to try."""
        return self._next is None

    def go_on(self, below: int, most: float) -> Iterator[Circle]:
        """The sets that one try more meets, with fewer operators than `below`, by about so much work at most."""
        chosen, part = self._next, int(min(self._passes[0], most))
        if chosen is not None and chosen.size < below:
            given, start = self.given, np.array(chosen.first) - self.given.low
            found, work = closures(
                given.entries, chosen.ranges, start, self.mealy.next, self._turns, self.forms, given.span, MOST_JOINT,
                part, self._hits,
            )  # fmt: skip
            if work >= part:
                self._cut.append(chosen)
            for row in self._hits[:found]:
                made = _circle(given, self.mealy, self.words, chosen.first, row[:-1], chosen.size)
                key = frozenset(v.trace.tobytes() for v in made.variables)
                if key not in self._met:
                    self._met.add(key)
                    yield made
        self._next = next(self._left, None)
        if self._next is None and len(self._passes) > 1:
            self._passes.popleft()
            self._left, self._cut = iter(self._cut), []
            self._next = next(self._left, None)


def _tries(given: Updates, inside: Sequence[int], bases: Sequence[Base]) -> Iterator[_Try]:
    """Those first for which there are few candidates, of those that are alike but for their order the first."""
    count, free = np.diff(given.begins), given.wide - bool(bases)
    kinds = [(s, k) for s in range(len(count)) for k in range(count.shape[1]) if count[s, k]]
    every = [
        chosen for chosen in itertools.product(kinds, repeat=free)
        if sum(s for s, _ in chosen) <= MOST_OPERATORS and _joined([k for _, k in chosen], given.wide)
        and chosen == min(_orders(chosen, given.wide))
    ]  # fmt: skip
    for chosen in sorted(every, key=lambda c: math.prod(int(count[s, k]) for s, k in c)):
        ranges = np.array([[*given.begins[s, [k, k + 1]], k] for s, k in chosen], dtype=np.int64)
        size, met = sum(s for s, _ in chosen), set[tuple[_Kind, ...]]()
        for first in itertools.product(inside, repeat=free):
            alike = min(_orders([(*kind, i) for kind, i in zip(chosen, first, strict=True)], given.wide))
            if alike in met:
                continue
            met.add(alike)
            if not bases:
                yield _Try(ranges, first, size)
            for base in bases:
                if size + base.size <= MOST_OPERATORS:
                    more = np.concatenate([ranges, [[base.column, base.column + 1, 0]]])
                    yield _Try(more, (*first, base.initial), size + base.size)


def _joined(reads: Sequence[int], wide: int) -> bool:
    """Whether variables read one another, or there is but one; beside a base, whether the two do or both read that."""
    links = {frozenset((i, (i + 1 + n) % wide)) for i, k in enumerate(reads) for n in range(wide - 1) if k >> n & 1}
    if len(reads) == wide:
        return wide == 1 or bool(links)
    return frozenset((0, 1)) in links or len(links) == len(reads)


def _orders(each: Sequence[_Kind], wide: int) -> Iterator[tuple[_Kind, ...]]:
    """The kinds of variables (size, reads, and what else) in each order: turned round, where there are no others, and
    the other way round, where what was read first is read last."""
    back = [(k[0], (k[1] & 1) << 1 | k[1] >> 1 if wide > 2 else k[1], *k[2:]) for k in reversed(each)]
    for turned in (list(each), back):
        for n in range(len(each) if len(each) == wide else 1):
            yield (*turned[n:], *turned[:n])


def by_orbits(following: Rows) -> Rows:
    """Symbols in an order by which the first few lead to as many states as they can; `following` (state, symbol)."""
    chosen: list[int] = []
    left = list(range(following.shape[1]))
    while left:
        chosen.append(max(left, key=lambda x: _reached(following[:, [*chosen, x]])))
        left.remove(chosen[-1])
    return np.array(chosen, dtype=np.int64)


def _reached(following: Rows) -> int:
    """How many states are reached."""
    met, left = {0}, [0]
    while left:
        new = set(following[left.pop()].tolist()) - met
        met |= new
        left += new
    return len(met)


def _circle(
    given: Updates, mealy: Mealy, words: Histories, first: Sequence[int], chosen: IntArray, size: int
) -> Circle:
    """The variables of chosen candidates."""
    wide, symbols = given.wide, mealy.next.shape[1]
    start = np.array(first) - given.low
    traces = walked(given.entries, chosen, start, words.parent, words.symbol, symbols, given.span)
    traces = (traces + given.low).astype(np.int16)
    made, price = [], 0.0
    for i in range(wide):
        names = {role: Var(f"v{(i + k) % wide}", INT) for k, role in enumerate((OWN, OTHER, THIRD)[:wide])}
        update, part = given.term(int(chosen[i])), given.parts[int(given.origin[chosen[i], 0])]
        own = int(part.size[given.origin[chosen[i], 1]])
        made.append(Variable(f"v{i}", substitute(update, names), int(first[i]), own, traces[i]))
        price += float(part.cost[given.origin[chosen[i], 1]]) + STATE_BITS + float(value_bits(int(first[i])))
    return Circle(tuple(made), size, price)
