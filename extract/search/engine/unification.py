"""From the bank to a conditional program: partial terms and predicates out, a decision tree in, then a full check.

The tree is learned on more examples than the enumeration used: the bank's first rows are replayed on them. A tree
that fails elsewhere brings the examples it fails back into the learning (EUSolver's loop).
"""

from __future__ import annotations

import math
import time

import numpy as np

from dsl.terms import Term
from extract.search.engine import conditionals, sample
from extract.search.engine.enumeration import Enumeration
from extract.search.engine.language import Language
from extract.search.engine.lowering import NUMBER, TRUTH
from extract.search.engine.problem import Array, Problem
from extract.search.engine.replay import replay

ROWS = 300_000
EXAMPLES = 96
ROUNDS = 6
PARTS = 6000
MORE = 8
NONE = np.zeros(0, dtype=np.int64)


def unify(
    problem: Problem, language: Language, enumeration: Enumeration, pool: Array, cheaper_than: float, branches: int,
    deadline: float = math.inf,
) -> tuple[Term | None, Array]:  # fmt: skip
    """A conditional term over the bank's rows, right on all examples of the pool and cheaper than given, or None.

    With it come examples on which earlier trees failed: the bank does not tell enough apart there. `branches` bounds
    the number of different terms in a tree's branches; no round of learning starts after the deadline.
    """
    if language.choose is None:
        return None, NONE
    kind = enumeration.kind
    terms = partial_terms(enumeration, working_right(enumeration))
    predicates = tests(language, enumeration)
    wanted = (terms, predicates) if language.condition_kind == TRUTH else (np.concatenate([terms, predicates]), NONE)
    if kind == TRUTH:
        wanted = (NONE, np.concatenate([terms, predicates]))
    examples = sample.choose(problem, pool, rng=np.random.default_rng(1), size=EXAMPLES)
    wrong = NONE
    for _ in range(ROUNDS):
        if time.perf_counter() > deadline:
            break
        leaves = [sample.leaf_values(leaf.term, problem, language.evaluate, examples) for leaf in enumeration.leaves]
        numbers, words = replay(enumeration, leaves, wanted)
        truths = enumeration.bank.unpacked(words, len(examples))
        given = (numbers if kind == NUMBER else truths)[:, : len(terms)]
        right = given == problem.target[examples][:, None]
        holds = (language.holds(numbers) if language.condition_kind == NUMBER else truths)[:, -len(predicates) :]
        term = joined(language, enumeration, kind, terms, right, predicates, holds, cheaper_than, branches, deadline)
        if term is None:
            break
        failed = sample.failures(term, problem, language.evaluate, pool)
        if not len(failed):
            return term, wrong
        wrong = np.union1d(wrong, failed[:MORE])
        examples = np.union1d(examples, failed[np.linspace(0, len(failed) - 1, min(EXAMPLES, len(failed)), dtype=int)])
    return None, wrong


def joined(
    language: Language, enumeration: Enumeration, kind: int, terms: Array, right: Array, predicates: Array,
    holds: Array, cheaper_than: float, branches: int, deadline: float = math.inf,
) -> Term | None:  # fmt: skip
    """The cheapest tree found that is right on all examples, as a term.

    `terms` and `predicates` are rows of the bank; `right` and `holds` (examples, rows) say where.
    """
    cost = [store.cost for store in enumeration.bank.stores]
    chosen = conditionals.select_terms(right, cost[kind][terms].astype(np.float64), branches)
    if chosen is None or not len(predicates):
        return None
    parts = conditionals.Parts(
        right=np.ascontiguousarray(right[:, chosen].T),
        term_rows=terms[chosen],
        term_costs=cost[kind][terms[chosen]].astype(np.float64),
        holds=np.ascontiguousarray(holds.T),
        predicate_rows=predicates,
        predicate_costs=cost[language.condition_kind][predicates].astype(np.float64),
        branch_cost=language.choose_cost,
    )
    tree = conditionals.learn(parts, cheaper_than, deadline)
    return None if tree is None else tree_term(language, enumeration, kind, tree)


def working_right(enumeration: Enumeration) -> Array:
    """Which of the bank's first rows are right on which working examples (examples, rows)."""
    bank, kind = enumeration.bank, enumeration.kind
    given = bank.stores[kind].columns(slice(0, min(bank.stores[kind].used, ROWS)))
    values = bank.unpacked(given) if kind == TRUTH else given
    if enumeration.accept is not None:
        return enumeration.accept(values)
    assert enumeration.target is not None
    return values == enumeration.target[:, None]


def partial_solutions(right: Array, most: int) -> Array:
    """Rows that together are right on as many examples as possible, the most often right first (a greedy cover)."""
    matrix = right.astype(np.float32)
    left = np.ones(right.shape[0], dtype=np.float32)
    chosen: list[int] = []
    while len(chosen) < most and matrix.shape[1]:
        gain = left @ matrix
        at = int(np.argmax(gain))
        if gain[at] <= 0:
            break
        chosen.append(at)
        left *= 1 - matrix[:, at]
    return np.array(chosen, dtype=np.int64)


def partial_terms(enumeration: Enumeration, right: Array) -> Array:
    """Rows that are right on different parts of the working examples: the cheapest of each part, in order of cost.

    Of the many, those right most often, and the cheapest of those right anywhere.
    """
    first = first_of_each(enumeration.bank.signatures(right))
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
    return first_of_each(bank.signatures(language.holds(store.columns(slice(0, count)))))[: conditionals.PREDICATES]


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
