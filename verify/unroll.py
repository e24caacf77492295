"""Machines in z3: one step between symbols of state and input, and bounded unrolling from the start.

Bounded model checking (Biere et al. 1999): the shortest input on which a monitor turns false, found by extending the
unrolled machine a step at a time, each length proved before the next is tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import z3

from dsl.programs import Machine
from dsl.types import Type, Value, unbounded
from verify.budget import Deadline
from verify.smt import declare, encode, literal, value_of

Env = Mapping[str, Any]
QUERY_MS = 5_000


@dataclass(frozen=True, slots=True)
class Frame:
    """One step: symbols of inputs, state before and after; the bounds of the inputs; the monitor's output."""

    inputs: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any]
    bounds: list[Any]
    holds: Any


def initial(machine: Machine) -> dict[str, Any]:
    """The symbols of the state before the first step: constants."""
    return {s.name: literal(s.initial) for s in machine.states}


def state_symbols(machine: Machine, kinds: Mapping[str, Type], tag: str) -> tuple[dict[str, Any], list[Any]]:
    """Fresh symbols for the state, of the given types, with their bounds."""
    declared = {s.name: declare(f"{s.name}{tag}", kinds[s.name]) for s in machine.states}
    bounds = [constraint for _, constraints in declared.values() for constraint in constraints]
    return {name: symbol for name, (symbol, _) in declared.items()}, bounds


def frame(machine: Machine, before: dict[str, Any], tag: str) -> Frame:
    """The step from `before` on fresh inputs. Raises `Unsupported`."""
    declared = {v.name: declare(f"{v.name}{tag}", v.type) for v in machine.inputs}
    inputs = {name: symbol for name, (symbol, _) in declared.items()}
    env: dict[str, Any] = {**before, **inputs}
    for name, term in machine.lets:
        env[name] = encode(term, env)
    after = {s.name: encode(s.update, env) for s in machine.states}
    env |= {name + "'": symbol for name, symbol in after.items()}
    bounds = [c for _, constraints in declared.values() for c in constraints]
    return Frame(inputs, before, after, bounds, encode(machine.outputs[0], env).expr)


def solver(deadline: Deadline, *, query_ms: int = QUERY_MS) -> z3.Solver:
    """A solver whose queries end by the deadline."""
    made = z3.Solver()
    made.set("timeout", max(1, min(query_ms, int(min(deadline.left, 3600) * 1000))))
    made.set("random_seed", 0)
    return made


def sound_types(machine: Machine, deadline: Deadline) -> dict[str, Type]:
    """Per state variable its declared type where that is inductive, else the unbounded one (Houdini over ranges)."""
    kinds: dict[str, Type] = {s.name: s.type for s in machine.states}
    while True:
        before, bounds = state_symbols(machine, kinds, "")
        step = frame(machine, before, "!in")
        query = solver(deadline)
        query.add(*bounds, *step.bounds)
        escaped = [n for n, kind in kinds.items() if not _stays(query, step.after[n], kind)]
        if not escaped:
            return kinds
        kinds |= {name: unbounded(kinds[name]) for name in escaped}


def _stays(query: z3.Solver, after: Any, kind: Type) -> bool:
    if isinstance(after, tuple):
        return all(_stays(query, part, getattr(kind, "element", kind)) for part in after)
    low, high = getattr(kind, "low", None), getattr(kind, "high", None)
    inside = [after.expr >= literal(low).expr] if low is not None and not after.low >= low else []
    inside += [after.expr <= literal(high).expr] if high is not None and not after.high <= high else []
    return not inside or query.check(z3.Not(z3.And(*inside))) == z3.unsat


def shortest_violation(
    machine: Machine, kinds: Mapping[str, Type], *, max_length: int, deadline: Deadline
) -> tuple[int, list[tuple[Value, ...]] | None]:
    """The length up to which the monitor is proved true, and the shortest input that makes it false, if found.

    `kinds` are types known to hold of the state (`sound_types`).
    """
    query = solver(deadline)
    state, steps = initial(machine), []
    for t in range(max_length):
        step = frame(machine, state, f"!{t}")
        steps.append(step)
        query.add(*step.bounds)
        query.set("timeout", max(1, int(min(deadline.left, 3600) * 1000)))
        answer = z3.unknown if deadline.passed else query.check(z3.Not(step.holds))
        if answer == z3.sat:
            model = query.model()
            word = [tuple(value_of(model, s.inputs[v.name], v.type) for v in machine.inputs) for s in steps]
            return t, word
        if answer != z3.unsat:
            return t, None
        query.add(step.holds)
        state, bounds = state_symbols(machine, kinds, f"!{t}'")
        query.add(*bounds, *(same for n in state for same in equations(state[n], step.after[n])))
    return max_length, None


def equations(a: Any, b: Any) -> list[Any]:
    """z3 equalities between two symbols, element by element for registers."""
    if isinstance(a, tuple):
        return [e for x, y in zip(a, b, strict=True) for e in equations(x, y)]
    return [a.expr == b.expr]

