"""Functions over integers that must satisfy a formula for all values of its variables, by CEGIS with z3.

Counterexamples are assignments of the declared variables. Each invocation of the unknown function at each assignment is
one *point*; a candidate is a column of values at the points, and the constraints, run on those columns, say where it is
right. Where every constraint calls the function with the same arguments, branches can be joined by divide and conquer.
Terms and conditions written in the constraints seed the search (Reynolds et al. 2015 read whole solutions off them).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from dataclasses import replace as with_changes
from itertools import islice

import numpy as np

from dsl import ops
from dsl.batch import evaluate_batch
from dsl.terms import Term, Var, constant, operator_count, subterms
from dsl.types import BOOL, INT
from extract.search.engine.enumeration import Enumeration, Leaf
from extract.search.engine.language import Language, choice
from extract.search.engine.lowering import INTEGERS, NUMBER, TRUTH, Row
from extract.search.engine.problem import Array, StopReason
from extract.search.engine.unification import joined, partial_solutions, partial_terms, tests, working_right
from extract.sygus.calls import invocations, size
from extract.sygus.check import Values, refute
from extract.sygus.linear import evaluate, linear_form, number, tidy, to_term, to_text
from extract.sygus.sexpr import SExpr, replace, show
from extract.sygus.task import Function, Task

OPERATORS = ("+", "-", "max", "min", "abs", "==", "<", "<=", "and", "or", "not", "if")
COSTS = {"max": 2, "min": 2, "abs": 2}
DRAWN = 20_000
POOL = 3_000
ODD_VALUE = 987_654_321
CONTEST = 6_000
CONTEST_MOST = 300_000
FIRST_POINTS = 48
MORE_POINTS = 12
Judge = Callable[[Array], Array]
QUOTA = 20_000
ROUND = 60_000
PARTIAL = 10
SMALL_BOUND = 30
MAX_BYTES = 400 << 20


@dataclass
class Outcome:
    """Bodies found, or how far the search got."""

    bodies: dict[str, SExpr] | None
    stop: StopReason
    candidates: int = 0
    agreement: float = 0.0
    rounds: int = 0


class Search:
    """CEGIS for one function."""

    def __init__(self, task: Task, function: Function, deadline: float) -> None:
        self.task, self.function, self.deadline = task, function, deadline
        self.calls = invocations(task.constraints, function.name)
        self.parameters = {n: Var(n, BOOL if sort == "Bool" else INT) for n, sort in function.parameters}
        self.kind = TRUTH if function.sort == "Bool" else NUMBER
        self.pool = self._informative()
        chosen = np.linspace(0, self._size(self.pool) - 1, min(FIRST_POINTS, self._size(self.pool))).astype(int)
        self.assignments: list[Values] = []
        self._learn(chosen)
        self.mined, self.conditions = self._mine()
        self.language = self._language()
        self.partial: list[Term] = []
        self.tried = self.rounds = 0
        self.refuted: set[Term] = set()

    def _mine(self) -> tuple[list[Term], list[Term]]:
        """Terms and conditions of the constraints, in the parameters: seeds."""
        numbers: dict[Term, None] = {}
        truths: dict[Term, None] = {}

        def visit(e: SExpr, rename: dict[str, SExpr]) -> None:
            if isinstance(e, str):
                return
            for part in e[1:]:
                visit(part, rename)
            term = to_term(replace(e, rename), self.parameters)
            if term is None or not operator_count(term):
                return
            if term.type == BOOL:
                truths[tidy(term)] = None
            elif linear_form(term) is not None:
                numbers[tidy(term)] = None

        for call in self.calls:
            rename: dict[str, SExpr] = {}
            for (name, _), argument in zip(self.function.parameters, call[1:], strict=True):
                if isinstance(argument, str) and number(argument) is None:
                    rename[argument] = name
            for constraint in self.task.constraints:
                visit(constraint, rename)
        return list(numbers), list(truths)

    def _language(self) -> Language:
        constants = {abs(v) for v in self._constants() if abs(v) > 1}
        scales = tuple(
            Row(f"*{c}", (NUMBER,), NUMBER, 2, lambda a, c=c: a * c, reach=lambda a, c=c: a * c)
            for c in sorted(constants)
            if c <= 1 << 20
        )

        def apply(name: str, args: tuple[Term, ...]) -> Term:
            if name.startswith("*") and name[1:].isdigit():
                return ops.apply("*", (constant(int(name[1:])), args[0]))
            return ops.apply(name, args)

        rows = tuple(with_changes(r, cost=COSTS.get(r.operator, 1)) for r in INTEGERS if r.operator in OPERATORS)
        return Language(rows + scales, apply, evaluate_batch, lambda p, q: iter(()), choice, 1, TRUTH, lambda v: v)

    def _constants(self) -> list[int]:
        found: dict[int, None] = {0: None, 1: None}

        def visit(e: SExpr) -> None:
            if isinstance(e, str):
                if (value := number(e)) is not None:
                    found[value] = None
                return
            for part in e:
                visit(part)

        for constraint in self.task.constraints:
            visit(constraint)
        for term in self.mined:
            for part in subterms(term):
                if (form := linear_form(part)) is not None and not form[0]:
                    found[form[1]] = None
        return list(found)

    # --- points

    def _informative(self) -> dict[str, Array]:
        """Random assignments of the variables at which the constraints say something about the function."""
        rng = np.random.default_rng(0)
        high = np.array([2, 5, 12, 40])[np.arange(DRAWN) % 4]
        env = {}
        for name, sort in self.task.variables:
            drawn = rng.integers(-high, high + 1)
            env[name] = drawn > 0 if sort == "Bool" else drawn
        said = np.zeros(DRAWN, dtype=bool)
        for odd in (False, True) if self.kind == TRUTH else (-ODD_VALUE, ODD_VALUE):
            said |= ~self._holds(env, {show(call): np.full(DRAWN, odd) for call in self.calls})
        chosen = np.flatnonzero(said if said.any() else ~said)[:POOL]
        return {name: column[chosen] for name, column in env.items()}

    def _holds(self, env: dict[str, Array], values: dict[str, Array]) -> Array:
        """Where all constraints hold, given the variables and the values of the calls."""
        result = np.ones(self._size(env), dtype=bool)
        for constraint in self.task.constraints:
            result &= evaluate(constraint, {**env, **values})
        return result

    @staticmethod
    def _size(env: dict[str, Array]) -> int:
        return len(next(iter(env.values()))) if env else 1

    def _learn(self, rows: Array) -> bool:
        """Add assignments of the pool to the working ones; whether any was new."""
        before = len(self.assignments)
        for at in rows:
            assignment = self._assignment(self.pool, int(at))
            if assignment not in self.assignments:
                self.assignments.append(assignment)
        return len(self.assignments) > before

    def _assignment(self, env: dict[str, Array], at: int) -> Values:
        return {name: column[at].item() for name, column in env.items()}

    def _broken(self, term: Term) -> Array:
        """Assignments of the pool at which the term breaks a constraint."""
        size = self._size(self.pool)
        values = {}
        for call in self.calls:
            columns = {
                name: np.broadcast_to(evaluate(arg, self.pool), (size,))
                for name, arg in zip(self.parameters, call[1:], strict=True)
            }
            values[show(call)] = np.broadcast_to(evaluate_batch(term, columns), (size,))
        return np.flatnonzero(~self._holds(self.pool, values))

    def _points(self) -> tuple[Array, Array]:
        """Distinct argument tuples (points, parameters) and the point of each call at each assignment."""
        env = {
            name: np.array([a[name] for a in self.assignments], dtype=bool if sort == "Bool" else np.int64)
            for name, sort in self.task.variables
        }
        size = len(self.assignments)
        rows: list[Array] = []
        for call in self.calls:
            columns = [np.broadcast_to(evaluate(arg, env), (size,)).astype(np.int64) for arg in call[1:]]
            rows.append(np.stack(columns, axis=1) if columns else np.zeros((size, 0), dtype=np.int64))
        points, where = np.unique(np.concatenate(rows), axis=0, return_inverse=True)
        self.env = {name: column[:, None] for name, column in env.items()}
        return points, where.reshape(len(self.calls), size)

    def _accept(self, where: Array) -> tuple[bool, Judge]:
        """Whether the constraints make one call, and the judge of columns of values at the points.

        With one call the verdict is per point (all assignments at that point), otherwise per assignment.
        """
        texts = [show(call) for call in self.calls]
        single = len(self.calls) == 1
        order = np.argsort(where[0], kind="stable")
        starts = np.flatnonzero(np.diff(where[0][order], prepend=-1))

        def accept(values: Array) -> Array:
            env = self.env | {text: values[where[k]] for k, text in enumerate(texts)}
            result = np.ones((where.shape[1], values.shape[1]), dtype=bool)
            for constraint in self.task.constraints:
                result &= evaluate(constraint, env)
            return np.logical_and.reduceat(result[order], starts, axis=0) if single else result

        return single, accept

    def _enumeration(self) -> tuple[Enumeration, bool]:
        points, where = self._points()
        single, accept = self._accept(where)
        columns = {
            name: points[:, i].astype(bool) if var.type == BOOL else np.ascontiguousarray(points[:, i])
            for i, (name, var) in enumerate(self.parameters.items())
        }
        priced: dict[Term, int] = {constant(value): 1 for value in self._constants()}
        priced |= dict.fromkeys(self.parameters.values(), 1)
        for term in [*self.mined, *self.conditions, *self.partial]:
            priced.setdefault(term, 2)
        leaves = []
        for term, cost in priced.items():
            found = np.broadcast_to(evaluate_batch(term, columns), (len(points),))
            leaves.append(Leaf(term, found if found.dtype == bool else found.astype(np.int64), cost))
        costs = tuple(int(row.cost) for row in self.language.table)
        run = Enumeration(leaves, self.language.table, costs, len(points), None, MAX_BYTES, accept, self.kind)
        return run, single

    # --- the loop

    def run(self) -> Outcome:
        """Search until z3 accepts, time is up, or everything was tried; a joined answer is contested for a while."""
        if not self.calls:  # nothing is asked of the function
            return Outcome({self.function.name: "false" if self.kind == TRUTH else "0"}, StopReason.SOLVED)
        best, agreement, contest_ends = None, 0.0, math.inf
        stop = None
        while stop is None:
            run, single = self._enumeration()
            learned = False
            while not learned and stop is None:
                found = run.advance(QUOTA, self.deadline, 60)
                terms: Iterator[Term] = (run.term(self.language.apply, candidate) for candidate in found)
                if not found and single and run.candidates:
                    terms = self._joined(run)
                for term in islice(terms, 16):
                    if best is not None and size(to_text(term)) >= size(best):
                        continue
                    verdict = self._judge(term)
                    if verdict is None:
                        best = to_text(term)
                        contest = min(CONTEST_MOST, CONTEST * size(best)) if not found else 0
                        contest_ends = self.tried + run.candidates + contest
                    learned |= bool(verdict)
                stop = self._stop(run, contest_ends)
                if stop is None and not learned and run.candidates > ROUND and self._new_partial(run):
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
        return StopReason.EXHAUSTED if run.exhausted or run.level > 60 else None

    def _joined(self, run: Enumeration) -> Iterator[Term]:
        right = working_right(run)
        terms, predicates = partial_terms(run, right), tests(self.language, run)
        holds = run.bank.unpacked(run.bank.stores[TRUTH].columns(predicates))
        right = right[:, terms]
        term = joined(self.language, run, self.kind, terms, right, predicates, holds, math.inf, 16, self.deadline)
        if term is not None:
            yield term

    def _new_partial(self, run: Enumeration) -> bool:
        """Take the terms that are right on most points as seeds; false when there are no new ones."""
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
        broken = self._broken(term)
        if len(broken):
            self.refuted.add(term)
            some = broken[np.linspace(0, len(broken) - 1, min(MORE_POINTS, len(broken))).astype(int)]
            return self._learn(some)
        body = {self.function.name: to_text(term)}
        left = max(self.deadline - time.perf_counter(), 0.05)
        answer = refute(self.task, body, left, SMALL_BOUND) or refute(self.task, body, left)
        if answer is None:
            return None
        self.refuted.add(term)
        if isinstance(answer, str) or answer in self.assignments:
            return False
        self.assignments.append(answer)
        return True
