"""Variables that read each other in circles, two or three, which close on a table (`extract.search.closures`)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dsl.cost import value_bits
from dsl.terms import Term, Var, substitute
from dsl.types import INT
from extract.abstract.mealy import Mealy
from extract.search.assemble import input_names
from extract.search.candidates import OTHER, OWN, Candidates, by_terms
from extract.search.closures import Entries, closures, walked
from extract.search.histories import Histories, Rows
from extract.search.sets import STATE_BITS
from extract.search.variables import Variable
from verify.budget import Deadline
from verify.domain import Domain, IntArray

THIRD = "u"
MOST_VALUES, MOST_TERMS = 8, 30_000
"""Values of each of three variables, and updates."""
COPIES = ((1, 0.0), (2, 0.25))
"""Joint values of a state of the table, and by what share there are more of them in all than states: first each
variable is a function of the state."""
SHARE = 8
"""The part of all work that one combination of sizes and initial values may take."""
MOST_HITS, MOST_OPERATORS = 40, 9
MOST_INITIALS = {2: 3, 3: 2}
"""Initial values of each variable, by the number of variables."""


@dataclass(frozen=True, eq=False)
class Updates:
    """Candidates for updates of `wide` variables that may read each other, as entries (row, candidate) of values from
    `low`, out of range `span`; `begins` are where sizes begin."""

    wide: int
    low: int
    span: int
    entries: Entries
    begins: Rows
    parts: tuple[Candidates, ...]
    origin: Rows

    def term(self, k: int) -> Term:
        """The k-th update over `OWN`, `OTHER` and `THIRD`."""
        part = int(self.origin[k, 0])
        return self.parts[part].term(int(self.origin[k, 1]))


def updates(parts: Sequence[Candidates], wide: int, low: int, span: int) -> Updates:
    """Those of all parts together, in order of size."""
    size = np.concatenate([p.size for p in parts])
    count = [len(p.size) for p in parts]
    where = np.stack([np.repeat(np.arange(len(parts)), count), np.concatenate([np.arange(n) for n in count])], axis=1)
    order = np.argsort(size, kind="stable")
    each = []
    for p in parts:
        values = p.tables.reshape(len(p.size), math.prod(p.tables.shape[1:])) - low
        each.append(np.where((values < 0) | (values >= span), span, values).astype(np.int8))
    entries = np.ascontiguousarray(np.concatenate(each)[order].T)
    begins = np.searchsorted(size[order], np.arange(int(size.max(initial=0)) + 2))
    return Updates(wide, low, span, entries, begins, tuple(parts), where[order])


def of_three(domain: Domain, constants: Sequence[int], most_rows: int) -> Updates:
    """Updates that read two other variables, whatever their values in a range so small that there are at most so many
    entries (or three values)."""
    symbols = domain.symbols()
    low = min(-1, int(symbols.min()))
    span = 3
    while (span + 1) ** 3 * len(symbols) <= most_rows and span < MOST_VALUES:
        span += 1
    values = np.arange(low, low + span)
    others = np.array(list(itertools.product(values, values)))
    rows = np.concatenate([np.tile(symbols, (len(others), 1)), np.repeat(others, len(symbols), axis=0)], axis=1)
    names = [*(Var(n, INT) for n in input_names(domain.arity)), Var(OTHER, INT), Var(THIRD, INT)]
    few = [c for c in constants if low <= c <= values[-1]]
    return updates([by_terms(names, values, rows, few, 2, MOST_TERMS)], 3, low, span)


@dataclass(frozen=True, eq=False)
class Circle:
    """Variables that determine the state of a table, the operators of their updates and their bits."""

    variables: tuple[Variable, ...]
    size: int
    price: float


def circles(
    given: Updates, mealy: Mealy, words: Histories, initials: Sequence[int], *, below: int, budget: int,
    deadline: Deadline,
) -> Iterator[Circle]:  # fmt: skip
    """Sets of variables with fewer operators than `below`, those with fewest first; no two with equal values."""
    inside = [i for i in initials if given.low <= i < given.low + given.span][: MOST_INITIALS[given.wide]]
    sizes = range(min(len(given.begins) - 1, below))
    classes = [s for s in itertools.product(sizes, repeat=given.wide) if list(s) == sorted(s, reverse=True)]
    met: set[frozenset[bytes]] = set()
    left, hits = budget, np.empty((MOST_HITS, given.wide + 1), np.int64)
    for total in range(min(below, MOST_OPERATORS)):
        for copies, more in COPIES:
            for chosen in (s for s in classes if sum(s) == total):
                ranges = np.array([given.begins[[s, s + 1]] for s in chosen], dtype=np.int64)
                for first in itertools.product(inside, repeat=given.wide):
                    if deadline.passed or left <= 0:
                        return
                    if any(a == b and i > j for a, b, i, j in zip(chosen, chosen[1:], first, first[1:], strict=False)):
                        continue
                    start = np.array(first) - given.low
                    count, work = closures(
                        given.entries, ranges, start, mealy.next, given.span, copies,
                        mealy.size + math.ceil(more * mealy.size), min(left, budget // SHARE), hits,
                    )  # fmt: skip
                    left -= work
                    for row in hits[:count]:
                        made = _circle(given, mealy, words, first, row[:-1], total)
                        key = frozenset(v.trace.tobytes() for v in made.variables)
                        if key not in met:
                            met.add(key)
                            yield made


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
