"""The search: leaves, distilled solutions, enumeration on a growing sample, and conditionals, under one budget.

Whatever finds a consistent program first, enumeration contests it until every cheaper program has been tried (the
result is then `minimal`) or until contesting has cost more than the program's size warrants.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dsl import ops
from dsl.ops import BY_NAME
from dsl.terms import Term, constant, operator_count
from extract.search.engine import conditionals, sample
from extract.search.engine.bank import LEAF
from extract.search.engine.costs import VARIABLE_BITS, constant_bits, term_bits
from extract.search.engine.distil import distil
from extract.search.engine.enumeration import Candidate, Enumeration, Leaf, replay
from extract.search.engine.lowering import DEFAULT, INTEGERS, NUMBER, TRUTH
from extract.search.engine.problem import Array, Limits, Problem, SearchResult, StopReason

SLICE_S = 0.05
ROWS = (400_000, conditionals.PREDICATES)
EXAMPLES = 128
DIVIDE_AFTER_S = 0.15
TRUE, FALSE = constant(True), constant(False)


@dataclass
class Search:
    """One problem under search: the working sample, the enumeration on it, and the best program so far."""

    problem: Problem
    operators: tuple[str, ...]
    weights: Mapping[str, float]
    limits: Limits
    started: float = field(default_factory=time.perf_counter)
    started_cpu: float = field(default_factory=time.process_time)
    best: Term | None = None
    cost: float = math.inf
    contest_ends_s: float = math.inf
    method: str = ""
    ties: list[Term] = field(default_factory=list)

    def __post_init__(self) -> None:
        problem = self.problem
        self.variable_bits = dict(
            zip(
                (v.name for v in problem.variables),
                problem.variable_costs or (VARIABLE_BITS,) * len(problem.variables),
                strict=True,
            )
        )
        self.pool, self.consistent = sample.distinct(problem)
        self.table = tuple(row for row in INTEGERS if row.operator in self.operators)
        self.costs = tuple(max(round(self.weights.get(row.operator, row.cost)), 1) for row in self.table)
        self.leaves: list[tuple[Term, float]] = [(v, self.variable_bits[v.name]) for v in problem.variables]
        if problem.target.dtype == bool:
            self.leaves += [(constant(True), 2.0), (constant(False), 2.0)]
        self.leaves += [(constant(c), constant_bits(c)) for c in dict.fromkeys(problem.constants)]
        self.tried: int = 0
        self.classes: int = 0
        self.restarts: int = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started

    def offer(self, term: Term, method: str) -> bool:
        """Take a program that is right on all examples if it is cheaper than the best so far."""
        cost = term_bits(term, self.variable_bits)
        if cost >= self.cost:
            return False
        cpu = time.process_time() - self.started_cpu
        contest = max(self.limits.contest_s * (1 + operator_count(term)), self.limits.patience * cpu)
        self.best, self.cost, self.method, self.contest_ends_s = term, cost, method, cpu + contest
        self.ties = []
        return True

    @property
    def deadline(self) -> float:
        """The time limit, on the performance counter's clock."""
        return self.started + self.limits.timeout_s

    @property
    def over(self) -> bool:
        """Whether time is up, or a solution has been contested long enough (measured in processor seconds)."""
        contested = time.process_time() - self.started_cpu > self.contest_ends_s
        return contested or time.perf_counter() > self.deadline

    def enumeration(self, chosen: Array) -> Enumeration:
        """A fresh enumeration on the chosen examples."""
        leaves = [Leaf(self.leaf_values(term, chosen), max(round(bits), 1)) for term, bits in self.leaves]
        target = self.problem.target[chosen]
        return Enumeration(leaves, self.table, self.costs, len(chosen), target, self.limits.max_bytes)

    def leaf_values(self, term: Term, chosen: Array) -> Array:
        values = np.ascontiguousarray(sample.values(term, self.problem)[chosen])
        return values if values.dtype == bool else values.astype(np.int64)

    def term(self, enumeration: Enumeration, candidate: Candidate) -> Term:
        """The term of a candidate."""
        if candidate.row == LEAF:
            return self.leaves[candidate.arguments[0]][0]
        row = self.table[candidate.row]
        arguments = (
            self.row_term(enumeration, kind, at) for kind, at in zip(row.arguments, candidate.arguments, strict=True)
        )
        return ops.apply(row.operator, tuple(arguments))

    def row_term(self, enumeration: Enumeration, kind: int, at: int) -> Term:
        """The term of a row of the bank."""
        store = enumeration.bank.stores[kind]
        made_by = int(store.made_by[at])
        arity = 1 if made_by == LEAF else len(self.table[made_by].arguments)
        return self.term(enumeration, Candidate(made_by, tuple(store.arguments[:arity, at].tolist())))


    def tree_term(self, enumeration: Enumeration, kind: int, tree: conditionals.Tree) -> Term:
        """The term of a decision tree over rows of the bank."""
        if isinstance(tree, conditionals.Leaf):
            return self.row_term(enumeration, kind, tree.row)
        condition = self.row_term(enumeration, TRUTH, tree.row)
        then, otherwise = (self.tree_term(enumeration, kind, branch) for branch in (tree.then, tree.otherwise))
        return choice(condition, then, otherwise)


