"""Variables that read each other in circles, two or three, which close on a table (`extract.search.closures`)."""

from __future__ import annotations

import itertools
import math
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
from verify.budget import Deadline
from verify.domain import IntArray

SHARE = 8
"""The part of all work that one combination of sizes and initial values may take."""
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


def circles(
    given: Updates, mealy: Mealy, words: Histories, initials: Sequence[int], *, below: int, budget: int,
    deadline: Deadline, forms: Forms, bases: Sequence[Base] = (),
) -> Iterator[Circle]:  # fmt: skip
    """Sets of variables with fewer operators than `below`, of sizes that few have first; no two with equal values. With
    `bases`, the last variable is one of these; where there are `forms`, one of them makes the output."""
    inside = [i for i in initials if given.low <= i < given.low + given.span][: MOST_INITIALS[given.wide]]
    met: set[frozenset[bytes]] = set()
    turns, left, hits = by_orbits(mealy.next), budget, np.empty((MOST_HITS, given.wide + 1), np.int64)
    for ranges, first, size in _tries(given, inside, min(below, MOST_OPERATORS), bases):
        if deadline.passed or left <= 0:
            return
        start, part = np.array(first) - given.low, min(left, budget // SHARE)
        found, work = closures(
            given.entries, ranges, start, mealy.next, turns, forms, given.span, MOST_JOINT, part, hits
        )  # fmt: skip
        left -= work
        for row in hits[:found]:
            made = _circle(given, mealy, words, first, row[:-1], size)
            key = frozenset(v.trace.tobytes() for v in made.variables)
            if key not in met:
                met.add(key)
                yield made


def _tries(
    given: Updates, inside: Sequence[int], below: int, bases: Sequence[Base]
) -> Iterator[tuple[Rows, tuple[int, ...], int]]:
    """Ranges of candidates (variable, 2), initial values and operators, those first that few candidates have."""
    count, free = np.diff(given.begins).tolist(), given.wide - bool(bases)
    every = itertools.product(range(min(len(count), below)), repeat=free)
    sizes = [s for s in every if list(s) == sorted(s, reverse=True) and sum(s) < below]
    for chosen in sorted(sizes, key=lambda s: math.prod(count[k] for k in s)):
        starts = [
            first for first in itertools.product(inside, repeat=free)
            if not any(a == b and i > j for a, b, i, j in zip(chosen, chosen[1:], first, first[1:], strict=False))
        ]  # fmt: skip
        for ranges, first in itertools.product(_ranges(given, chosen), starts):
            if not bases:
                yield ranges, first, sum(chosen)
            for base in bases:
                if sum(chosen) + base.size < below:
                    last = [[base.column, base.column + 1]]
                    yield np.concatenate([ranges, last]), (*first, base.initial), sum(chosen) + base.size


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


def _ranges(given: Updates, chosen: Sequence[int]) -> list[Rows]:
    """Ranges of candidates (variable, 2) of these sizes; of two one reads the other."""
    every = np.array([given.begins[[s, s + 1]] for s in chosen], dtype=np.int64)
    if given.wide != 2:
        return [every]
    parted = given.closed[list(chosen)]
    reading, alone = every.copy(), every.copy()
    reading[0, 1], alone[0, 0], alone[1, 1] = parted[0], parted[0], parted[1]
    return [reading, alone]


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
