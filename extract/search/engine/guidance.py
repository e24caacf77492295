"""What distillers tell the search before it has found anything: seeds, operators worth more, and whole conditionals.

A decision tree on derived features (columns, their sums, differences and residues) explains the target, or its change
from a column. Its tests become predicates, its thresholds constants. A linear, modular or Boolean fit of the
examples on one side of a test becomes a branch (a model tree, Quinlan 1992). Where the target takes few values, a
linear relation that holds on the examples of one value only becomes a predicate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from dsl.cost import term_bits
from dsl.ops import apply
from dsl.terms import Apply, Term, Var, constant, operator_count, subterms
from dsl.types import BoolType
from extract.search.engine.distil import linear_fit, linear_term, modular_fit, numeric
from extract.search.engine.problem import Array, Problem
from extract.search.engine.trees import Tree, grow

ROWS = 1_000
FEATURES = 120
LABELS = 12
FEW = 4
LABELLINGS = 2
TESTS = 8
SEEDS = 12
BRANCH_OPERATORS = 5
RELATION_ROWS = 200
RELATION_TERMS = 4
RELATION_FEATURES = 16
LARGEST = 1 << 24
MODULI = range(2, 17)


@dataclass(frozen=True)
class Guidance:
    """`seeds` are terms worth building upon, `operators` those worth more than their cost says, `whole` solutions."""

    seeds: tuple[Term, ...] = ()
    operators: frozenset[str] = frozenset()
    whole: tuple[Term, ...] = ()


@dataclass(frozen=True)
class Feature:
    """A number per example, and the terms that compare it with a threshold; `plain` for a column as it is."""

    values: Array
    at_most: Callable[[int], Term]
    equals: Callable[[int], Term] | None
    plain: bool = False


def guide(problem: Problem, pool: Array) -> Guidance:
    """The distillers' advice on the examples of `pool`."""
    rows = pool[np.unique(np.linspace(0, len(pool) - 1, min(len(pool), ROWS)).astype(int))]
    columns = [column[rows] for column in problem.columns]
    target = problem.target[rows]
    if not columns or len(rows) < 2:
        return Guidance()
    explained = explain(problem, columns, target)
    tests: dict[Term, Array] = {}
    mined: dict[Term, None] = {}
    whole: tuple[Term, ...] = ()
    if explained is not None:
        tree, features, base = explained
        tests = dict(tests_of(tree, features))
        mined = dict.fromkeys(constant(c) for c in thresholds(tree, features) if c not in problem.constants)
        if tree.exact:
            whole = (tree_term(tree, 0, features, base, problem.target.dtype == bool),)
    sides = list(tests.values()) or [column == value for column in columns if len(np.unique(column)) <= FEW
                                     for value in np.unique(column)]  # fmt: skip
    branches = side_fits(problem.variables, columns, target, sides)
    found = relations(problem.variables, columns, target)
    seeds = dict.fromkeys([*found, *branches, *list(tests)[:TESTS], *mined])
    used = frozenset(t.op for seed in seeds for t in subterms(seed) if isinstance(t, Apply))
    return Guidance(tuple(seeds)[:SEEDS], used, whole)


def explain(
    problem: Problem, columns: Sequence[Array], target: Array
) -> tuple[Tree, list[Feature], Term | None] | None:
    """The tree of fewest bits, on one kind of features after another, that is right on most examples.

    With it come its features, and the column whose change it explains, if that is what it does.
    """
    kinds = derived(problem.variables, columns, problem.constants)
    features, found = [], []
    for chosen in ((0,), (0, 1), (0, 2), (0, 1, 2, 3)):
        features = [feature for kind in chosen for feature in kinds[kind]][:FEATURES]
        for base, labels in labellings(problem.variables, columns, target):
            tree = grow([feature.values for feature in features], labels)
            if tree is not None:
                bits = term_bits(tree_term(tree, 0, features, base, target.dtype == bool), len(columns))
                found.append((-tree.accuracy, bits, len(found), (tree, features, base)))
    return min(found)[-1] if found else None


