"""Properties of programs: a Boolean term that must be true at every step of every run.

A property speaks of inputs, local definitions, state variables before the step (`n`) and after it (`n'`), and outputs:
`y`, or `y0`, `y1`, ... where there are several. `netlift verify --property EXPR` asks this.
"""

from __future__ import annotations

import time
from typing import Any

from dsl.errors import TypeMismatch
from dsl.programs import Machine
from dsl.semantics import initial_state, run_machine, step
from dsl.syntax import parse_term
from dsl.terms import Term, Var, substitute
from dsl.types import BOOL, Type
from verify.always import always
from verify.budget import Deadline
from verify.equivalence import domain_phrase, numbers, typed
from verify.monitor import conjunction, with_output, within
from verify.verdict import Counterexample, Finding


def check_property(machine: Machine, text: str, *, timeout_s: float, rng_seed: int = 0) -> Finding:
    """Proved for every length, refuted by a shortest input, or unknown.

    In a counterexample `expected` is 1 (the property) and `actual` its value at each step; the outputs are among the
    measured numbers. Raises `ParseError` for bad text and `TypeMismatch` when the text is not a truth value.
    """
    outputs = output_terms(machine)
    scope: dict[str, Type] = {v.name: v.type for v in machine.inputs}
    scope |= {name: term.type for name, term in machine.lets}
    scope |= {s.name + mark: s.type for s in machine.states for mark in ("", "'")}
    claim = parse_term(text, {**{name: term.type for name, term in outputs.items()}, **scope})
    if claim.type != BOOL:
        raise TypeMismatch(f"expected a truth value, got a value of type {claim.type} (property {text})")
    claim = substitute(claim, {name: term for name, term in outputs.items() if name not in scope})
    return _decided(machine, claim, text, timeout_s=timeout_s, rng_seed=rng_seed)


def check_ranges(machine: Machine, *, timeout_s: float, rng_seed: int = 0) -> Finding:
    """That every state variable and output stays within its declared type."""
    states = (within(Var(s.name + "'", s.type), s.type) for s in machine.states)
    outputs = (within(term, kind) for term, kind in zip(machine.outputs, machine.output_types, strict=True))
    claim = conjunction([*states, *outputs])
    return _decided(machine, claim, "values stay in their declared types", timeout_s=timeout_s, rng_seed=rng_seed)


def output_terms(machine: Machine) -> dict[str, Term]:
    """The outputs by the names that properties give them."""
    if len(machine.outputs) == 1:
        return {"y": machine.outputs[0]}
    return {f"y{k}": term for k, term in enumerate(machine.outputs)}


def _decided(machine: Machine, claim: Term, text: str, *, timeout_s: float, rng_seed: int) -> Finding:
    began = time.monotonic()
    monitor = with_output(machine, claim)

    def replay(word: list[tuple[Any, ...]]) -> Counterexample | None:
        return violates(monitor, word)

    decision = always(monitor, replay, deadline=Deadline.after(timeout_s), rng_seed=rng_seed)
    measured: list[tuple[str, Any]] = [("proved_length", decision.length), ("invariants", decision.invariants)]
    found = getattr(decision.verdict, "counterexample", None)
    if found is not None:
        inputs = [typed(machine, symbol) for symbol in found.inputs]
        measured += [("outputs", numbers(run_machine(machine, inputs))), ("states", _states(machine, inputs))]
    seconds = time.monotonic() - began
    return Finding(text, decision.method, decision.verdict, domain_phrase(machine), seconds, tuple(measured))


def violates(monitor: Machine, word: list[tuple[Any, ...]]) -> Counterexample | None:
    """The word up to the first step at which the monitor is false, by the reference interpreter."""
    values = numbers(run_machine(monitor, [typed(monitor, symbol) for symbol in word]))
    for t, value in enumerate(values):
        if value != (1,):
            return Counterexample(numbers(word[: t + 1]), ((1,),) * (t + 1), values[: t + 1])
    return None


def _states(machine: Machine, inputs: list[tuple[Any, ...]]) -> tuple[tuple[Any, ...], ...]:
    state = initial_state(machine)
    visited = [state]
    for symbol in inputs:
        state, _ = step(machine, state, symbol)
        visited.append(state)
    return tuple(visited)