def choice(condition: Term, then: Term, otherwise: Term) -> Term:
    """`if condition then then else otherwise`, with a constant truth value in a branch as a connective."""
    if otherwise == FALSE:
        return condition if then == TRUE else ops.apply("and", (condition, then))
    if then == TRUE:
        return ops.apply("or", (condition, otherwise))
    if then == FALSE:
        condition = ops.apply("not", (condition,))
        return condition if otherwise == TRUE else ops.apply("and", (condition, otherwise))
    if otherwise == TRUE:
        return ops.apply("or", (ops.apply("not", (condition,)), then))
    return ops.apply("if", (condition, then, otherwise))


def divide_and_conquer(search: Search, enumeration: Enumeration, chosen: Array, deadline: float) -> None:
    """Offer a decision tree over the bank's rows that is right on all examples, learned from growing ones."""
    problem = search.problem
    kind = TRUTH if problem.target.dtype == bool else NUMBER
    rows = tuple(min(store.used, cap) for store, cap in zip(enumeration.bank.stores, ROWS, strict=True))
    terms, predicates = (rows[kind], rows[TRUTH])
    if not terms or not predicates or "if" not in search.operators:
        return
    term_costs = enumeration.bank.stores[kind].cost[:terms].astype(np.float64)
    most_leaves = 6 + int(2 * math.sqrt(search.elapsed))
    examples = chosen
    if len(examples) < len(search.pool):
        more = sample.choose(problem, search.pool, rng=np.random.default_rng(1), size=EXAMPLES)
        examples = np.union1d(examples, more)
    while time.perf_counter() < deadline:
        bank = replay(enumeration, [search.leaf_values(term, examples) for term, _ in search.leaves], rows)
        target = problem.target[examples]
        given = bank.stores[kind].values[:, :terms]
        right = (bank.unpacked(given) if kind == TRUTH else given) == target[:, None]
        best = conditionals.select_terms(right, bank.signatures(right), term_costs, most_leaves)
        if best is None:
            return
        holds = bank.unpacked(bank.stores[TRUTH].values[:, :predicates])
        parts = conditionals.Parts(
            np.ascontiguousarray(right[:, best].T), best, term_costs[best], np.ascontiguousarray(holds.T),
            np.arange(predicates), enumeration.bank.stores[TRUTH].cost[:predicates].astype(np.float64),
            BY_NAME["if"].cost,
        )  # fmt: skip
        tree = conditionals.learn(parts, deadline, search.cost)
        if tree is None:
            return
        term = search.tree_term(enumeration, kind, tree)
        failed = sample.failures(term, problem, search.pool)
        if not len(failed):
            search.offer(term, "divide and conquer")
            return
        examples = np.union1d(examples, failed[:EXAMPLES])