def derived(variables: Sequence[Var], columns: Sequence[Array], constants: Sequence[int]) -> list[list[Feature]]:
    """Four kinds of features: columns, differences of two, residues, sums of two."""
    plain: list[Feature] = []
    for v, column in zip(variables, columns, strict=True):
        if isinstance(v.type, BoolType):
            plain.append(Feature(column.astype(np.int64), lambda _, v=v: apply("not", (v,)), None))
        else:
            plain.append(_compared(v, column))
    terms, data = numeric(variables, columns)
    if max(int(np.abs(column).max(initial=0)) for column in data) > LARGEST:
        return [plain, [], [], []]
    pairs = list(combinations(range(len(terms)), 2))
    differences = [_difference(terms[i], terms[j], data[i] - data[j]) for i, j in pairs]
    residues = [
        _compared(apply("mod", (term, constant(m))), column % m)
        for m in constants if m in MODULI
        for term, column in zip(terms, data, strict=True) if column.max() - column.min() >= m
    ]  # fmt: skip
    sums = [_compared(apply("+", (terms[i], terms[j])), data[i] + data[j]) for i, j in pairs]
    return [plain, differences, residues, sums]


def _compared(term: Term, values: Array) -> Feature:
    def compare(operator: str) -> Callable[[int], Term]:
        return lambda c: apply(operator, (term, constant(c)))

    return Feature(values, compare("<="), compare("=="), isinstance(term, Var))


def _difference(a: Term, b: Term, values: Array) -> Feature:
    def at_most(c: int) -> Term:
        if c == -1:
            return apply("<", (a, b))
        return apply("<=", _shifted(a, b, c))

    return Feature(values, at_most, lambda c: apply("==", _shifted(a, b, c)))


def _shifted(a: Term, b: Term, c: int) -> tuple[Term, Term]:
    """Sides whose comparison says how `a - b` compares with `c`."""
    if c < 0:
        return apply("+", (a, constant(-c))), b
    return a, b if c == 0 else apply("+", (b, constant(c)))


