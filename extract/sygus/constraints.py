"""Functions that satisfy constraints for all values of the declared variables, over integers or bit-vectors.

Of several unknown functions, those that an equation defines are eliminated, others are tried at small terms; the
last one left is searched for (`cegis`). A function over integers is looked for without its grammar first: what is
found that way and lies in the grammar is often smaller than what the grammar's own search reaches.
"""

from __future__ import annotations

import time
from dataclasses import replace as with_changes

import numpy as np

from dsl.errors import Unsupported
from dsl.terms import Var
from dsl.types import BOOL, INT
from extract.search.engine.problem import StopReason
from extract.sygus.calls import invocations, substituted, symbols
from extract.sygus.cegis import Outcome, Search
from extract.sygus.check import Values, contradictory
from extract.sygus.linear import tidy, to_term, to_text
from extract.sygus.meaning import value_of
from extract.sygus.membership import derivable, spelled
from extract.sygus.normal import written
from extract.sygus.sexpr import SExpr, replace
from extract.sygus.spaces import space_of
from extract.sygus.task import Function, Task

FEW_POINTS = 8
FREE_SHARE = 1 / 3


def solve(task: Task, timeout_s: float) -> Outcome:
    """Bodies for all functions of the task that z3 proves right, or why there are none."""
    deadline = time.perf_counter() + timeout_s
    _word_width(task)
    if contradictory(task, _some_assignments(task), min(timeout_s, 2.0)):
        return Outcome(None, StopReason.EXHAUSTED)
    return _several(task, deadline)


def _word_width(task: Task) -> int:
    """The width of all words in the task. Raises `Unsupported` where there are several, or integers beside words."""
    sorts = [sort for f in task.functions for sort in (f.sort, *(s for _, s in f.parameters))]
    sorts += [sort for _, sort in task.variables]
    widths = {int(str(sort[2])) for sort in sorts if isinstance(sort, tuple)}
    if len(widths) > 1 or (widths and "Int" in sorts):
        kinds = ["Int"] * ("Int" in sorts) + [f"(_ BitVec {width})" for width in sorted(widths)]
        raise Unsupported(f"expected constraints over one sort of numbers, got {' and '.join(kinds)}")
    return widths.pop() if widths else 64


def _some_assignments(task: Task) -> list[Values]:
    drawn = np.random.default_rng(0).integers(-3, 4, (FEW_POINTS, len(task.variables)))
    return [
        {n: bool(v > 0) if s == "Bool" else int(v) for (n, s), v in zip(task.variables, row, strict=True)}
        for row in drawn
    ]


def _several(task: Task, deadline: float) -> Outcome:
    """Eliminate a function that an equation defines; else fix one to small terms in turn and solve the others."""
    if len(task.functions) == 1:
        return _one(task, task.functions[0], deadline)
    for function in task.functions:
        for constraint in task.constraints:
            definition = _definition(constraint, function)
            if definition is not None and function.grammar is None:
                return _fixed(task, function, definition, deadline)
    function = max(task.functions, key=lambda f: len(invocations(task.constraints, f.name)))
    last = Outcome(None, StopReason.EXHAUSTED)
    names = [name for name, sort in function.parameters if sort == function.sort]
    for body in [written(0, function.sort), written(1, function.sort), *names]:
        if derivable(body, function):
            last = _fixed(task, function, body, deadline)
        if last.bodies is not None or time.perf_counter() > deadline:
            break
    return last


def _one(task: Task, function: Function, deadline: float) -> Outcome:
    """Search for the only function left."""
    if not invocations(task.constraints, function.name):  # nothing is asked of it
        task = with_changes(
            task,
            constraints=(
                (
                    "=",
                    (function.name, *(n for n, _ in function.parameters)),
                )
                * 2,
            ),
        )
    words = any(isinstance(sort, tuple) for sort in (function.sort, *(s for _, s in function.parameters)))
    limited = function.grammar is not None
    tried = 0
    for free in (True, False) if limited and not words else (False,):
        now = time.perf_counter()
        until = now + FREE_SHARE * (deadline - now) if free else deadline
        found = Search(task, function, space_of(task, function, free), _word_width(task), until).run()
        found.candidates = tried = tried + found.candidates
        if found.bodies is not None and limited:
            found.bodies = {function.name: spelled(found.bodies[function.name])}
        if not free or (found.bodies is not None and derivable(found.bodies[function.name], function)):
            return found
    raise AssertionError("the last search returns")


def _definition(constraint: SExpr, function: Function) -> SExpr | None:
    """The body that an equation between a call on distinct variables and something else gives the function."""
    match constraint:
        case ("=", a, b):
            for call, body in ((a, b), (b, a)):
                if isinstance(call, tuple) and call[0] == function.name and not invocations([body], function.name):
                    arguments = [str(argument) for argument in call[1:] if isinstance(argument, str)]
                    plain = len(set(arguments)) == len(call) - 1 and all(value_of(name) is None for name in arguments)
                    if plain and symbols(body) <= set(arguments):
                        return replace(body, {v: n for v, (n, _) in zip(arguments, function.parameters, strict=True)})
    return None


def _fixed(task: Task, function: Function, body: SExpr, deadline: float) -> Outcome:
    """Solve for the other functions with this one fixed; its body may call them."""
    rest = tuple(f for f in task.functions if f.name != function.name)
    constraints = tuple(substituted(c, function, body) for c in task.constraints)
    left = with_changes(task, functions=rest, constraints=constraints, stated=constraints)
    if contradictory(left, _some_assignments(left), 1.0):
        return Outcome(None, StopReason.EXHAUSTED)
    found = _several(left, deadline)
    if found.bodies is None:
        return found
    for other in rest:
        body = substituted(body, other, found.bodies[other.name])
    parameters = {n: Var(n, BOOL if sort == "Bool" else INT) for n, sort in function.parameters}
    term = None if isinstance(function.sort, tuple) else to_term(body, parameters)
    return with_changes(found, bodies={**found.bodies, function.name: body if term is None else to_text(tidy(term))})