def synthesise(
    problem: Problem,
    operators: tuple[str, ...] = DEFAULT,
    weights: Mapping[str, float] | None = None,
    limits: Limits | None = None,
) -> SearchResult:
    """The cheapest term over the problem's variables and constants that fits all examples, or why there is none.

    `weights` replaces the cost of operators in the order of search; the cost reported stays the operator table's.
    """
    search = Search(problem, operators, weights or {}, limits or Limits())
    if not search.consistent:
        return _result(search, None, StopReason.EXHAUSTED)
    chosen = sample.choose(problem, search.pool, rng=np.random.default_rng(0))
    for term in distil(problem, search.pool):
        if not len(sample.failures(term, problem, search.pool)):
            search.offer(term, "fit")
    enumeration = search.enumeration(chosen)
    next_divide = DIVIDE_AFTER_S
    while True:
        last = math.ceil(search.limits.max_cost) if search.best is None else _last(search)
        found = enumeration.advance(min(time.perf_counter() + SLICE_S, search.deadline), last)
        if found:
            wrong: set[int] = set()
            for candidate in found:
                term = search.term(enumeration, candidate)
                failed = sample.failures(term, problem, search.pool)
                if not len(failed):
                    _accept(search, term)
                elif search.best is None or term_bits(term, search.variable_bits) < search.cost:
                    wrong.update(failed[: sample.MORE].tolist())
            if wrong and search.best is None:
                chosen = np.union1d(chosen, np.array(sorted(wrong)[: sample.MORE]))
                search.tried += enumeration.candidates
                search.restarts += 1
                enumeration = search.enumeration(chosen)
            continue
        stop = _stop(search, enumeration)
        if search.elapsed > next_divide and stop is None:
            began = search.elapsed
            divide_and_conquer(search, enumeration, chosen, min(search.deadline, time.perf_counter() + began + 0.1))
            next_divide = search.elapsed + max(2 * (search.elapsed - began), 0.5 * search.elapsed)
            continue
        if stop is not None:
            return _result(search, enumeration, stop)


def _last(search: Search) -> int:
    """The last level that can still improve on or tie with the best program."""
    return math.floor(search.cost) if search.method == "enumeration" else math.ceil(search.cost) - 1


def _accept(search: Search, term: Term) -> None:
    cost = term_bits(term, search.variable_bits)
    if not search.offer(term, "enumeration") and cost == search.cost and term != search.best:
        search.ties.append(term)


def _stop(search: Search, enumeration: Enumeration) -> StopReason | None:
    """The reason to stop now, if any."""
    if search.best is not None and (enumeration.level > _last(search) or search.over):
        return StopReason.SOLVED
    if search.best is not None and (enumeration.full or enumeration.exhausted):
        return StopReason.SOLVED
    if enumeration.full:
        return StopReason.MEMORY
    if search.over or search.tried + enumeration.candidates > search.limits.max_candidates:
        return StopReason.TIME
    if enumeration.exhausted or enumeration.level > search.limits.max_cost:
        return StopReason.EXHAUSTED
    return None


def _result(search: Search, enumeration: Enumeration | None, stop: StopReason) -> SearchResult:
    tried = search.tried + (enumeration.candidates if enumeration else 0)
    best, agreement = (search.best, 1.0) if search.best is not None else _closest(search, enumeration)
    explored = enumeration.level - 1 if enumeration else 0
    return SearchResult(
        term=search.best,
        cost=search.cost,
        stop=stop,
        candidates=tried,
        classes=enumeration.bank.classes if enumeration else 0,
        seconds=search.elapsed,
        best=best,
        best_agreement=agreement,
        alternatives=_alternatives(search),
        minimal=search.best is not None and (search.method == "enumeration" or explored >= math.ceil(search.cost) - 1),
        explored=explored,
        method=search.method,
    )


def _closest(search: Search, enumeration: Enumeration | None) -> tuple[Term | None, float]:
    """The bank's term that is right on most examples: the best on the sample, scored on all."""
    if enumeration is None:
        return None, 0.0
    kind = TRUTH if search.problem.target.dtype == bool else NUMBER
    store = enumeration.bank.stores[kind]
    if not store.used or enumeration.target is None:
        return None, 0.0
    rows = min(store.used, 1 << 17)
    values = store.values[:, :rows]
    if kind == TRUTH:
        agree = (enumeration.bank.unpacked(values) == enumeration.target[:, None]).sum(axis=0)
    else:
        agree = (values == enumeration.target[:, None]).sum(axis=0)
    best, share = None, -1.0
    for at in np.argsort(-agree, kind="stable")[:8]:
        term = search.row_term(enumeration, kind, int(at))
        right = float(np.mean(sample.values(term, search.problem) == search.problem.target))
        if right > share:
            best, share = term, right
    return best, share


def _alternatives(search: Search) -> tuple[Term, ...]:
    """Ties that differ from the best program and from each other on inputs beyond the examples."""
    if search.best is None or not search.ties:
        return ()
    inputs = sample.probes(search.problem, rng=np.random.default_rng(1))
    seen = [sample.values(search.best, search.problem, inputs)]
    kept: list[Term] = []
    for term in search.ties:
        values = sample.values(term, search.problem, inputs)
        if len(kept) < search.limits.alternatives and not any(np.array_equal(values, other) for other in seen):
            seen.append(values)
            kept.append(term)
    return tuple(kept)