def labellings(variables: Sequence[Var], columns: Sequence[Array], target: Array) -> list[tuple[Term | None, Array]]:
    """The target, and its change from a column, where these take few values: pairs of the column and the labels."""
    found: list[tuple[Term | None, Array]] = [(None, target.astype(np.int64))]
    if target.dtype != bool:
        terms, data = numeric(variables, columns)
        found += [(term, target - column) for term, column in zip(terms, data, strict=True)]
    counted = [(len(np.unique(labels)), at) for at, (_, labels) in enumerate(found)]
    return [found[at] for count, at in sorted(counted)[:LABELLINGS] if 1 < count <= min(LABELS, len(target) // 2)]


def tests_of(tree: Tree, features: Sequence[Feature]) -> Iterator[tuple[Term, Array]]:
    """The tests of a tree, the most useful first; where two thresholds leave one value, also the equality."""
    splits = tree.splits
    for at, threshold in splits:
        feature = features[at]
        low, high = feature.values.min(), feature.values.max()
        if feature.equals is not None:
            if (at, threshold - 1) in splits or threshold == low < high - 1:
                yield feature.equals(threshold), feature.values == threshold
            if threshold + 1 == high > low + 1:
                yield feature.equals(threshold + 1), feature.values == threshold + 1
        yield feature.at_most(threshold), feature.values <= threshold


def thresholds(tree: Tree, features: Sequence[Feature]) -> list[int]:
    """Constants of a tree's tests of plain columns: thresholds, and their successors."""
    return list(dict.fromkeys(c for at, t in tree.splits if features[at].plain for c in (t, t + 1)))


def tree_term(tree: Tree, node: int, features: Sequence[Feature], base: Term | None, truth: bool) -> Term:
    """A tree as nested conditionals; leaves are values, or changes from `base`."""
    if tree.is_leaf(node):
        value = int(tree.values[node])
        if base is None:
            return constant(bool(value) if truth else value)
        return linear_term([base], [1, value])
    then, otherwise = (tree_term(tree, child, features, base, truth) for child in tree.children(node))
    if then == otherwise:
        return then
    return apply("if", (features[tree.feature[node]].at_most(int(tree.threshold[node])), then, otherwise))


def side_fits(variables: Sequence[Var], columns: Sequence[Array], target: Array, tests: Sequence[Array]) -> list[Term]:
    """Linear and modular forms that fit the examples on one side of a test, those of the largest side first."""
    sides = [side for holds in tests for side in (holds, ~holds) if 4 <= side.sum() < len(target)]
    sides.sort(key=lambda side: -int(side.sum()))
    found: dict[Term, None] = {}
    for side in sides[:12]:
        data = [column[side] for column in columns]
        if len(np.unique(target[side])) == 1:
            continue
        term = linear_fit(variables, data, target[side]) or modular_fit(variables, data, target[side])
        if term is not None and 0 < operator_count(term) <= BRANCH_OPERATORS:
            found[term] = None
    return list(found)[:3]


def relations(variables: Sequence[Var], columns: Sequence[Array], target: Array) -> list[Term]:
    """`A == B`, linear in columns and their products, that holds on the examples of one value of the target only."""
    values, counts = np.unique(target, return_counts=True)
    if not 2 <= len(values) <= 3:
        return []
    terms, data = _products(*numeric(variables, columns))
    if max(int(np.abs(column).max(initial=0)) for column in data) > LARGEST:
        return []
    table = np.stack(data, axis=1)
    for value in values[np.argsort(counts, kind="stable")]:
        inside, outside = table[target == value], table[target != value]
        if len(inside) < 8:
            continue
        for subset in _subsets(len(terms) - 1):
            coefficients = null_vector(inside[:RELATION_ROWS, subset])
            if coefficients is None or (inside[:, subset] @ coefficients).any():
                continue
            if (outside[:, subset] @ coefficients != 0).all():
                return [equation([terms[i] for i in subset], coefficients)]
    return []


def _products(terms: list[Term], data: list[Array]) -> tuple[list[Term], list[Array]]:
    """Columns, products of two different ones, and last the constant 1."""
    terms, data = list(terms), list(data)
    for i, j in combinations(range(len(terms)), 2):
        if len(terms) < RELATION_FEATURES:
            terms.append(apply("*", (terms[i], terms[j])))
            data.append(data[i] * data[j])
    return [*terms, constant(1)], [*data, np.ones(len(data[0]), dtype=np.int64)]


def _subsets(count: int) -> Iterator[list[int]]:
    """A few features and the constant, small sets first."""
    for size in range(1, RELATION_TERMS + 1):
        for chosen in combinations(range(count), size):
            yield [*chosen, count]


def null_vector(rows: Array) -> Array | None:
    """The integer vector, unique up to scale, that all rows are orthogonal to, with no zero but perhaps at the end."""
    gram = rows.astype(np.float64).T @ rows.astype(np.float64)
    scale = np.sqrt(np.maximum(np.diag(gram), 1.0))
    sizes, vectors = np.linalg.eigh(gram / np.outer(scale, scale))
    if sizes[0] > 1e-9 or (len(sizes) > 1 and sizes[1] < 1e-7):
        return None
    vector = vectors[:, 0] / scale
    if np.abs(vector[:-1]).min() < 1e-9 * np.abs(vector).max():
        return None
    for least in range(1, 7):
        scaled = least * vector / np.abs(vector[:-1]).min()
        whole = np.rint(scaled)
        if np.abs(scaled - whole).max() < 1e-3 and np.abs(whole).max() < 1000:
            return whole.astype(np.int64)
    return None


def equation(terms: Sequence[Term], coefficients: Array) -> Term:
    """`A == B` with positive coefficients on both sides; the last term is the constant 1."""
    sides = []
    for sign in (1, -1):
        part = [max(sign * int(c), 0) for c in coefficients]
        sides.append(linear_term(terms[:-1], part))
    return apply("==", tuple(sides))
