"""The search: closed-form fits, enumeration on a growing sample, and conditionals, under one budget.

Whatever finds a consistent program first, enumeration contests it until every cheaper program has been tried (the
result is then `minimal`) or until contesting has cost more than the program's size warrants. Budgets inside the
search are counted in candidates, so that a search that does not run out of time is deterministic.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dsl.terms import Term, constant, operator_count, subterms
from extract.search.engine import sample
from extract.search.engine.costs import variable_bits, whole
from extract.search.engine.enumeration import Enumeration, Leaf
from extract.search.engine.language import FALSE, TRUE, Language, integers
from extract.search.engine.lowering import DEFAULT, NUMBER, TRUTH
from extract.search.engine.problem import Array, Limits, Problem, SearchResult, StopReason
from extract.search.engine.unification import branches_allowed, partial_solutions, unify, working_right

QUOTA = 30_000
SEED_BITS = 6
PARTIAL = 6
SAMPLE_MOST = 72
PARTS = 16
CLOSEST_ROWS = 1 << 17


@dataclass
class Search:
    """One problem under search: the working sample, the enumerations on it, and the best program so far.

    `runs` holds the plain enumeration and, when there are seeds, a second one with the seeds as cheap leaves. Seeds are
    the problem's, and as the search goes on parts of the best program so far and terms right on many examples (guidance
    just in time, as in Probe, Barke et al. 2020, here by whole sub-terms).
    """

    problem: Problem
    language: Language
    weights: Mapping[str, float]
    limits: Limits
    started: float = field(default_factory=time.perf_counter)
    best: Term | None = None
    cost: float = math.inf
    method: str = ""
    ties: list[Term] = field(default_factory=list)
    earlier: int = 0
    contest_ends: float = math.inf
    next_unify: int = 20_000
    guided: bool = True
    parts: tuple[Term, ...] = ()

    def __post_init__(self) -> None:
        problem = self.problem
        self.pool, self.consistent = sample.distinct(problem)
        self.chosen = sample.choose(problem, self.pool, rng=np.random.default_rng(0))
        self.costs = tuple(whole(self.weights.get(row.operator, row.cost)) for row in self.language.table)
        self.variables = variable_bits(problem.variables, problem.variable_costs)
        self.runs: list[Enumeration] = []

    def leaves(self) -> list[Leaf]:
        """Variables, truth values where these are wanted, and constants, with their costs; no values yet."""
        problem = self.problem
        priced: list[tuple[Term, int]] = [(v, self.variables[v.name]) for v in problem.variables]
        truths = [TRUE, FALSE] if problem.target.dtype == bool else []
        numbers = [constant(c) for c in dict.fromkeys(problem.constants)]
        priced += [(c, self.language.literal_cost(c.value)) for c in truths + numbers]
        return [Leaf(term, self._values(term), cost) for term, cost in priced]

    def _values(self, term: Term) -> Array:
        return sample.leaf_values(term, self.problem, self.language.evaluate, self.chosen)

    def start(self) -> None:
        """Begin the enumerations anew on the chosen examples."""
        self.earlier += sum(run.candidates for run in self.runs)
        self.runs = [self._run([])]
        if self._seeds():
            self.runs.append(self._run(self._seeds()))

    def _run(self, seeds: list[Leaf]) -> Enumeration:
        target = self.problem.target[self.chosen]
        given = [*self.leaves(), *seeds]
        return Enumeration(given, self.language.table, self.costs, len(target), target, self.limits.max_bytes // 2)

    def _seeds(self) -> list[Leaf]:
        """The seeds as leaves that cost the search little, whatever they cost in the end."""
        seeds = dict.fromkeys([*self.problem.seeds, *self.parts])
        return [Leaf(seed, self._values(seed), min(self.price(seed), SEED_BITS)) for seed in seeds]

    def learn_parts(self) -> None:
        """Restart the seeded enumeration with parts of the best program and with partial solutions, if any are new."""
        found: dict[Term, None] = {}
        if self.best is not None:
            found |= dict.fromkeys(part for part in subterms(self.best) if operator_count(part))
        run = self.runs[0]
        for at in partial_solutions(working_right(run), PARTIAL):
            found[run.row_term(self.language.apply, run.kind, int(at))] = None
        found.pop(self.best, None)  # type: ignore[arg-type]
        parts = tuple(sorted((part for part in found if operator_count(part)), key=self.price)[:PARTS])
        if parts and set(parts) - set(self.parts):
            self.parts = parts
            self.earlier += sum(run.candidates for run in self.runs[1:])
            self.runs[1:] = [self._run(self._seeds())]

    def price(self, term: Term) -> int:
        """The cost of a term."""
        return self.language.cost(term, self.variables)

    @property
    def tried(self) -> int:
        """Candidates evaluated."""
        return self.earlier + sum(run.candidates for run in self.runs)

    @property
    def deadline(self) -> float:
        """The time limit, on the performance counter's clock."""
        return self.started + self.limits.timeout_s

    @property
    def last_level(self) -> int:
        """The last level of the plain enumeration that can still improve on the best program, or tie with it."""
        if self.best is None:
            return math.floor(self.limits.max_cost)
        return int(self.cost) - (self.method != "enumeration")

    def offer(self, term: Term, method: str) -> None:
        """Take a program that is right on all examples if it is cheaper than the best so far; keep ties."""
        cost = self.price(term)
        if cost < self.cost:
            patience = self.limits.patience * self.tried
            contest = max(self.limits.contest * (1 + operator_count(term)), patience)
            if method == "enumeration":  # only ties are still of interest
                contest = 0.5 * patience
            self.best, self.cost, self.method, self.ties = term, cost, method, []
            self.contest_ends = self.tried + contest
        elif cost == self.cost and term != self.best:
            self.ties.append(term)

    def wrong_on(self, term: Term) -> Array:
        """Examples on which the term is wrong."""
        return sample.failures(term, self.problem, self.language.evaluate, self.pool)

    def step(self, run: Enumeration) -> None:
        """One quota of an enumeration; what it finds is checked on all examples, and failures join the sample."""
        found = run.advance(QUOTA, self.deadline, self.last_level)
        wrong: set[int] = set()
        for candidate in found:
            term = run.term(self.language.apply, candidate)
            failed = self.wrong_on(term)
            if not len(failed):
                self.offer(term, "enumeration" if run is self.runs[0] else "seeded enumeration")
            elif self.price(term) < self.cost:
                wrong.update(failed[: sample.MORE].tolist())
        if wrong:
            self.chosen = np.union1d(self.chosen, np.array(sorted(wrong)[: sample.MORE]))
            self.start()
        elif self.tried > self.next_unify:
            self.next_unify = 2 * self.tried
            larger = max(self.runs, key=lambda run: run.candidates)
            allowed = branches_allowed(self.tried)
            term, confused = unify(self.problem, self.language, larger, self.pool, self.cost, allowed, self.deadline)
            if term is not None:
                self.offer(term, "divide and conquer")
            if self.guided:
                self.learn_parts()
            if len(self.chosen) < SAMPLE_MOST and len(np.setdiff1d(confused, self.chosen)):
                self.chosen = np.union1d(self.chosen, confused[: sample.MORE])
                self.start()

    def stop(self) -> StopReason | None:
        """The reason to stop now, if any."""
        plain = self.runs[0]
        done = plain.level > self.last_level or plain.full or plain.exhausted
        late = time.perf_counter() > self.deadline
        if self.best is not None and (done or late or self.tried > self.contest_ends):
            return StopReason.SOLVED
        if late or self.tried > self.limits.max_candidates:
            return StopReason.TIME
        if plain.full:
            return StopReason.MEMORY
        return StopReason.EXHAUSTED if done else None


