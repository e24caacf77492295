"""Where a candidate is tried: assignments of the declared variables, and the points at which they call the function.

Each invocation of the unknown function at each assignment is one *point*; a candidate is a column of values at the
points, and the constraints, run on those columns, say where it is right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsl.errors import Unsupported
from dsl.terms import Term
from extract.search.engine.problem import Array
from extract.sygus.calls import invocations
from extract.sygus.check import Values
from extract.sygus.meaning import compiled
from extract.sygus.sexpr import SExpr, show
from extract.sygus.task import Function, Task
from extract.sygus.words import as_word, carried, unsigned

DRAWN = 20_000
POOL = 3_000
FIRST_POINTS = 48
FEW_POINTS = 20
"""Enough where the wanted values are known: then only values are compared, and fewer points make more terms equal."""
MORE_POINTS = 12
LARGEST = 1 << 50
LARGEST_POOL, NEAR, MOVED = 30_000, 300, 1.5
ODD_VALUE = 987_654_321
RANGES = np.array([2, 5, 12, 40])
Judge = Callable[[Array], Array]
Evaluate = Callable[[Term, dict[str, Array]], Array]


@dataclass(frozen=True)
class Table:
    """The distinct argument tuples, `points` (points, parameters), and what is wanted there.

    `judge` takes columns of values at the points (points, batch); with a `single` call its verdict is per point (all
    assignments at that point), otherwise per assignment. `target` holds the wanted values where these are known.
    """

    points: Array
    single: bool
    judge: Judge
    target: Array | None


class Points:
    """Assignments for one function of a task: a large random pool, and a few working ones that grow.

    Columns are int64 (words as the int64 of the same bits) or bool.
    """

    def __init__(self, task: Task, function: Function, width: int) -> None:
        self.function, self.variables = function, task.variables
        self.calls = invocations(task.constraints, function.name)
        self.words = any(isinstance(sort, tuple) for _, sort in (*task.variables, *function.parameters))
        self.width = width
        self._largest = (1 << 64) - 1 if self.words else LARGEST
        names = tuple(name for name, _ in task.variables)
        values = tuple(f" call {k}" for k in range(len(self.calls)))
        texts = dict(zip(map(show, self.calls), values, strict=True))
        renamed = [_without_calls(constraint, texts) for constraint in task.constraints]
        self._constraints = [compiled(body, (*names, *values), width) for body in renamed]
        if any(invocations(call[1:], function.name) for call in self.calls):
            raise Unsupported(f"expected no call of {function.name} inside an argument of {function.name}")
        self._arguments = [[compiled(_without_calls(a, {}), names, width) for a in call[1:]] for call in self.calls]
        wanted = self._definition(task) if len(self.calls) == 1 else None
        self._equal_to = None if wanted is None else compiled(wanted, names, width)
        self.pool = self._informative()
        self.assignments: list[Values] = []
        few = FIRST_POINTS if self._equal_to is None else FEW_POINTS
        some = np.linspace(0, self._size(self.pool) - 1, min(few, self._size(self.pool)))
        self.learn(some.astype(int))

    def _definition(self, task: Task) -> SExpr | None:
        """What an equation says that the only call equals."""
        for constraint in task.constraints:
            match constraint:
                case ("=", call, e) | ("=", e, call) if call == self.calls[0]:
                    if not invocations([e], self.function.name):
                        return e
        return None

    def learn(self, rows: Array) -> bool:
        """Add assignments of the pool to the working ones; whether any was new."""
        known = [self.add({n: self._plain(c[at]) for n, c in self.pool.items()}) for at in rows.tolist()]
        return any(known)

    def add(self, assignment: Values) -> bool:
        """Add a working assignment; whether it was new, and within the range of the columns."""
        if assignment in self.assignments or max(map(abs, assignment.values()), default=0) > self._largest:
            return False
        self.assignments.append(assignment)
        return True

    def broken(self, term: Term, evaluate: Evaluate) -> Array:
        """Assignments of the pool at which the term breaks a constraint."""
        size = self._size(self.pool)
        values = []
        for arguments in self._arguments:
            columns = {
                name: self._column(argument, self.pool, size)
                for (name, _), argument in zip(self.function.parameters, arguments, strict=True)
            }
            values.append(np.broadcast_to(evaluate(term, columns), (size,)))
        return np.flatnonzero(~self._hold(self.pool, values))

    def some_broken(self, term: Term, evaluate: Evaluate) -> Array:
        """A few of these, evenly spread."""
        found = self.broken(term, evaluate)
        return found[np.linspace(0, len(found) - 1, min(MORE_POINTS, len(found))).astype(int)]

    def widen(self, around: Values) -> None:
        """Add to the pool assignments near a counterexample: some variables moved by one or to another's value."""
        if len(self.pool) and self._size(self.pool) < LARGEST_POOL and self.add(around):
            rng = np.random.default_rng(len(self.assignments))
            near: dict[str, Array] = {n: np.full(NEAR, self._number(around[n], sort)) for n, sort in self.variables}
            for name, sort in self.variables:
                moved = rng.random(NEAR) < MOVED / len(self.variables)
                if sort == "Bool":
                    near[name] = near[name] ^ moved
                    continue
                alike = [other for other, s in self.variables if s == sort]
                source = np.stack([near[other] for other in alike])[rng.integers(0, len(alike), NEAR), np.arange(NEAR)]
                changed = source + rng.integers(-1, 2, NEAR)
                if isinstance(sort, tuple):
                    changed = carried(unsigned(changed) & np.uint64((1 << self.width) - 1))
                near[name] = np.where(moved, changed, near[name])
            self.pool = {name: np.concatenate([column, near[name]]) for name, column in self.pool.items()}

    @staticmethod
    def _number(value: int | bool, sort: SExpr) -> np.generic:
        return np.bool_(value) if sort == "Bool" else as_word(value)

    def table(self) -> Table:
        """What a candidate must do at the working assignments."""
        size = len(self.assignments)
        env: dict[str, Array] = {
            name: np.array([self._number(a[name], sort) for a in self.assignments]) for name, sort in self.variables
        }
        rows: list[Array] = []
        for arguments in self._arguments:
            columns = [self._column(argument, env, size).astype(np.int64) for argument in arguments]
            rows.append(np.stack(columns, axis=1) if columns else np.zeros((size, 0), dtype=np.int64))
        points, where = np.unique(np.concatenate(rows), axis=0, return_inverse=True)
        where = where.reshape(len(self.calls), size)
        standing = {name: column[:, None] for name, column in env.items()}
        single = len(self.calls) == 1
        order = np.argsort(where[0], kind="stable")
        starts = np.flatnonzero(np.diff(where[0][order], prepend=-1))

        def judge(values: Array) -> Array:
            result = self._hold(standing, [values[at] for at in where], (size, values.shape[1]))
            if single and len(starts) == size:  # every point is met once
                return result[order]
            return np.logical_and.reduceat(result[order], starts, axis=0) if single else result

        return Table(points, single, judge, self._target(env, where[0][order], order, starts))

    def _target(self, env: dict[str, Array], ordered: Array, order: Array, starts: Array) -> Array | None:
        """The value wanted at each point, where an equation says so of the only call."""
        if self._equal_to is None:
            return None
        wanted = self._column(self._equal_to, env, len(order))[order]
        target = wanted[starts]
        return target if (wanted == target[ordered]).all() else None

    def _informative(self) -> dict[str, Array]:
        """Random assignments of the variables at which the constraints say something about the function."""
        rng = np.random.default_rng(0)
        env = {name: self._draw(sort, rng) for name, sort in self.variables}
        truth = self.function.sort == "Bool"
        said = np.zeros(DRAWN, dtype=bool)
        for odd in (False, True) if truth else (-ODD_VALUE, ODD_VALUE):
            value = odd if truth else as_word(odd % (1 << self.width)) if self._is_word() else np.int64(odd)
            said |= ~self._hold(env, [np.full(DRAWN, value)] * len(self.calls), (DRAWN,))
        chosen = np.flatnonzero(said if said.any() else ~said)[:POOL]
        return {name: column[chosen] for name, column in env.items()}

    def _is_word(self) -> bool:
        return isinstance(self.function.sort, tuple)

    def _draw(self, sort: SExpr, rng: np.random.Generator) -> Array:
        """Values of a sort: small and large ones, for words also with few bits set or few clear."""
        if not isinstance(sort, tuple):
            high = RANGES[np.arange(DRAWN) % len(RANGES)]
            drawn = rng.integers(-high, high + 1)
            return drawn > 0 if sort == "Bool" else drawn
        width = int(str(sort[2]))
        mask = np.uint64((1 << width) - 1)
        kind = rng.integers(0, 6, DRAWN)
        full = rng.integers(0, 1 << 64, DRAWN, dtype=np.uint64)
        shifts = rng.integers(0, width, DRAWN, dtype=np.uint64)
        sparse = (np.uint64(1) << shifts) | (full & np.uint64(3))
        few = rng.integers(0, 9, DRAWN).astype(np.uint64)
        found = np.select([kind <= 2, kind == 3, kind == 4], [full, sparse, few], ~few)
        return carried(found & mask)

    def _hold(self, env: dict[str, Array], values: list[Array], shape: tuple[int, ...] | None = None) -> Array:
        """Where all constraints hold, given the variables and the values of the calls."""
        result = np.ones(shape or (self._size(env),), dtype=bool)
        given = [self._given(env[name]) for name, _ in self.variables] + [self._given(v) for v in values]
        for constraint in self._constraints:
            result &= constraint(*given)
        return result

    def _given(self, values: Array) -> Array:
        return unsigned(values) if self.words else values

    def _column(self, argument: Callable[..., Array], env: dict[str, Array], size: int) -> Array:
        found = argument(*(self._given(env[name]) for name, _ in self.variables))
        return carried(np.ascontiguousarray(np.broadcast_to(found, (size,))))

    def _plain(self, value: Any) -> int | bool:
        plain = value.item()
        return plain % (1 << 64) if self.words and not isinstance(plain, bool) else plain

    @staticmethod
    def _size(env: dict[str, Array]) -> int:
        return len(next(iter(env.values()))) if env else 1


def _without_calls(e: SExpr, names: dict[str, str]) -> SExpr:
    """The expression with whole calls replaced by their names."""
    if isinstance(e, str):
        return e
    return names.get(show(e)) or tuple(_without_calls(part, names) for part in e)
