"""The solver's word on an answer: do the functions satisfy every constraint, for all values of the variables?

The question is put as SMT-LIB text made from the file's own definitions and constraints, so it does not depend on how
the search read them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import z3

from extract.sygus.sexpr import SExpr, replace, show
from extract.sygus.task import Function, Task

Values = dict[str, int | bool]


def define(function: Function, body: SExpr) -> str:
    """The answer as `define-fun`."""
    return show(("define-fun", function.name, tuple(function.parameters), function.sort, body))


def refute(task: Task, bodies: Mapping[str, SExpr], timeout_s: float, bound: int | None = None) -> Values | str | None:
    """Values of the variables that break a constraint, None when there are none, or the reason z3 does not know.

    `bound` restricts the search to values of at most that magnitude (then None proves nothing).
    """
    lines = [definition.text for definition in task.definitions.values()]
    lines += [define(function, bodies[function.name]) for function in task.functions]
    lines += [f"(declare-const {name} {show(sort)})" for name, sort in task.variables]
    if bound is not None:
        integers = [name for name, sort in task.variables if sort == "Int"]
        lines += [f"(assert (and (<= (- {bound}) {name}) (<= {name} {bound})))" for name in integers]
    conditions: list[SExpr] = ["and", "true", *task.stated]
    lines.append(show(("assert", ("not", tuple(conditions)))))
    solver = z3.Solver()
    solver.set("timeout", max(int(1000 * timeout_s), 1))
    solver.from_string("\n".join(lines))
    verdict = solver.check()
    if verdict == z3.unsat:
        return None
    if verdict == z3.unknown:
        return str(solver.reason_unknown())
    model = solver.model()
    values: Values = {}
    for name, sort in task.variables:
        constant = z3.Bool(name) if sort == "Bool" else z3.Int(name) if sort == "Int" else z3.BitVec(name, _width(sort))
        value = model.eval(constant, model_completion=True)
        values[name] = bool(z3.is_true(value)) if sort == "Bool" else int(str(value))
    return values


def contradictory(task: Task, assignments: Sequence[Values], timeout_s: float) -> bool:
    """Whether no functions at all satisfy the constraints at the given assignments, their symbols left free."""
    lines = [definition.text for definition in task.definitions.values()]
    for function in task.functions:
        sorts = tuple(sort for _, sort in function.parameters)
        lines.append(show(("declare-fun", function.name, sorts, function.sort)))
    for values in assignments:
        named: dict[str, SExpr] = {name: _literal(value) for name, value in values.items()}
        lines += [show(("assert", replace(constraint, named))) for constraint in task.constraints]
    solver = z3.Solver()
    solver.set("timeout", max(int(1000 * timeout_s), 1))
    solver.from_string("\n".join(lines))
    return solver.check() == z3.unsat


def _literal(value: int | bool) -> SExpr:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if value >= 0 else ("-", str(-value))


def _width(sort: SExpr) -> int:
    return int(str(sort[2]))
