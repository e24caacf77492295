"""Candidate update terms: everything the term engine finds up to a cost, distinct on a grid, with its values there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsl.terms import Term, Var, constant
from extract.search.engine.bank import LEAF
from extract.search.engine.costs import constant_bits, whole
from extract.search.engine.enumeration import Enumeration, Leaf
from extract.search.engine.language import Language
from extract.search.engine.lowering import NUMBER
from extract.search.readable import readable
from verify.domain import IntArray

LEAF_BITS = 3


@dataclass(frozen=True, eq=False)
class Updates:
    """Distinct integer terms in order of cost: `values[k]` on the grid, `cost[k]` in bits, `term(k)` on demand."""

    language: Language
    run: Enumeration
    values: IntArray
    cost: IntArray

    def __len__(self) -> int:
        return len(self.cost)

    @property
    def plain(self) -> NDArray[np.bool_]:
        """Which of the terms are single variables or constants."""
        return self.run.bank.stores[NUMBER].made_by[: len(self)] == LEAF

    def term(self, k: int) -> Term:
        """The k-th term."""
        return self.run.row_term(self.language.apply, NUMBER, k)


def enumerate_updates(
    variables: Sequence[Var], columns: Sequence[IntArray], constants: Sequence[int], *, max_cost: int, limit: int,
    candidates: int = 1 << 62,
) -> Updates:  # fmt: skip
    """All distinct terms up to `max_cost` bits over the variables, whose values on the grid are `columns` (each of
    shape (grid,)), and the constants; about `limit` of them at most, out of about so many candidates."""
    language = readable(tuple(constants))
    table = language.table
    size = len(columns[0])
    given = zip(variables, columns, strict=True)
    leaves = [Leaf(v, np.ascontiguousarray(c, dtype=np.int64), LEAF_BITS) for v, c in given]
    leaves += [Leaf(constant(c), np.full(size, c, dtype=np.int64), constant_bits(c)) for c in dict.fromkeys(constants)]
    run = Enumeration(leaves, table, tuple(whole(row.cost) for row in table), size, None, limit * (8 * size + 118))
    run.advance(candidates, math.inf, max_cost)
    store = run.bank.stores[NUMBER]
    values = np.ascontiguousarray(store.columns(slice(0, store.used)).T)
    return Updates(language, run, values, store.cost[: store.used].astype(np.int64))
