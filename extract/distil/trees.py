"""Decision trees and tables that are right on every row: what is left when a function has no closed form.

A tree is grown by scikit-learn until it is exact, then made smaller: each of the best few tests at the root is tried
with a whole tree below it, and the smallest is kept (a lookahead of one test, at every node that is not tiny).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier

from dsl.ops import apply
from dsl.terms import Term, Var, constant
from verify.budget import Deadline

IntArray = NDArray[np.int64]
MOST_ENTRIES = 20_000
MOST_LEAVES = 2_000
LOOKAHEAD_LEAVES = 120
TESTS = 8


@dataclass(frozen=True)
class Split:
    """A test `column <= cut`, and the trees for yes and no."""

    column: int
    cut: int
    yes: Tree
    no: Tree


Tree = Split | int
"""A test with what follows, or the answer."""


def leaves(tree: Tree) -> int:
    """How many answers a tree has."""
    return leaves(tree.yes) + leaves(tree.no) if isinstance(tree, Split) else 1


def exact_tree(columns: Sequence[IntArray], target: IntArray, deadline: Deadline) -> Tree | None:
    """A small tree that is right on every row, or None where it would have thousands of leaves."""
    data = np.stack(columns, axis=1)
    with warnings.catch_warnings():  # scikit-learn's, that many classes look like numbers: they are
        warnings.simplefilter("ignore", UserWarning)
        tree = _greedy(data, target)
        if tree is None or leaves(tree) > LOOKAHEAD_LEAVES:
            return tree
        return _improved(data, target, tree, deadline)


def _greedy(data: IntArray, target: IntArray) -> Tree | None:
    """The smaller of the trees that two measures of impurity lead to."""
    grown = []
    for criterion in ("gini", "entropy"):
        model = DecisionTreeClassifier(criterion=criterion, random_state=0).fit(data, target)
        if model.get_n_leaves() <= MOST_LEAVES:
            grown.append(_read(model))
    return min(grown, key=leaves) if grown else None


def _read(model: DecisionTreeClassifier) -> Tree:
    nodes = model.tree_

    def at(node: int) -> Tree:
        if nodes.children_left[node] < 0:
            return int(model.classes_[np.argmax(nodes.value[node, 0])])
        yes, no = at(int(nodes.children_left[node])), at(int(nodes.children_right[node]))
        return _join(int(nodes.feature[node]), int(np.floor(nodes.threshold[node])), yes, no)

    return at(0)


def _join(column: int, cut: int, yes: Tree, no: Tree) -> Tree:
    return yes if yes == no else Split(column, cut, yes, no)


def _improved(data: IntArray, target: IntArray, tree: Tree, deadline: Deadline) -> Tree:
    """The tree, or a smaller one that begins with another test; then the same below."""
    if not isinstance(tree, Split) or leaves(tree) <= 2 or deadline.passed:
        return tree
    best = tree
    for column, cut in _tests(data, target):
        below = data[:, column] <= cut
        parts = [_greedy(data[rows], target[rows]) for rows in (below, ~below)]
        if parts[0] is not None and parts[1] is not None:
            other = _join(column, cut, parts[0], parts[1])
            best = min(best, other, key=leaves)
        if deadline.passed:
            break
    if not isinstance(best, Split):
        return best
    below = data[:, best.column] <= best.cut
    yes = _improved(data[below], target[below], best.yes, deadline)
    no = _improved(data[~below], target[~below], best.no, deadline)
    return _join(best.column, best.cut, yes, no)


def _tests(data: IntArray, target: IntArray) -> list[tuple[int, int]]:
    """The tests that say most about the answer."""
    _, labels = np.unique(target, return_inverse=True)
    scored = []
    for column in range(data.shape[1]):
        values, places = np.unique(data[:, column], return_inverse=True)
        counts = np.zeros((len(values), int(labels.max()) + 1))
        np.add.at(counts, (places, labels), 1)
        below = counts.cumsum(axis=0)[:-1]
        above = counts.sum(axis=0) - below
        for k, value in enumerate(values[:-1]):
            scored.append((_impurity(below[k]) + _impurity(above[k]), column, int(value)))
    return [(column, cut) for _, column, cut in sorted(scored)[:TESTS]]


def _impurity(counts: NDArray[np.float64]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum() * counts.sum())


def tree_term(tree: Tree, variables: Sequence[Var]) -> Term:
    """The tree as nested conditionals; a test of a bit is written `x == 0`."""
    if not isinstance(tree, Split):
        return constant(tree)
    variable = variables[tree.column]
    bit = getattr(variable.type, "low", None) == 0 and getattr(variable.type, "high", None) == 1
    test = apply("==", (variable, constant(0))) if bit else apply("<=", (variable, constant(tree.cut)))
    return apply("if", (test, tree_term(tree.yes, variables), tree_term(tree.no, variables)))


def table_term(variables: Sequence[Var], columns: Sequence[IntArray], target: IntArray) -> Term | None:
    """A look-up in a register of all answers, for one or two inputs and every pair of their values once."""
    if not 1 <= len(columns) <= 2 or len(target) > MOST_ENTRIES:
        return None
    lows, sizes = [int(c.min()) for c in columns], [int(c.max() - c.min()) + 1 for c in columns]
    if int(np.prod(sizes)) != len(target):
        return None
    grid = np.zeros(sizes, dtype=np.int64)
    grid[tuple(c - low for c, low in zip(columns, lows, strict=True))] = target
    period = _period(grid) if len(sizes) == 1 else None
    if period is not None:
        at = apply("mod", (_shifted(variables[0], lows[0]), constant(period)))
        return apply("index", (constant(_nested(grid[:period])), at))
    found: Term = constant(_nested(grid))
    for variable, low in zip(variables, lows, strict=True):
        found = apply("index", (found, _shifted(variable, low)))
    return found


def _shifted(variable: Var, low: int) -> Term:
    return variable if low == 0 else apply("-" if low > 0 else "+", (variable, constant(abs(low))))


def _period(row: IntArray) -> int | None:
    return next((m for m in range(2, len(row) // 2 + 1) if (row[m:] == row[:-m]).all()), None)


def _nested(values: IntArray) -> tuple[int, ...] | tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, values.tolist())) if values.ndim == 2 else tuple(values.tolist())
