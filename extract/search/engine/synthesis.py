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
from dsl.terms import Const, Term, constant, operator_count
from extract.search.engine import sample
from extract.search.engine.bank import LEAF
from extract.search.engine.costs import VARIABLE_BITS, constant_bits, term_bits
from extract.search.engine.enumeration import Candidate, Enumeration, Leaf
from extract.search.engine.lowering import DEFAULT, INTEGERS, NUMBER, TRUTH
from extract.search.engine.problem import Array, Limits, Problem, SearchResult, StopReason

SLICE_S = 0.05
SEED_BITS = 4


@dataclass
class Search:
    """One problem under search: the working sample, the enumeration on it, and the best program so far."""

    problem: Problem
    operators: tuple[str, ...]
    weights: Mapping[str, float]
    limits: Limits
    started: float = field(default_factory=time.perf_counter)
    best: Term | None = None
    cost: float = math.inf
    found_s: float = 0.0
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
        self.best, self.cost, self.method, self.found_s = term, cost, method, self.elapsed
        self.ties = []
        return True

    def deadline(self) -> float:
        """When to stop: the time limit, or once a solution has been contested long enough."""
        limit = self.started + self.limits.timeout_s
        if self.best is None:
            return limit
        contest = max(self.limits.contest_s * (1 + operator_count(self.best)), self.limits.patience * self.found_s)
        return min(limit, self.started + self.found_s + contest)

    def enumeration(self, chosen: Array) -> Enumeration:
        """A fresh enumeration on the chosen examples."""
        leaves = [Leaf(self._leaf_values(term, chosen), max(round(bits), 1)) for term, bits in self.leaves]
        target = self.problem.target[chosen]
        return Enumeration(leaves, self.table, self.costs, len(chosen), target, self.limits.max_bytes)

    def _leaf_values(self, term: Term, chosen: Array) -> Array:
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
        return self.term(enumeration, Candidate(int(store.made_by[at]), tuple(store.arguments[:, at].tolist())[: self._arity(int(store.made_by[at]))]))

    def _arity(self, row: int) -> int:
        return 1 if row == LEAF else len(self.table[row].arguments)


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
    enumeration = search.enumeration(chosen)
    while True:
        cap = min(search.limits.max_cost, search.cost)
        now = time.perf_counter()
        found = enumeration.advance(min(now + SLICE_S, search.deadline()), math.ceil(cap) if search.best is None else _last(search))
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
    if search.best is not None and (enumeration.level > _last(search) or time.perf_counter() > search.deadline()):
        return StopReason.SOLVED
    if search.best is not None and (enumeration.full or enumeration.exhausted):
        return StopReason.SOLVED
    if enumeration.full:
        return StopReason.MEMORY
    if time.perf_counter() > search.deadline() or search.tried + enumeration.candidates > search.limits.max_candidates:
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
