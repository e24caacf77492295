"""The term with fewest operators for a small table, deepened step by step: for the many cheap questions of a search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dsl.batch import evaluate_batch
from dsl.ops import apply
from dsl.terms import Term, Var, constant, operator_count
from dsl.types import INT
from extract.search.engine.distil import linear_term
from extract.search.small import bank, choices, joins
from extract.search.small.affine import affine_fits
from verify.domain import IntArray

ROWS = 64
"""Rows worked on at first; those on which an answer is wrong are added."""
MOST_ROWS = 192
CAPACITY = {0: 256, 1: 20_000, 2: 120_000}
"""Most terms by depth of the bank."""
MOST_REMAINDERS = 20_000
NESTED = 300
NONE = 99

OPERATORS = {
    bank.ADD: "+", bank.SUB: "-", bank.MUL: "*", bank.MIN: "min", bank.MAX: "max", bank.NEG: "neg", bank.ABS: "abs",
    bank.MOD: "mod", bank.DIV: "div", bank.INT: "int", bank.IF: "if", bank.EQ: "==", bank.NE: "!=", bank.LT: "<",
    bank.LE: "<=", bank.AND: "and", bank.OR: "or",
}  # fmt: skip


class Smallest:
    """A search for the term over `columns` (name -> values by row) that equals `target` on every row.

    `best` is the smallest term found so far and `size` its operators; no term has fewer than `excluded + 1` operators
    unless memory ran out on the way.
    """

    def __init__(self, columns: Mapping[str, IntArray], target: IntArray, constants: Sequence[int]) -> None:
        self.names = list(columns)
        self.table = _distinct(np.stack([*columns.values(), target], axis=1))
        self.constants = tuple(constants)
        self.depth = -1
        self.excluded = -1
        self.best: Term | None = None
        spread = np.linspace(0, len(self.table) - 1, min(len(self.table), ROWS))
        self.rows = np.unique(spread.astype(np.int64))
        self.possible = int(np.abs(self.table).max(initial=0)) <= bank.LARGEST

    @property
    def size(self) -> int:
        """Operators of the best term, `NONE` without one."""
        return NONE if self.best is None else operator_count(self.best)

    @property
    def lower(self) -> int:
        """Operators that a term not yet seen has at least."""
        return self.excluded + 1

    @property
    def spent(self) -> bool:
        """Whether there is nothing left to try."""
        return not self.possible or self.size <= self.lower or self.depth == max(CAPACITY)

    def deepen(self) -> Term | None:
        """The best term after all terms with one operator more are used as arguments."""
        self.depth += 1
        while True:
            found = self._attempt(min(self.size, NONE))
            if found is None:
                break
            wrong = self._wrong(found)
            if not len(wrong):
                self.best = found
                break
            if len(self.rows) >= MOST_ROWS:
                break
            self.rows = np.union1d(self.rows, wrong[np.linspace(0, len(wrong) - 1, min(len(wrong), 16)).astype(int)])
        self.excluded = max(self.excluded, self.depth + 1)
        if self.depth == 0 and self.size > self.lower:
            self._fit_affine()
        return self.best

    def _fit_affine(self) -> None:
        """Sums of several terms, which are beyond the first steps."""
        leaves = [Var(n, INT) for n in self.names]
        for coefficients in affine_fits(self.table[:, :-1], self.table[:, -1]):
            term = linear_term(leaves, coefficients)
            if operator_count(term) < self.size:
                self.best = term

    def _wrong(self, term: Term) -> NDArray[np.int64]:
        values = evaluate_batch(term, {n: self.table[:, k] for k, n in enumerate(self.names)})
        return np.flatnonzero(np.broadcast_to(values, len(self.table)) != self.table[:, -1])

    def _attempt(self, known: int) -> Term | None:
        return _Attempt(self.names, self.table[self.rows], self.constants, self.depth).run(known)


class Bank:
    """All terms over some leaves up to so many operators, distinct on rows, numbers and truths."""

    def __init__(
        self, leaves: Sequence[Term], columns: Sequence[IntArray], depth: int, capacity: int, *, tests: bool = False
    ) -> None:  # fmt: skip
        """`columns` are the leaves' values; with `tests` the truths have one operator more than the numbers, and of
        depth one there are also comparisons of leaves as numbers."""
        rows = len(columns[0])
        self.leaves = leaves
        self._numbers = _store(capacity, rows, np.int16)
        self._truths = _store(capacity, (rows + 63) // 64, np.uint64)
        values, made, slots, hashes = self._numbers
        count = 0
        for k, column in enumerate(columns):
            row = column.astype(np.int32)
            count = bank.add_number(row, count, values, made, slots, hashes, bank.LEAF, k, 0, 0)
        begins, truth_begins = np.zeros(depth + 3, np.int64), np.zeros(depth + 3, np.int64)
        begins[1:] = count
        for level in range(depth + 1):
            if level:
                begins[level + 1 :] = bank.grow_numbers(
                    level, begins, values, made, slots, hashes, truth_begins, self._truths[0], bank.DIVISORS
                )
            if tests or level < depth:
                grown = bank.grow_truths(level + 1, begins, values, truth_begins, *self._truths)
                truth_begins[level + 2 :] = grown
        if tests and depth == 1:  # comparisons of leaves as numbers, which have one operator more than the others
            first, end = truth_begins[1:3]
            begins[-1] = bank.add_tests(first, end, int(begins[-1]), values, made, slots, hashes, self._truths[0])
        count, truth_count = int(begins[-1]), int(truth_begins[-1])
        self.values, self.truths = values[:count], self._truths[0][:truth_count]
        self.sizes = (np.searchsorted(begins, np.arange(count), side="right") - 1).astype(np.int32)
        self.truth_sizes = (np.searchsorted(truth_begins, np.arange(truth_count), side="right") - 1).astype(np.int32)
        self.slots, self.hashes = slots, hashes

    def number(self, at: int) -> Term:
        """A number's term."""
        op, a, b, c = (int(v) for v in self._numbers[1][at])
        return self.leaves[a] if op == bank.LEAF else self.joined(op, a, b, c)

    def truth(self, at: int) -> Term:
        """A truth's term."""
        op, a, b, _ = (int(v) for v in self._truths[1][at])
        part = self.truth if op in (bank.AND, bank.OR) else self.number
        return apply(OPERATORS[op], (part(a), part(b)))

    def joined(self, op: int, a: int, b: int, c: int) -> Term:
        """An operator over terms of the bank."""
        name = OPERATORS[op]
        if op in (bank.MOD, bank.DIV):
            return apply(name, (self.number(a), constant(b)))
        if op in (bank.NEG, bank.ABS):
            return apply(name, (self.number(a),))
        if op == bank.INT:
            return apply(name, (self.truth(a),))
        if op == bank.IF:
            return apply(name, (self.truth(a), self.number(b), self.number(c)))
        return apply(name, (self.number(a), self.number(b)))


