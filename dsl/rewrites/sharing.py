"""Repeated parts named once: `let` for sub-terms that occur several times, as long as it saves bits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from dsl.cost import cost_bits
from dsl.ops import apply
from dsl.programs import Function, Machine, terms_of
from dsl.terms import Apply, Term, Var, operator_count, subterms, variables

Shared = TypeVar("Shared", Function, Machine)
MIN_OPERATORS = 2


def share(program: Shared, names: Mapping[Term, str]) -> Shared:
    """The program with definitions for repeated parts: those in `names`, and others of at least two operators."""
    while True:
        best, bits = program, cost_bits(program)
        for part in _repeated(program, names):
            candidate = _with_let(program, part, names.get(part) or _fresh(program))
            if cost_bits(candidate) < bits - 1e-9:
                best, bits = candidate, cost_bits(candidate)
        if best is program:
            return program
        program = best


def _repeated(program: Function | Machine, names: Mapping[Term, str]) -> list[Apply]:
    """Sub-terms that occur more than once, largest first; new values of states are not known to definitions."""
    counts = Counter(sub for term in terms_of(program) for sub in subterms(term) if isinstance(sub, Apply))
    found = [
        part
        for part, count in counts.items()
        if count > 1
        and (operator_count(part) >= MIN_OPERATORS or part in names)
        and not any(name.endswith("'") for name in variables(part))
    ]
    return sorted(found, key=lambda part: (-operator_count(part), repr(part)))[:40]


def _fresh(program: Function | Machine) -> str:
    taken = {v.name for v in program.inputs} | {name for name, _ in program.lets} | {program.name}
    if isinstance(program, Machine):
        taken |= {s.name for s in program.states}
    numbers = (str(n) if n else "" for n in range(len(taken) + 1))
    return next(f"t{number}" for number in numbers if f"t{number}" not in taken)


def _with_let(program: Shared, part: Term, name: str) -> Shared:
    """The program with `part` defined before its first use and every occurrence replaced."""
    variable = Var(name, part.type)

    def replaced(term: Term) -> Term:
        if term == part:
            return variable
        return apply(term.op, tuple(map(replaced, term.args))) if isinstance(term, Apply) else term

    lets = [(n, replaced(term)) for n, term in program.lets]
    needed = variables(part)
    place = max((k + 1 for k, (n, _) in enumerate(lets) if n in needed), default=0)
    lets.insert(place, (name, part))
    outputs = tuple(map(replaced, program.outputs))
    if isinstance(program, Machine):
        states = tuple(replace(s, update=replaced(s.update)) for s in program.states)
        return replace(program, lets=tuple(lets), states=states, outputs=outputs)
    return replace(program, lets=tuple(lets), outputs=outputs)
