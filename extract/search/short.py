"""The shortest term for a small table, by plain enumeration: for the many cheap questions of a search."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from dsl.terms import Term, Var, constant
from dsl.types import INT
from extract.search.engine.enumeration import Enumeration, Leaf
from extract.search.engine.language import Language
from extract.search.readable import readable
from verify.domain import IntArray

LARGEST_QUOTIENT = 4
PLAIN = 5


@lru_cache(maxsize=64)
def small_language(constants: tuple[int, ...]) -> Language:
    """The readable language, with `div` by the smallest divisors only."""
    language = readable(constants)

    def kept(operator: str) -> bool:
        name, _, divisor = operator.partition(" ")
        return name != "div" or int(divisor) <= LARGEST_QUOTIENT

    return replace(language, table=tuple(row for row in language.table if kept(row.operator)))


class Short:
    """One table of examples under enumeration, a level at a time. A level is a number of nodes, which makes far fewer
    and larger tiles than levels of bits; large or negative constants count twice."""

    def __init__(
        self, columns: Mapping[str, IntArray], target: IntArray, constants: Sequence[int], *, candidates: int
    ) -> None:
        names = list(columns)
        table = np.unique(np.stack([*columns.values(), target], axis=1), axis=0)
        self.language = small_language(tuple(constants))
        given = [Var(n, INT) for n in names]
        leaves = [Leaf(v, np.ascontiguousarray(table[:, k]), 1) for k, v in enumerate(given)]
        leaves += [Leaf(constant(c), np.full(len(table), c), 1 if 0 <= c <= PLAIN else 2) for c in constants]
        costs = (1,) * len(self.language.table)
        self.most = candidates
        memory = candidates * (8 * len(table) + 128) // 2
        self.run = Enumeration(
            leaves, self.language.table, costs, len(table), np.ascontiguousarray(table[:, -1]), memory
        )

    def deepen(self) -> Term | None:
        """The cheapest term that is right on every row, if the next level of cost holds one."""
        found = self.run.advance(self.most, math.inf, self.run.level)
        return self.run.term(self.language.apply, found[0]) if found else None

    @property
    def level(self) -> int:
        """The number of nodes tried next."""
        return self.run.level

    @property
    def spent(self) -> bool:
        """Whether the budget of candidates is used."""
        return self.run.full or self.run.candidates >= self.most
