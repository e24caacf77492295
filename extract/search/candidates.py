"""Updates as tables: what each candidate makes of its own value and of what it reads, with its term on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsl.terms import Term, Var
from dsl.types import INT
from extract.search.templates import conditional, templates, tests
from extract.search.updates import enumerate_updates
from verify.domain import IntArray

OWN, OTHER = "s", "t"
FAR = 30_000
"""Stands for values beyond 16 bits, which are out of every range."""
MOST_TABLE = 16_000_000


@dataclass(frozen=True, eq=False)
class Candidates:
    """Tables (candidate, own value, row) in order of cost in bits; `term` gives the update over `OWN` and what is
    read."""

    tables: NDArray[np.int16]
    cost: NDArray[np.float64]
    term: Callable[[int], Term]

    def those(self, chosen: NDArray[np.bool_]) -> Candidates:
        """Some of them."""
        at = np.flatnonzero(chosen)
        return Candidates(np.ascontiguousarray(self.tables[at]), self.cost[at], lambda k: self.term(int(at[k])))


def by_terms(
    names: Sequence[Var], span: IntArray, rows: IntArray, constants: Sequence[int], max_cost: int, candidates: int,
    limit: int,
) -> Candidates:  # fmt: skip
    """The cheapest terms, distinct on the grid of own values and rows (row, name)."""
    grid = [np.repeat(span, len(rows)), *(np.tile(c, len(span)) for c in rows.T)]
    updates = enumerate_updates(
        [Var(OWN, INT), *names], grid, constants, max_cost=max_cost, limit=limit, candidates=candidates
    )
    tables = _narrow(updates.values).reshape(len(updates), len(span), len(rows))
    return Candidates(tables, updates.cost.astype(np.float64), updates.term)


def by_tests(names: Sequence[Var], span: IntArray, rows: IntArray, most: int) -> Iterator[Candidates]:
    """Templates (`extract.search.templates`), and two of them joined by a test, in parts that fit in memory."""
    plain = templates(Var(OWN, INT), names, span, rows)
    checks = tests(Var(OWN, INT), names, span, rows)
    values, price = _narrow(np.stack([t.values for t in plain])), np.array([float(t.cost) for t in plain])
    yield Candidates(values, price, lambda k: plain[k].term)
    total = np.array([float(t[2]) for t in checks])[:, None, None] + (price[:, None] + price)[None] + 5
    order = np.argsort(total, axis=None, kind="stable")[:most]
    truth = np.stack([t[1] for t in checks])
    length = max(1, MOST_TABLE // values[0].size)
    for start in range(0, len(order), length):
        part = order[start : start + length]
        c, a, b = np.unravel_index(part, total.shape)

        def term(k: int, c: IntArray = c, a: IntArray = a, b: IntArray = b) -> Term:
            return conditional(checks[c[k]], plain[a[k]], plain[b[k]])

        yield Candidates(np.where(truth[c], values[a], values[b]), total.ravel()[part], term)


def _narrow(values: IntArray) -> NDArray[np.int16]:
    return np.where(np.abs(values) > FAR, FAR, values).astype(np.int16)