class _Attempt:
    """One bank of terms on some rows, and the joins over it."""

    def __init__(self, names: Sequence[str], table: IntArray, constants: Sequence[int], depth: int) -> None:
        rows = len(table)
        leaves: list[Term] = [*(Var(n, INT) for n in names), *(constant(c) for c in constants)]
        columns = [*table[:, :-1].T, *(np.full(rows, c) for c in constants)]
        self.target = table[:, -1].astype(np.int32)
        self.depth, self.words = depth, (rows + 63) // 64
        self.bank = Bank(leaves, columns, depth, CAPACITY[depth], tests=True)

    def run(self, known: int) -> Term | None:
        """The smallest term that the bank and the joins give with fewer than `known` operators."""
        given = self.bank
        values, sizes, truths, truth_sizes = given.values, given.sizes, given.truths, given.truth_sizes
        at = bank.place(self.target, given.slots, given.hashes)
        if at >= 0:
            return given.number(at) if sizes[at] < known else None
        found = np.zeros(7, dtype=np.int64)
        found[0] = known
        joins.join_sums(self.target, values, sizes, given.slots, given.hashes, found)
        choices.join_tests(self.target, values, sizes, truths, truth_sizes, self.depth, found)
        joins.join_products(self.target, values, sizes, found)
        masks = joins.matches(self.target, values, self.words)
        full = joins.matches(self.target, self.target.reshape(1, -1).astype(np.int16), self.words)[0]
        joins.join_extremes(self.target, values, sizes, masks, full, found)
        choices.join_conditionals(values, sizes, truths, truth_sizes, masks, full, NESTED, found)
        joins.join_remainders(self.target, values, sizes, MOST_REMAINDERS, found)
        return self._joined(found) if found[0] < known else None

    def _joined(self, found: joins.Found) -> Term:
        op, (a, b, c, d, e) = int(found[1]), (int(v) for v in found[2:])
        number, truth = self.bank.number, self.bank.truth
        if op == choices.IF_IF:
            inner = apply("if", (truth(b), number(d), number(e)))
            pair = (inner, number(c)) if a & 1 else (number(c), inner)
            return apply("if", (truth(a >> 1), *pair))
        if op in (joins.MOD_SUM, joins.MOD_DIFFERENCE):
            joined = apply("+" if op == joins.MOD_SUM else "-", (number(a), number(b)))
            return apply("mod", (joined, constant(c)))
        if op in (bank.AND, bank.OR):
            return apply("int", (apply(OPERATORS[op], (truth(a), truth(b))),))
        if op in (bank.EQ, bank.NE, bank.LT, bank.LE):
            return apply("int", (apply(OPERATORS[op], (number(a), number(b))),))
        return self.bank.joined(op, a, b, c)


def _distinct(table: IntArray) -> IntArray:
    """The rows, each once."""
    low = table.min(axis=0)
    radix = table.max(axis=0) - low + 1
    if np.log2(radix.astype(float)).sum() > 62:
        return np.unique(table, axis=0)
    weights = np.concatenate([[1], np.cumprod(radix[:-1])])
    _, first = np.unique((table - low) @ weights, return_index=True)
    return table[first]


def _store(capacity: int, width: int, kind: type[np.generic]) -> tuple[NDArray, bank.Index, bank.Index, bank.Words]:
    size = 1 << (2 * capacity - 1).bit_length()
    return (
        np.empty((capacity, width), dtype=kind), np.empty((capacity, 4), dtype=np.int32),
        np.full(size, -1, dtype=np.int32), np.zeros(capacity, dtype=np.uint64),
    )  # fmt: skip
