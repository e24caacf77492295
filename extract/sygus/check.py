"""The solver's word on an answer: do the functions satisfy every constraint, for all values of the variables?

The question is put as SMT-LIB text made from the file's own definitions and constraints, so it does not depend on how
the search read them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import z3

from dsl.errors import BadInput
from extract.sygus.normal import written
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
    lines += [_constant(name, sort) for name, sort in task.variables]
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


def check_sorts(task: Task) -> None:
    """Raises `BadInput` with z3's own words where constraints or productions are not well-sorted."""
    common = [definition.text for definition in task.definitions.values()]
    declared = [_declared(function) for function in task.functions]
    declared += [_constant(name, sort) for name, sort in task.variables]
    _accepted([*common, *declared, *(show(("assert", constraint)) for constraint in task.stated)], "constraints")
    for function in task.functions:
        if function.grammar is None:
            continue
        sorts = dict(function.grammar.nonterminals)
        if sorts[function.grammar.nonterminals[0][0]] != function.sort:
            raise BadInput(f"expected a grammar that starts at sort {show(function.sort)} (synth-fun {function.name})")
        lines = [_constant(name, sort) for name, sort in (*function.parameters, *sorts.items())]
        for symbol, productions in function.grammar.productions.items():
            lines += [show(("assert", ("=", symbol, _sample(p, lines)))) for p in productions]
        _accepted([*common, *lines], f"a grammar of {function.name}")


def _sample(production: SExpr, lines: list[str]) -> SExpr:
    """The production with a declared constant in place of each `(Constant sort)` and `(Variable sort)`."""
    match production:
        case ("Constant" | "Variable", sort):
            lines.append(_constant(f"|any {len(lines)}|", sort))
            return f"|any {len(lines) - 1}|"
        case (head, *parts):
            return (head, *(_sample(part, lines) for part in parts))
    return production


def _accepted(lines: Sequence[str], what: str) -> None:
    try:
        z3.Solver().from_string("\n".join(lines))
    except z3.Z3Exception as error:
        message = error.value if isinstance(error.value, str) else error.value.decode(errors="replace")
        said = re.sub(r'^\(error "(line \d+ column \d+: )?|"\)\s*$', "", message.strip().splitlines()[0])
        raise BadInput(f"expected {what} that z3 can read, got: {said}") from None


def _declared(function: Function) -> str:
    return show(("declare-fun", function.name, tuple(sort for _, sort in function.parameters), function.sort))


def _constant(name: str, sort: SExpr) -> str:
    return show(("declare-const", name, sort))


def contradictory(task: Task, assignments: Sequence[Values], timeout_s: float) -> bool:
    """Whether no functions at all satisfy the constraints at the given assignments, their symbols left free."""
    lines = [definition.text for definition in task.definitions.values()]
    lines += [_declared(function) for function in task.functions]
    for values in assignments:
        named: dict[str, SExpr] = {name: written(values[name], sort) for name, sort in task.variables}
        lines += [show(("assert", replace(constraint, named))) for constraint in task.constraints]
    solver = z3.Solver()
    solver.set("timeout", max(int(1000 * timeout_s), 1))
    solver.from_string("\n".join(lines))
    return solver.check() == z3.unsat


def _width(sort: SExpr) -> int:
    return int(str(sort[2]))
