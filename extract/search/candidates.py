"""Updates as tables: what each candidate makes of its own value and of what it reads, with its term on demand."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsl.terms import Term, Var, constant, operator_count
from dsl.types import INT
from extract.search.assemble import input_names
from extract.search.small.smallest import Bank
from extract.search.templates import conditional, templates, tests, usual
from verify.domain import Domain, IntArray

OWN, OTHER, THIRD = "s", "t", "u"
FAR = 30_000
"""Stands for values beyond 16 bits, which are out of every range."""
MOST_TABLE, TABLES = 16_000_000, 48_000_000
"""Entries of the tables of one part, and of those of usual choices."""
OPERATOR_BITS, UPDATE_BITS = 9.0, 4.0
FINER = 0.01
"""What a bit of a choice between two templates counts, so that few cost the same."""
MOST_OPERATORS = 99
FAMILIAR, CHOOSING_BITS, CHOSEN, CHOICE_BITS = 0.1, 14.0, 0.5, 0.1
"""What an operator past the first costs in a template, against one in a term at large; bits of a choice between two of
them, and what an operator of theirs costs there, or a bit of the whole in a usual choice."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Tables (candidate, own value, row) in order of cost in bits and of operators; `term` gives the update over `OWN`
    and what is read; `templates` are updates as people write them, and choices between two."""

    tables: NDArray[np.int16]
    size: NDArray[np.int64]
    cost: NDArray[np.float64]
    term: Callable[[int], Term]
    templates: bool = False

    def those(self, chosen: NDArray[np.bool_]) -> Candidates:
        """Some of them."""
        at = np.flatnonzero(chosen)
        tables = np.ascontiguousarray(self.tables[at])
        return Candidates(tables, self.size[at], self.cost[at], lambda k: self.term(int(at[k])), self.templates)

    def upto(self, bits: float, below: int = MOST_OPERATORS) -> int:
        """How many cost no more and have fewer operators than `below`."""
        return int(min(np.searchsorted(self.cost, bits, side="right"), np.searchsorted(self.size, below)))


def reading(domain: Domain, values: IntArray, wide: int) -> tuple[list[Var], IntArray]:
    """What updates of so many variables read beside their own values, and all its values (row, name), of other
    variables those given."""
    symbols, others = domain.symbols(), np.array(list(itertools.product(values, repeat=wide - 1)), dtype=np.int64)
    rows = np.concatenate([np.tile(symbols, (len(others), 1)), np.repeat(others, len(symbols), axis=0)], axis=1)
    return [Var(n, INT) for n in (*input_names(domain.arity), *(OTHER, THIRD)[: wide - 1])], rows


def by_terms(
    names: Sequence[Var], span: IntArray, rows: IntArray, constants: Sequence[int], operators: int, limit: int
) -> Candidates:
    """All terms with so many operators at most, about `limit` in all, distinct on the grid of own values and rows
    (row, name)."""
    grid = [np.repeat(span, len(rows)), *(np.tile(c, len(span)) for c in rows.T)]
    leaves = [Var(OWN, INT), *names, *(constant(c) for c in constants)]
    bank = Bank(leaves, [*grid, *(np.full(len(grid[0]), c) for c in constants)], operators, limit)
    values, size = bank.values, bank.sizes.astype(np.int64)
    tables = values.reshape(len(values), len(span), len(rows))
    cost = UPDATE_BITS + OPERATOR_BITS * size.astype(np.float64)
    return Candidates(tables, size, cost, bank.number)


def by_tests(
    names: Sequence[Var], span: IntArray, rows: IntArray, most: int, resets: Sequence[int]
) -> Iterator[Candidates]:
    """Templates (`extract.search.templates`), and two of them joined by a test, in parts that fit in memory."""
    plain = templates(Var(OWN, INT), names, span, rows, resets)
    checks = tests(Var(OWN, INT), names, span, rows)
    values, sizes = _narrow(np.stack([t.values for t in plain])), np.array([operator_count(t.term) for t in plain])
    simple = np.argsort(sizes, kind="stable")
    yield Candidates(values[simple], sizes[simple], _familiar(sizes[simple]), lambda k: plain[simple[k]].term, True)
    total = (2 + sizes[:, None] + sizes)[None].repeat(len(checks), axis=0)
    bits = np.array([float(t[2]) for t in checks])[:, None, None] + _pairs([float(t.cost) for t in plain])
    order = np.argsort(1000.0 * total + bits, axis=None, kind="stable")[:most]
    truth = np.stack([t[1] for t in checks])
    length = max(1, MOST_TABLE // values[0].size)
    for start in range(0, len(order), length):
        part = order[start : start + length]
        c, a, b = np.unravel_index(part, total.shape)

        def term(k: int, c: IntArray = c, a: IntArray = a, b: IntArray = b) -> Term:
            return conditional(checks[c[k]], plain[a[k]], plain[b[k]])

        size = total.ravel()[part]
        cost = UPDATE_BITS + CHOOSING_BITS + OPERATOR_BITS * CHOSEN * (size - 2.0) + FINER * bits.ravel()[part]
        yield Candidates(np.where(truth[c], values[a], values[b]), size, cost, term, True)


def by_usual(names: Sequence[Var], span: IntArray, rows: IntArray, resets: Sequence[int], nested: int) -> Candidates:
    """Usual choices (`extract.search.templates.usual`) as long as they fit in memory, in order of operators."""
    own = Var(OWN, INT)
    plain, checks = templates(own, names, span, rows, resets), tests(own, names, span, rows)
    chosen = usual(own, plain, checks, resets, nested)[: TABLES // (len(span) * len(rows))]
    cost = UPDATE_BITS + np.array([CHOOSING_BITS * c.depth + CHOICE_BITS * c.cost for c in chosen])
    some = [c.made for c in chosen]
    sizes = np.array([operator_count(t.term) for t in some])
    values = _narrow(np.stack([t.values for t in some]))
    order = np.argsort(sizes, kind="stable")
    return Candidates(values[order], sizes[order], cost[order], lambda k: some[order[k]].term, True)


def _pairs(bits: Sequence[float]) -> NDArray[np.float64]:
    return np.add.outer(bits, bits)[None]


def _familiar(size: NDArray[np.int64]) -> NDArray[np.float64]:
    return UPDATE_BITS + OPERATOR_BITS * np.minimum(size, 1 + FAMILIAR * (size - 1))


def _narrow(values: IntArray) -> NDArray[np.int16]:
    return np.where(np.abs(values) > FAR, FAR, values).astype(np.int16)
