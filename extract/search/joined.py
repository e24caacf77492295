"""Outputs as joins of up to three variables of a large pool (`extract.search.meets`): variables and output at once."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dsl.ops import apply
from dsl.terms import Term, Var, constant, substitute
from dsl.types import INT
from extract.search import aims, meets
from extract.search.finder import Batch, best_of
from extract.search.histories import Histories
from extract.search.variables import EARLIER, Found, operators
from verify.domain import IntArray

NAMES = {aims.ADD: "+", aims.MUL: "*", aims.MAX: "max", aims.MIN: "min"}
CHECKS = {aims.IS: "==", aims.NOT: "!=", aims.OVER: ">", aims.UNDER: "<="}
MOST_HITS = 24
SUFFIXES = "'", "", EARLIER


@dataclass(frozen=True, eq=False)
class Join:
    """Variables by name, an output over their old and new values and those of one step before (`EARLIER`), and the
    operators of all."""

    chosen: dict[str, Found]
    output: Term
    size: int

    def renamed(self) -> Term:
        """The output over the names that an encoding by the variables gives them."""
        every = dict.fromkeys(v for member in self.chosen.values() for v in member.chain)
        names = {id(v): f"v{k}" for k, v in enumerate(every)}
        ends = itertools.product(self.chosen.items(), SUFFIXES)
        return substitute(self.output, {m + end: Var(names[id(v)] + end, INT) for (m, v), end in ends})


class Pool:
    """Atoms for outputs: inputs, constants, and variables of batches, each after a step, before it and a step earlier,
    which takes another variable but no operators."""

    def __init__(
        self, words: Histories, inputs: Mapping[str, IntArray], constants: Sequence[int], batches: Sequence[Batch],
        most: int, narrow: int, *, rng: np.random.Generator,
    ) -> None:  # fmt: skip
        """`inputs` are values by node; `most` variables of best rank and with fewest operators are taken, by turns; for
        operators that all arguments allow the first `narrow` atoms."""
        self.order = 1 + rng.permutation(len(words.parent) - 1)
        before = words.parent[self.order]
        self.batches = batches
        self.members = best_of(batches, most)
        self.leaves: list[Term] = [*(Var(n, INT) for n in inputs), *(constant(c) for c in constants)]
        plain, size = len(self.leaves), len(self.members)
        values = np.empty((plain + 3 * size, len(before)), np.int16)
        values[:plain] = [*(c[self.order] for c in inputs.values()), *(np.full(len(before), c) for c in constants)]
        for n, (b, k) in enumerate(self.members):
            trace = batches[b].traces[k]
            values[plain + 3 * n : plain + 3 * n + 3] = trace[self.order], trace[before], trace[words.parent[before]]
        self.same, base = self._bases()
        own = np.repeat([int(batches[b].size[k]) for b, k in self.members], 3).astype(np.int64)
        given = np.repeat([operators((o,)) if (o := batches[b].base) else 0 for b, _ in self.members], 3)
        none = np.zeros(plain, np.int64)
        zero = self.leaves.index(constant(0)) if constant(0) in self.leaves else 0
        self.atoms = aims.Atoms(
            values, np.concatenate([none, own]), np.concatenate([-2 - np.arange(plain), np.arange(3 * size) // 3]),
            np.concatenate([none - 1, np.repeat(base, 3)]), np.concatenate([none, given.astype(np.int64)]),
            np.argsort(np.concatenate([none, own + given]), kind="stable"),
            np.unique([*range(len(inputs)), zero]).astype(np.int64), narrow,
        )  # fmt: skip

    def _bases(self) -> tuple[dict[int, Found], IntArray]:
        """Bases that are members themselves, and the number of each member's base: a member's, or a higher one."""
        found = {id(b.base): b.base for b in self.batches if b.base is not None}
        traces = {v.trace.tobytes(): key for key, v in found.items()}
        number = {key: len(self.members) + n for n, key in enumerate(found)}
        same: dict[int, Found] = {}
        for n, (b, k) in enumerate(self.members):
            key = traces.get(self.batches[b].traces[k].tobytes()) if traces and self.batches[b].base is None else None
            if key is not None:
                number[key], same[n] = n, found[key]
        each = [-1 if b.base is None else number[id(b.base)] for b in self.batches]
        return same, np.array([each[b] for b, _ in self.members], dtype=np.int64)

    def joins(self, wanted: IntArray, bound: int, budget: int) -> list[Join]:
        """Joins with the wanted values (node), smallest first, all with fewer operators than `bound`."""
        hits = np.empty((MOST_HITS, aims.FIELDS), dtype=np.int64)
        count = meets.joins(wanted[self.order].astype(np.int16), self.atoms, bound, hits, budget)
        return [self._join(hit) for hit in sorted(hits[:count].tolist())]

    def _join(self, hit: Sequence[int]) -> Join:
        size, outer, test, k, e, c, inner, inner_test, inner_k, inner_e, a, b = hit
        term = self._leaf(a) if inner == aims.PLAIN else self._joined(
            inner, inner_test, inner_k, inner_e, self._leaf(a), self._leaf(b))  # fmt: skip
        if outer == aims.GATE:
            term = self._joined(outer, test, k, e, self._leaf(c), term)
        elif outer != aims.PLAIN:
            term = self._joined(outer, test, k, e, term, self._leaf(c))
        used = {(at - len(self.leaves)) // 3 for at in (a, b, c) if at >= len(self.leaves)}
        return Join({f"m{n}": self._found(n) for n in sorted(used)}, term, size)

    def _found(self, member: int) -> Found:
        batch, k = self.members[member]
        return self.same.get(member) or self.batches[batch].found(k)

    def _leaf(self, atom: int) -> Term:
        at = atom - len(self.leaves)
        return self.leaves[atom] if at < 0 else Var(f"m{at // 3}" + SUFFIXES[at % 3], INT)

    def _joined(self, op: int, test: int, k: int, e: int, a: Term, b: Term) -> Term:
        """An operator over two terms; choices are of b by a test of a."""
        if op in (aims.GATE, aims.THEN):
            return apply("if", (apply(CHECKS[test], (a, constant(k))), b, self.leaves[e]))
        if op in (aims.SUB, aims.FROM):
            return apply("-", (a, b) if op == aims.SUB else (b, a))
        if op == aims.EQ:
            return apply("int", (apply("==", (a, b)),))
        if op in (aims.LT, aims.GT):
            return apply("int", (apply("<", (a, b) if op == aims.LT else (b, a)),))
        return apply(NAMES[op], (a, b))
