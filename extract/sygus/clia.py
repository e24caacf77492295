"""Functions over integers that must satisfy a formula for all values of its variables, by CEGIS with z3.

Counterexamples are assignments of the declared variables. Each invocation of the unknown function at each assignment is
one *point*; a candidate is a column of values at the points, and the constraints, run on those columns, say where it is
right. Where every constraint calls the function with the same arguments, branches can be joined by divide and conquer.
Terms and conditions written in the constraints seed the search (Reynolds et al. 2015 read whole solutions off them).
Of several unknown functions, those that an equation defines are eliminated, others tried at small terms.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
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
from extract.sygus.check import Values, contradictory, refute
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
FEW_POINTS = 8
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


def solve(task: Task, timeout_s: float) -> Outcome:
    """Bodies for all functions of the task that z3 proves right, or why there are none."""
    deadline = time.perf_counter() + timeout_s
    if contradictory(task, _some_assignments(task), min(timeout_s, 2.0)):
        return Outcome(None, StopReason.EXHAUSTED)
    return _several(task, deadline)


def _some_assignments(task: Task) -> list[Values]:
    drawn = np.random.default_rng(0).integers(-3, 4, (FEW_POINTS, len(task.variables)))
    return [
        {n: bool(v > 0) if s == "Bool" else int(v) for (n, s), v in zip(task.variables, row, strict=True)}
        for row in drawn
    ]


def _several(task: Task, deadline: float) -> Outcome:
    """Eliminate a function that an equation defines; else fix one to small terms in turn and solve the others."""
    if len(task.functions) == 1:
        return Search(task, task.functions[0], deadline).run()
    for function in task.functions:
        for constraint in task.constraints:
            definition = _definition(constraint, function)
            if definition is not None:
                return _fixed(task, function, definition, deadline)
    function = max(task.functions, key=lambda f: len(invocations(task.constraints, f.name)))
    last = Outcome(None, StopReason.EXHAUSTED)
    for body in ["0", "1", *(name for name, sort in function.parameters if sort == function.sort)]:
        last = _fixed(task, function, body, deadline)
        if last.bodies is not None or time.perf_counter() > deadline:
            break
    return last


def _definition(constraint: SExpr, function: Function) -> SExpr | None:
    """The body that an equation between a call on distinct variables and something else gives the function."""
    match constraint:
        case ("=", a, b):
            for call, body in ((a, b), (b, a)):
                if isinstance(call, tuple) and call[0] == function.name and not invocations([body], function.name):
                    arguments = [str(argument) for argument in call[1:] if isinstance(argument, str)]
                    plain = len(set(arguments)) == len(call) - 1 and all(number(name) is None for name in arguments)
                    if plain and _symbols(body) <= set(arguments):
                        return replace(body, {v: n for v, (n, _) in zip(arguments, function.parameters, strict=True)})
    return None


def _symbols(e: SExpr) -> set[str]:
    """Variables of an expression: symbols that are neither heads nor literals."""
    if isinstance(e, str):
        return set() if number(e) is not None or e in ("true", "false") else {e}
    return set().union(*map(_symbols, e[1:]))


def _fixed(task: Task, function: Function, body: SExpr, deadline: float) -> Outcome:
    """Solve for the other functions with this one fixed; its body may call them."""
    rest = tuple(f for f in task.functions if f.name != function.name)
    constraints = tuple(_substituted(c, function, body) for c in task.constraints)
    left = with_changes(task, functions=rest, constraints=constraints, stated=constraints)
    if contradictory(left, _some_assignments(left), 1.0):
        return Outcome(None, StopReason.EXHAUSTED)
    found = _several(left, deadline)
    if found.bodies is None:
        return found
    for other in rest:
        body = _substituted(body, other, found.bodies[other.name])
    parameters = {n: Var(n, BOOL if sort == "Bool" else INT) for n, sort in function.parameters}
    term = to_term(body, parameters)
    return with_changes(found, bodies={**found.bodies, function.name: body if term is None else to_text(tidy(term))})


def _substituted(e: SExpr, function: Function, body: SExpr) -> SExpr:
    """The expression with the function's calls replaced by its body."""
    if isinstance(e, str):
        return body if e == function.name and not function.parameters else e
    parts = tuple(_substituted(part, function, body) for part in e)
    if parts and parts[0] == function.name:
        return replace(body, {n: v for (n, _), v in zip(function.parameters, parts[1:], strict=True)})
    return parts


def invocations(expressions: Sequence[SExpr], name: str) -> list[tuple[SExpr, ...]]:
    """Distinct calls of the function, as written."""
    found: dict[str, tuple[SExpr, ...]] = {}

    def visit(e: SExpr) -> None:
        if isinstance(e, tuple):
            if e and e[0] == name:
                found[show(e)] = e
            for part in e:
                visit(part)

    for expression in expressions:
        visit(expression)
    return list(found.values())


def size(body: SExpr) -> int:
    """Number of operators in an answer; `let` is free."""
    if isinstance(body, str):
        return 0
    if body[0] == "let":
        return sum(size(binding[1]) for binding in body[1]) + size(body[2])
    return 1 + sum(map(size, body[1:]))


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
        term = joined(self.language, run, self.kind, terms, right[:, terms], predicates, holds, math.inf, 16)
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