def synthesise(
    problem: Problem,
    operators: tuple[str, ...] = DEFAULT,
    weights: Mapping[str, float] | None = None,
    limits: Limits | None = None,
) -> SearchResult:
    """The cheapest term over the problem's variables and constants that fits all examples, or why there is none.

    `weights` replaces the cost of operators in the order of search; the cost reported stays the operator table's.
    """
    return search_in(integers(operators), problem, weights or {}, limits or Limits())


def search_in(language: Language, problem: Problem, weights: Mapping[str, float], limits: Limits) -> SearchResult:
    """As `synthesise`, in any language."""
    search = Search(problem, language, weights, limits)
    if not search.consistent:  # the same inputs with two outputs: no term can fit
        return _result(search, StopReason.EXHAUSTED)
    for term in language.fits(problem, search.pool):
        if not len(search.wrong_on(term)):
            search.offer(term, "fit")
    search.start()
    while (stop := search.stop()) is None:
        for run in list(search.runs):
            if run in search.runs:
                search.step(run)
    return _result(search, stop)


def _result(search: Search, stop: StopReason) -> SearchResult:
    best, agreement = (search.best, 1.0) if search.best is not None else _closest(search)
    explored = search.runs[0].level - 1 if search.runs else 0
    by_level = search.method == "enumeration" and not search.weights
    return SearchResult(
        term=search.best,
        cost=search.cost,
        stop=stop,
        candidates=search.tried,
        classes=sum(run.bank.classes for run in search.runs),
        seconds=time.perf_counter() - search.started,
        best=best,
        best_agreement=agreement,
        alternatives=_alternatives(search),
        minimal=search.best is not None and (by_level or (explored >= search.cost - 1 and not search.weights)),
        explored=explored,
        method=search.method,
    )


def _closest(search: Search) -> tuple[Term | None, float]:
    """The bank's term that is right on most examples: the best few on the sample, scored on all."""
    if not search.runs:
        return None, 0.0
    run = search.runs[-1]
    kind = TRUTH if search.problem.target.dtype == bool else NUMBER
    store = run.bank.stores[kind]
    values = store.columns(slice(0, min(store.used, CLOSEST_ROWS)))
    agree = (run.bank.unpacked(values) if kind == TRUTH else values) == search.problem.target[search.chosen][:, None]
    best, share = None, 0.0
    for at in np.argsort(-agree.sum(axis=0), kind="stable")[:8]:
        term = run.row_term(search.language.apply, kind, int(at))
        right = 1.0 - len(search.wrong_on(term)) / max(len(search.pool), 1)
        if right > share:
            best, share = term, right
    return best, share


def _alternatives(search: Search) -> tuple[Term, ...]:
    """Ties that differ from the best program and from each other on inputs beyond the examples."""
    if search.best is None or not search.ties:
        return ()
    evaluate, problem = search.language.evaluate, search.problem
    inputs = sample.probes(problem, rng=np.random.default_rng(1))
    seen = [sample.values(search.best, problem, evaluate, inputs)]
    kept: list[Term] = []
    for term in search.ties:
        values = sample.values(term, problem, evaluate, inputs)
        if len(kept) < search.limits.alternatives and not any(np.array_equal(values, other) for other in seen):
            seen.append(values)
            kept.append(term)
    return tuple(kept)
