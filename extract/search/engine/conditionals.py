"""Divide and conquer: terms right on part of the examples, joined by a decision tree over enumerated predicates.

The scheme of EUSolver (Alur, Radhakrishna & Udupa 2017) on the bank's own rows: a cover of the examples by few cheap
terms, then a tree. A node is closed exactly where one predicate suffices (the cheapest predicate and branches are
taken); elsewhere it is split by information gain about the cover, trying the best few predicates.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from extract.search.engine.problem import Array

TERMS = 192
PREDICATES = 6000
BEAM = 3
NODES = 40


@dataclass(frozen=True, slots=True)
class Leaf:
    """A term of the bank, by row."""

    row: int
    cost: float


@dataclass(frozen=True, slots=True)
class Split:
    """A predicate of the bank, by row, and a tree for each answer."""

    row: int
    then: Tree
    otherwise: Tree
    cost: float


Tree = Leaf | Split


@dataclass(frozen=True)
class Parts:
    """What trees are made of: `right[t, e]` says term `t` is right on example `e`; `holds[p, e]` likewise.

    Rows and costs are the bank's; both lists are in order of cost.
    """

    right: Array
    term_rows: Array
    term_costs: Array
    holds: Array
    predicate_rows: Array
    predicate_costs: Array
    branch_cost: float


def select_terms(right: Array, costs: Array, most: int) -> Array | None:
    """Positions of a few terms worth using as branches, in order; None if `most` of them cannot cover the examples.

    `right` (examples, terms) with terms in order of cost. A greedy cover, the most often right, and those most often
    right for their cost.
    """
    matrix = right.astype(np.float32)
    total = matrix.sum(axis=0)
    penalty = 0.01 * costs
    chosen: list[int] = []
    open_examples = np.ones(right.shape[0], dtype=np.float32)
    while open_examples.any():
        gain = open_examples @ matrix
        at = int(np.argmax(gain - penalty)) if len(gain) else 0
        if not len(gain) or gain[at] <= 0 or len(chosen) == most:
            return None
        chosen.append(at)
        open_examples *= 1 - matrix[:, at]
    often = np.argsort(-total, kind="stable")[: TERMS // 2]
    worthy = np.argsort(-np.log2(np.maximum(total, 0.5)) + costs / 8, kind="stable")[: TERMS // 2]
    keep = np.unique(np.concatenate([np.array(chosen, dtype=np.int64), often, worthy]))
    return keep[total[keep] > 0]


def learn(parts: Parts, most: float = math.inf, deadline: float = math.inf) -> Tree | None:
    """A cheap tree that is right on all examples and costs less than `most`, or None; what is found by the deadline."""
    if not len(parts.term_rows) or not parts.right.any(axis=0).all():
        return None
    return _Learner(parts, deadline).tree(np.ones(parts.right.shape[1], dtype=bool), most, BEAM)


class _Learner:
    def __init__(self, parts: Parts, deadline: float) -> None:
        self.parts, self.deadline, self.nodes = parts, deadline, 0
        self.wrong = (~parts.right).astype(np.float32)
        self.holds = parts.holds.astype(np.float32)

    def tree(self, open_examples: Array, most: float, beam: int) -> Tree | None:
        parts = self.parts
        whole = ~(self.wrong[:, open_examples] > 0).any(axis=1)
        if whole.any():
            at = int(np.argmax(whole))
            leaf = Leaf(int(parts.term_rows[at]), float(parts.term_costs[at]))
            return leaf if leaf.cost < most else None
        cheapest = 2 * float(parts.term_costs[0]) + float(parts.predicate_costs[0] if len(parts.predicate_costs) else 0)
        spent = self.nodes >= NODES or time.perf_counter() > self.deadline
        if spent or not len(parts.predicate_rows) or cheapest + parts.branch_cost >= most:
            return None
        self.nodes += 1
        stump = self._stump(open_examples, most)
        deeper = self._split(open_examples, most if stump is None else stump.cost, beam)
        return stump if deeper is None else deeper

    def _stump(self, open_examples: Array, most: float) -> Tree | None:
        """The cheapest tree with one predicate."""
        parts = self.parts
        wrong = self.wrong[:, open_examples]
        holds = self.holds[:, open_examples]
        inside = holds @ wrong.T
        outside = wrong.sum(axis=1) - inside
        then, otherwise = inside < 0.5, outside < 0.5
        possible = then.any(axis=1) & otherwise.any(axis=1)
        if not possible.any():
            return None
        first, second = then.argmax(axis=1), otherwise.argmax(axis=1)
        cost = parts.predicate_costs + parts.term_costs[first] + parts.term_costs[second] + parts.branch_cost
        at = int(np.argmin(np.where(possible, cost, np.inf)))
        if cost[at] >= most:
            return None
        a, b = int(first[at]), int(second[at])
        return Split(
            int(parts.predicate_rows[at]),
            Leaf(int(parts.term_rows[a]), float(parts.term_costs[a])),
            Leaf(int(parts.term_rows[b]), float(parts.term_costs[b])),
            float(cost[at]),
        )

    def _split(self, open_examples: Array, most: float, beam: int) -> Tree | None:
        parts = self.parts
        best: Tree | None = None
        for at in self._ranked(open_examples)[:beam]:
            overhead = float(parts.predicate_costs[at]) + parts.branch_cost
            inside = open_examples & parts.holds[at]
            narrow = max(beam - 1, 1)
            sides = sorted([(inside, True), (open_examples & ~parts.holds[at], False)], key=lambda s: int(s[0].sum()))
            one = self.tree(sides[0][0], most - overhead, narrow)
            if one is None:
                continue
            two = self.tree(sides[1][0], most - overhead - one.cost, narrow)
            if two is None:
                continue
            then, otherwise = (one, two) if sides[0][1] else (two, one)
            most = overhead + one.cost + two.cost
            best = Split(int(parts.predicate_rows[at]), then, otherwise, most)
        return best

    def _ranked(self, open_examples: Array) -> Array:
        """Predicates that split the open examples, best first: information gain about a greedy cover, then cost."""
        right = ~(self.wrong[:, open_examples] > 0)
        labels = np.zeros((0, right.shape[1]), dtype=np.float32)
        left = np.ones(right.shape[1], dtype=bool)
        while left.any():
            at = int(np.argmax((right & left).sum(axis=1) - 0.001 * self.parts.term_costs))
            labels = np.concatenate([labels, (right[at] & left)[None].astype(np.float32)])
            left &= ~right[at]
        holds = self.holds[:, open_examples]
        inside = holds @ labels.T
        outside = labels.sum(axis=1) - inside
        size_in, size_out = inside.sum(axis=1), outside.sum(axis=1)
        loss = _information(inside) + _information(outside) + 0.02 * self.parts.predicate_costs
        loss = np.where((size_in < 0.5) | (size_out < 0.5), np.inf, loss)
        order = np.argsort(loss, kind="stable")
        return order[np.isfinite(loss[order])]


def _information(counts: Array) -> Array:
    """Total bits to name the labels: the sum over labels of count * log2(size / count)."""
    size = counts.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = np.where(counts > 0, counts * np.log2(size / np.maximum(counts, 1e-9)), 0.0)
    return bits.sum(axis=1)
