"""The state of a search: enumerations on a growing sample, what they found, and when it is enough.

Whatever finds a consistent program first, enumeration contests it until every cheaper program has been tried or until
contesting has cost more than the program's size warrants. Budgets inside the search are counted in candidates, so
that a search that does not run out of time is deterministic.
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
from extract.search.engine.guidance import Guidance
from extract.search.engine.language import FALSE, TRUE, Language
from extract.search.engine.problem import Array, Limits, Problem, StopReason
from extract.search.engine.unification import branches_allowed, partial_solutions, unify, working_right

QUOTA = 30_000
SEED_BITS = 6
PARTIAL = 6
SAMPLE_MOST = 72
PARTS = 16
FAVOUR = 1
ADVICE = 90_000


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
    found: int = 0
    guidance: Guidance | None = None
    advised: Enumeration | None = None
    advice_spent: int = 0
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
        return [Leaf(term, self._values(term), cost, k) for term, cost in priced for k in self.language.kinds(term)]

    def _values(self, term: Term) -> Array:
        return sample.leaf_values(term, self.problem, self.language.evaluate, self.chosen)

    def start(self) -> None:
        """Begin the enumerations anew on the chosen examples."""
        self._drop(self.runs)
        self.runs = [self._run([], self.costs)]
        self._begin_seeded()
        self._begin_advised()

    def _drop(self, runs: list[Enumeration]) -> None:
        """Count the candidates of enumerations that are given up."""
        self.earlier += sum(run.candidates for run in runs)
        for run in runs:
            run.release()

    def release(self) -> None:
        """Let go of the enumerations' memory; the search is over."""
        for run in (*self.runs, *([self.advised] if self.advised is not None else [])):
            run.release()

    def _run(self, seeds: list[Leaf], costs: tuple[int, ...]) -> Enumeration:
        target = self.problem.target[self.chosen]
        given = [*self.leaves(), *seeds]
        return Enumeration(given, self.language.table, costs, len(target), target, self.limits.max_bytes // 2)

    def _favoured(self) -> tuple[int, ...]:
        """Costs of operators in the seeded enumeration: less for those that the distillers used."""
        used = self.guidance.operators if self.guidance is not None else frozenset()
        return tuple(max(cost - FAVOUR * (row.operator.partition(" ")[0] in used), 1)
                     for row, cost in zip(self.language.table, self.costs, strict=True))  # fmt: skip

    def ask_distillers(self) -> None:
        """Seeds, operator weights and whole solutions from the distillers, once."""
        self.guidance = self.language.guide(self.problem, self.pool) if self.limits.distillers else Guidance()
        for term in self.guidance.whole:
            if self.price(term) <= self.limits.max_cost and not len(self.wrong_on(term)):
                self.offer(term, "tree")
        self._begin_advised()

    def _begin_advised(self) -> None:
        """Restart the enumeration with the distillers' seeds, as long as it has some of its budget left."""
        if self.advised is not None:
            self.advice_spent += self.advised.candidates
            self.advised.release()
            self.advised = None
        if self.guidance is not None and self.guidance.seeds and self.advice_spent < ADVICE:
            self.advised = self._run(self._as_leaves(self.guidance.seeds), self._favoured())

    def _begin_seeded(self) -> None:
        """Restart the enumeration with the problem's seeds and parts found so far, if there are any."""
        self._drop(self.runs[1:])
        seeds = self._as_leaves((*self.problem.seeds, *self.parts))
        self.runs[1:] = [self._run(seeds, self.costs)] if seeds else []

    def _as_leaves(self, seeds: tuple[Term, ...]) -> list[Leaf]:
        """Seeds as leaves that cost the search little, whatever they cost in the end."""
        priced = [(seed, min(self.price(seed), SEED_BITS)) for seed in dict.fromkeys(seeds)]
        return [Leaf(seed, self._values(seed), cost, k) for seed, cost in priced for k in self.language.kinds(seed)]

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
            self._begin_seeded()

    def price(self, term: Term) -> int:
        """The cost of a term."""
        return self.language.cost(term, self.variables)

    def count(self, candidates: int) -> None:
        """Candidates evaluated in searches for parts."""
        self.earlier += candidates

    @property
    def settled(self) -> bool:
        """Whether the plain enumeration has tried all that could be cheaper than the best program."""
        return bool(self.runs) and self.runs[0].complete > self.last_level

    @property
    def tried(self) -> int:
        """Candidates evaluated."""
        return self.contesting + self.advice_spent + (self.advised.candidates if self.advised is not None else 0)

    @property
    def contesting(self) -> int:
        """Candidates evaluated but for those on the distillers' advice, which has a budget of its own."""
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
            patience = self.limits.patience * self.contesting
            contest = max(self.limits.contest * (1 + operator_count(term)), patience)
            if method == "enumeration":  # only ties are still of interest
                contest = 0.5 * patience
            self.best, self.cost, self.method, self.ties = term, cost, method, []
            self.contest_ends, self.found = self.contesting + contest, self.tried
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
            confused = self.divide(max(self.runs, key=lambda run: run.candidates))
            if self.limits.guided:
                self.learn_parts()
            if len(self.chosen) < SAMPLE_MOST and len(np.setdiff1d(confused, self.chosen)):
                self.chosen = np.union1d(self.chosen, confused[: sample.MORE])
                self.start()

    def divide(self, run: Enumeration) -> Array:
        """Divide and conquer on the rows of an enumeration; examples on which its trees failed."""
        allowed, bound = branches_allowed(self.tried), min(self.cost, self.limits.max_cost + 1)
        term, confused = unify(self.problem, self.language, run, self.pool, bound, allowed, self.deadline)
        if term is not None:
            self.offer(term, "divide and conquer")
        return confused

    def follow_advice(self) -> None:
        """One quota of the enumeration on the distillers' seeds; at the end conditionals over its rows."""
        if self.guidance is None:
            self.ask_distillers()
        elif self.advised is not None:
            self.step(self.advised)
            if self.advised is not None and self.advice_spent + self.advised.candidates > ADVICE:
                self.divide(self.advised)
                self._begin_advised()

    def provable(self) -> bool:
        """Whether the plain enumeration should finish all cheaper levels soon, if levels go on growing as they did."""
        run = self.runs[0]
        if self.tried >= self.limits.proof or len(run.finished) < 4:
            return self.tried < self.limits.proof
        fourth, third, second, last = run.finished[-4:]
        growth = math.sqrt(max((last - second) / max(third - fourth, 1), 1.0))
        ahead = (last - second) * sum(growth**k for k in range(1, self.last_level - run.level + 2))
        return self.tried + ahead < self.limits.proof

    def stop(self) -> StopReason | None:
        """The reason to stop now, if any."""
        plain = self.runs[0]
        done = plain.level > self.last_level or plain.full or plain.exhausted
        late = time.perf_counter() > self.deadline
        known, spent = self.best is not None, self.tried > self.limits.max_candidates
        if known and (done or late or (self.contesting > self.contest_ends and not self.provable())):
            return StopReason.SOLVED
        if late or (spent and not (known and self.provable())):
            return StopReason.TIME
        if plain.full:
            return StopReason.MEMORY
        return StopReason.EXHAUSTED if done else None
