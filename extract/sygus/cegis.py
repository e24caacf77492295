"""Functions that must satisfy a formula for all values of its variables, by CEGIS with z3.

Candidates come by enumeration on the working points (`points`). Where every constraint calls the function with the
same arguments, branches can be joined by divide and conquer.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from dsl.terms import Term, operator_count
from extract.search.engine.enumeration import Enumeration, Leaf
from extract.search.engine.lowering import NUMBER, TRUTH, is_truth
from extract.search.engine.problem import StopReason
from extract.search.engine.unification import joined, partial_solutions, partial_terms, tests, working_right
from extract.sygus.calls import size
from extract.sygus.check import refute
from extract.sygus.points import Points
from extract.sygus.sexpr import SExpr
from extract.sygus.spaces import Space
from extract.sygus.task import Function, Task

CONTEST = 6_000
CONTEST_MOST = 300_000
QUOTA = 20_000
ROUND = 60_000
PARTIAL = 10
SMALL_BOUND = 30
LEVELS = 90
MAX_BYTES = 700 << 20
CHECK_S = 10.0


@dataclass
class Outcome:
    """Bodies found, or how far the search got."""

    bodies: dict[str, SExpr] | None
    stop: StopReason
    candidates: int = 0
    agreement: float = 0.0
    rounds: int = 0


class Search:
    """CEGIS for one function in a space of terms; words have `width` bits."""

    def __init__(self, task: Task, function: Function, space: Space, width: int, deadline: float) -> None:
        self.task, self.function, self.space, self.deadline = task, function, space, deadline
        self.language = space.language
        self.points = Points(task, function, width)
        self.kind = TRUTH if function.sort == "Bool" else NUMBER
        self.partial: list[Term] = []
        self.tried = self.rounds = 0
        self.refuted: set[Term] = set()

    def _enumeration(self) -> tuple[Enumeration, bool]:
        table = self.points.table()
        points = table.points
        columns = {
            name: points[:, i].astype(bool) if sort == "Bool" else np.ascontiguousarray(points[:, i])
            for i, (name, sort) in enumerate(self.function.parameters)
        }
        priced = dict(self.space.leaves)
        for term in self.partial:
            priced.setdefault(term, 2)
        leaves = []
        for term, cost in priced.items():
            found = np.broadcast_to(self.language.evaluate(term, columns), (len(points),))
            values = found if found.dtype == bool else found.astype(np.int64)
            leaves += [Leaf(term, values, cost, kind) for kind in self.language.kinds(term)]
        costs = tuple(int(row.cost) for row in self.language.table)
        judge = table.judge if table.target is None else None
        rows = self.language.table
        run = Enumeration(leaves, rows, costs, len(points), table.target, MAX_BYTES, judge, self.kind)
        return run, table.single and self.language.choose is not None

    def run(self) -> Outcome:
        """Search until z3 accepts, time is up, or everything was tried; a joined answer is contested for a while."""
        best, agreement, contest_ends = None, 0.0, math.inf
        stop, patience = None, ROUND
        while stop is None:
            run, single = self._enumeration()
            learned = False
            while not learned and stop is None:
                found = run.advance(QUOTA, self.deadline, LEVELS)
                terms: Iterator[Term] = (run.term(self.language.apply, candidate) for candidate in found)
                if not found and single and run.candidates:
                    terms = self._joined(run)
                for term in islice(terms, 16):
                    if best is not None and size(self.space.written(term)) >= size(best):
                        continue
                    verdict = self._judge(term)
                    if verdict is None:
                        best = self.space.written(term)
                        contest = min(CONTEST_MOST, CONTEST * size(best)) if not found else 0
                        contest_ends = self.tried + run.candidates + contest
                    learned |= bool(verdict)
                stop = self._stop(run, contest_ends)
                if stop is None and not learned and run.candidates > patience and self._new_partial(run):
                    patience *= 1.5
                    break
            if single and stop is None:
                self._new_partial(run)
            agreement = float(working_right(run).mean(axis=0).max(initial=0.0))
            self.tried += run.candidates
        if best is None:
            return Outcome(None, stop, self.tried, agreement, self.rounds)
        return Outcome({self.function.name: best}, StopReason.SOLVED, self.tried, 1.0, self.rounds)

    def _stop(self, run: Enumeration, contest_ends: float) -> StopReason | None:
        if self.tried + run.candidates >= contest_ends:
            return StopReason.SOLVED
        if time.perf_counter() > self.deadline:
            return StopReason.TIME
        if run.full:
            return StopReason.MEMORY
        return StopReason.EXHAUSTED if run.exhausted or run.level > LEVELS else None

    def _joined(self, run: Enumeration) -> Iterator[Term]:
        kind = self.language.condition_kind
        right = working_right(run)
        terms, predicates = partial_terms(run, right), tests(self.language, run)
        values = run.bank.stores[kind].columns(predicates)
        holds = run.bank.unpacked(values) if is_truth(kind) else self.language.holds(values)
        right = right[:, terms]
        term = joined(self.language, run, self.kind, terms, right, predicates, holds, math.inf, 16, self.deadline)
        if term is not None:
            yield term

    def _new_partial(self, run: Enumeration) -> bool:
        """Take the terms that are right on most points as seeds; false when there are no new ones, or nothing joins."""
        if self.language.choose is None:
            return False
        rows = partial_solutions(working_right(run), PARTIAL)
        found = [run.row_term(self.language.apply, self.kind, int(at)) for at in rows]
        new = [term for term in found if operator_count(term) and term not in self.partial]
        self.partial = [*new, *self.partial][: 2 * PARTIAL]
        return bool(new)

    def _judge(self, term: Term) -> bool | None:
        """None when z3 proves the term right; else whether a new counterexample was learned."""
        if term in self.refuted:
            return False
        self.rounds += 1
        broken = self.points.some_broken(term, self.language.evaluate)
        if len(broken):
            self.refuted.add(term)
            return self.points.learn(broken)
        body = {self.function.name: self.space.written(term)}
        left = min(max(self.deadline - time.perf_counter(), 0.05), CHECK_S)
        answer = refute(self.task, body, left, SMALL_BOUND) or refute(self.task, body, left)
        if answer is None:
            return None
        self.refuted.add(term)
        if isinstance(answer, str) or answer in self.points.assignments:
            return False
        self.points.widen(answer)
        self.points.learn(self.points.some_broken(term, self.language.evaluate))
        return answer in self.points.assignments
