"""Outputs as joins of up to three variables from a large pool (`extract.search.meets`): variables and output at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsl.ops import apply
from dsl.terms import Term, Var, constant
from dsl.types import INT
from extract.search import meets
from extract.search.finder import Batch
from extract.search.histories import Histories, Rows, Traces
from extract.search.variables import Found, operators
from verify.domain import IntArray

NAMES = {meets.ADD: "+", meets.MUL: "*", meets.MAX: "max", meets.MIN: "min"}
CHECKS = {meets.IS: "==", meets.NOT: "!=", meets.OVER: ">", meets.UNDER: "<="}
MOST_HITS = 24


@dataclass(frozen=True, eq=False)
class Join:
    """Variables by name, an output over their old and new values, and the operators of all."""

    chosen: dict[str, Found]
    output: Term
    size: int


class Pool:
    """Atoms for outputs: inputs, constants, and variables of batches before and after a step, in order of operators."""

    def __init__(
        self, words: Histories, inputs: dict[str, IntArray], constants: Sequence[int], batches: Sequence[Batch],
        most: int, *, rng: np.random.Generator,
    ) -> None:  # fmt: skip
        """`inputs` are values by node; the `most` variables of best rank are taken."""
        self.order = 1 + rng.permutation(len(words.parent) - 1)
        before = words.parent[self.order]
        self.batches = batches
        costs = [b.size + (0 if b.base is None else operators((b.base,))) for b in batches]
        cost = np.concatenate([np.zeros(0, np.int64), *costs])
        which = np.concatenate([np.zeros(0, np.int64), *(np.full(len(b.rows), k) for k, b in enumerate(batches))])
        where = np.concatenate([np.zeros(0, np.int64), *(np.arange(len(b.rows)) for b in batches)])
        rank = np.concatenate([np.zeros(0), *(b.rank for b in batches)])
        cheap = np.argsort(rank, kind="stable")[:most]
        self.members = [(int(which[k]), int(where[k])) for k in cheap]
        self.leaves: list[Term] = [*(Var(n, INT) for n in inputs), *(constant(c) for c in constants)]
        plain = [c[self.order] for c in inputs.values()]
        plain += [np.full(len(before), c) for c in constants]
        rows = [np.stack(plain).astype(np.int16)]
        if self.members:
            traces = np.stack([batches[b].traces[k] for b, k in self.members])
            both = np.empty((2 * len(traces), len(before)), np.int16)
            both[0::2], both[1::2] = traces[:, self.order], traces[:, before]
            rows.append(both)
        self.values: Traces = np.concatenate(rows)
        names = {(b, k): n for n, (b, k) in enumerate(self.members)}
        bases = {id(batch.base): batch.base for batch in batches if batch.base is not None}
        number = {key: len(names) + n for n, key in enumerate(bases)}
        keys = {batches[b].traces[k].tobytes(): n for (b, k), n in names.items() if batches[b].base is None}
        self.same: dict[int, Found] = {}
        for key, found in bases.items():
            if found.trace.tobytes() in keys:
                number[key] = keys[found.trace.tobytes()]
                self.same[number[key]] = found
        own = [int(batches[b].size[k]) for b, k in self.members]
        over = [batches[b].base for b, _ in self.members]
        still = -2 - np.arange(len(plain))
        doubled = np.repeat(np.arange(len(own)), 2)
        self.own = np.concatenate([np.zeros(len(plain), np.int64), np.array(own, np.int64)[doubled]])
        self.group = np.concatenate([still, doubled])
        base = np.array([-1 if o is None else number[id(o)] for o in over], dtype=np.int64)
        self.base = np.concatenate([np.full(len(plain), -1), base[doubled]])
        given = np.array([0 if o is None else operators((o,)) for o in over], dtype=np.int64)
        self.given = np.concatenate([np.zeros(len(plain), np.int64), given[doubled]])
        self.cheap: Rows = np.argsort(self.own + self.given * (self.base >= 0), kind="stable")
        zero = [k for k, c in enumerate(self.leaves) if c == constant(0)]
        self.spare: Rows = np.array([*range(len(inputs)), *zero], dtype=np.int64)

    def joins(self, wanted: IntArray, narrow: int, bound: int, budget: int) -> list[Join]:
        """Joins with the wanted values (node), smallest first, all with fewer operators than `bound`."""
        hits = np.empty((MOST_HITS, 12), dtype=np.int64)
        count = meets.joins(
            wanted[self.order].astype(np.int16), self.values, self.own, self.group, self.base, self.given, self.cheap,
            self.spare, narrow, bound, hits, budget,
        )  # fmt: skip
        return [self._join(hit) for hit in sorted(hits[:count].tolist())]

    def _join(self, hit: list[int]) -> Join:
        size, outer, test, k, e, c, inner, itest, ik, ie, a, b = hit
        term = self._joined(inner, itest, ik, ie, self._leaf(a), self._leaf(b))
        if outer != meets.PLAIN:
            term = self._joined(outer, test, k, e, self._leaf(c), term) if outer in (meets.GATE,) else (
                self._outer(outer, test, k, e, self._leaf(c), term))
        used = sorted({self._member(at) for at in (a, b, c) if at >= len(self.leaves)})
        return Join({f"m{n}": self._found(n) for n in used}, term, size)

    def _member(self, atom: int) -> int:
        return (atom - len(self.leaves)) // 2

    def _found(self, member: int) -> Found:
        if member in self.same:
            return self.same[member]
        b, k = self.members[member]
        return self.batches[b].found(k)

    def _leaf(self, atom: int) -> Term:
        if atom < len(self.leaves):
            return self.leaves[atom]
        member = self._member(atom)
        rank_old = (atom - len(self.leaves)) % 2
        return Var(f"m{member}" + ("" if rank_old else "'"), INT)

    def _joined(self, op: int, test: int, k: int, e: int, a: Term, b: Term) -> Term:
        """An operator over two atoms: `a op b`, or a choice of b by a test of a."""
        if op == meets.PLAIN:
            return a
        if op == meets.GATE:
            return apply("if", (apply(CHECKS[test], (a, constant(k))), b, self.leaves[e]))
        if op in (meets.SUB, meets.FROM):
            return apply("-", (a, b) if op == meets.SUB else (b, a))
        if op in (meets.EQ, meets.LT):
            return apply("int", (apply("==" if op == meets.EQ else "<", (a, b)),))
        return apply(NAMES[op], (a, b))

    def _outer(self, op: int, test: int, k: int, e: int, c: Term, p: Term) -> Term:
        """The outermost operator over one atom and the rest."""
        if op == meets.THEN:
            return apply("if", (apply(CHECKS[test], (p, constant(k))), c, self.leaves[e]))
        if op == meets.GT:
            return apply("int", (apply("<", (c, p)),))
        if op == meets.LT:
            return apply("int", (apply("<", (p, c)),))
        return self._joined(op, test, k, e, p, c)
