"""From the bank to a conditional program: partial terms and predicates out, a decision tree in, then a full check.

The tree is learned on more examples than the enumeration used: the bank's first rows are replayed on them. A tree
that fails elsewhere brings the examples it fails back into the learning (EUSolver's loop).
"""

from __future__ import annotations

import math

import numpy as np

from dsl.terms import Term
from extract.search.engine import conditionals, sample
from extract.search.engine.enumeration import Enumeration, replay
from extract.search.engine.language import Language
from extract.search.engine.lowering import NUMBER, TRUTH
from extract.search.engine.problem import Array, Problem

ROWS = 300_000
EXAMPLES = 96
ROUNDS = 6


def unify(
    problem: Problem, language: Language, enumeration: Enumeration, pool: Array, cheaper_than: float, branches: int
) -> Term | None:
    """A conditional term over the bank's rows, right on all examples of the pool and cheaper than given, or None.

    `branches` bounds the number of different terms in its branches.
    """
    if language.choose is None:
        return None
    kind = TRUTH if problem.target.dtype == bool else NUMBER
    rows = tuple(min(store.used, ROWS) for store in enumeration.bank.stores)
    examples = sample.choose(problem, pool, rng=np.random.default_rng(1), size=EXAMPLES)
    costs = [store.cost.astype(np.float64) for store in enumeration.bank.stores]
    for _ in range(ROUNDS):
        leaves = [sample.leaf_values(leaf.term, problem, language.evaluate, examples) for leaf in enumeration.leaves]
        bank = replay(enumeration, leaves, rows)
        given = bank.stores[kind].values[:, : rows[kind]]
        right = (bank.unpacked(given) if kind == TRUTH else given) == problem.target[examples][:, None]
        terms = conditionals.select_terms(right, bank.signatures(right), costs[kind], branches)
        if terms is None:
            return None
        tests = bank.stores[language.condition_kind].values[:, : rows[language.condition_kind]]
        holds = language.holds(bank.unpacked(tests) if language.condition_kind == TRUTH else tests)
        predicates = _distinct(bank.signatures(holds))
        parts = conditionals.Parts(
            right=np.ascontiguousarray(right[:, terms].T),
            term_rows=terms,
            term_costs=costs[kind][terms],
            holds=np.ascontiguousarray(holds[:, predicates].T),
            predicate_rows=predicates,
            predicate_costs=costs[language.condition_kind][predicates],
            branch_cost=language.choose_cost,
        )
        tree = conditionals.learn(parts, cheaper_than)
        if tree is None:
            return None
        term = tree_term(language, enumeration, kind, tree)
        failed = sample.failures(term, problem, language.evaluate, pool)
        if not len(failed):
            return term
        examples = np.union1d(examples, failed[np.linspace(0, len(failed) - 1, min(EXAMPLES, len(failed)), dtype=int)])
    return None


def _distinct(signatures: Array) -> Array:
    """The first row of each signature, cheapest first, a bounded number."""
    _, first = np.unique(signatures, return_index=True)
    return np.sort(first)[: conditionals.PREDICATES]


def tree_term(language: Language, enumeration: Enumeration, kind: int, tree: conditionals.Tree) -> Term:
    """The term of a decision tree over rows of the bank."""
    assert language.choose is not None
    if isinstance(tree, conditionals.Leaf):
        return enumeration.row_term(language.apply, kind, tree.row)
    condition = enumeration.row_term(language.apply, language.condition_kind, tree.row)
    return language.choose(
        condition,
        tree_term(language, enumeration, kind, tree.then),
        tree_term(language, enumeration, kind, tree.otherwise),
    )


def branches_allowed(tried: int) -> int:
    """How many different branch terms a tree may use, after so many candidates: few at first."""
    return 4 + int(2 * math.log10(1 + tried / 10_000))
