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
PARTS = 6000
NONE = np.zeros(0, dtype=np.int64)


def unify(
    problem: Problem, language: Language, enumeration: Enumeration, pool: Array, cheaper_than: float, branches: int
) -> Term | None:
    """A conditional term over the bank's rows, right on all examples of the pool and cheaper than given, or None.

    `branches` bounds the number of different terms in its branches.
    """
    if language.choose is None:
        return None
    kind = TRUTH if problem.target.dtype == bool else NUMBER
    stores = enumeration.bank.stores
    terms, predicates = partial_terms(enumeration, kind), tests(language, enumeration)
    wanted = (terms, predicates) if language.condition_kind == TRUTH else (np.concatenate([terms, predicates]), NONE)
    if kind == TRUTH:
        wanted = (NONE, np.concatenate([terms, predicates]))
    examples = sample.choose(problem, pool, rng=np.random.default_rng(1), size=EXAMPLES)
    for _ in range(ROUNDS):
        leaves = [sample.leaf_values(leaf.term, problem, language.evaluate, examples) for leaf in enumeration.leaves]
        numbers, words = replay(enumeration, leaves, wanted)
        truths = enumeration.bank.unpacked(words, len(examples))
        given = (numbers if kind == NUMBER else truths)[:, : len(terms)]
        right = given == problem.target[examples][:, None]
        chosen = conditionals.select_terms(right, stores[kind].cost[terms].astype(np.float64), branches)
        if chosen is None:
            return None
        holds = (language.holds(numbers) if language.condition_kind == NUMBER else truths)[:, -len(predicates) :]
        parts = conditionals.Parts(
            right=np.ascontiguousarray(right[:, chosen].T),
            term_rows=terms[chosen],
            term_costs=stores[kind].cost[terms[chosen]].astype(np.float64),
            holds=np.ascontiguousarray(holds.T),
            predicate_rows=predicates,
            predicate_costs=stores[language.condition_kind].cost[predicates].astype(np.float64),
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


def partial_terms(enumeration: Enumeration, kind: int) -> Array:
    """Rows that are right on different parts of the working examples: the cheapest of each part, in order of cost.

    Of the many, those right most often, and the cheapest of those right anywhere.
    """
    bank = enumeration.bank
    values = bank.stores[kind].values[:, : min(bank.stores[kind].used, ROWS)]
    assert enumeration.target is not None
    right = (bank.unpacked(values) if kind == TRUTH else values) == enumeration.target[:, None]
    first = first_of_each(bank.signatures(right))
    total = right[:, first].sum(axis=0)
    often = np.argsort(-total, kind="stable")[: PARTS // 2]
    cheap = np.flatnonzero(total)[: PARTS // 2]
    return np.sort(first[np.union1d(often[total[often] > 0], cheap)])


def tests(language: Language, enumeration: Enumeration) -> Array:
    """Rows usable as predicates, the cheapest of each that differ on the working examples, in order of cost."""
    bank = enumeration.bank
    store = bank.stores[language.condition_kind]
    count = min(store.used, ROWS)
    if language.condition_kind == TRUTH:
        return np.arange(min(count, conditionals.PREDICATES))
    return first_of_each(bank.signatures(language.holds(store.values[:, :count])))[: conditionals.PREDICATES]


def first_of_each(signatures: Array) -> Array:
    """The first position of each signature, ascending."""
    _, first = np.unique(signatures, return_index=True)
    return np.sort(first)


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
