"""Unbounded model checking of monitors by z3's Spacer (Komuravelli, Gurfinkel & Chaki 2014).

The reachable states become a constrained Horn clause problem: an unknown relation that holds initially, is kept by
every step, and implies the claim. Invariants already proved are given as lemmas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import z3

from dsl.programs import Machine
from dsl.terms import Term
from dsl.types import Type
from verify.budget import Deadline
from verify.smt import encode, literal
from verify.unroll import frame, state_symbols


def spacer(machine: Machine, kinds: Mapping[str, Type], lemmas: list[Term], *, deadline: Deadline) -> z3.CheckSatResult:
    """`unsat`: the monitor is true at every step of every run; `sat`: some run makes it false; `unknown`."""
    before, bounds = state_symbols(machine, kinds, "")
    step = frame(machine, before, "!in")
    old = [e for s in machine.states for e in _flat(before[s.name])]
    new = [e for s in machine.states for e in _flat(step.after[s.name])]
    first = [e for s in machine.states for e in _flat(literal(s.initial))]
    new, first = (
        [z3.ToReal(e) if z3.is_real(o) and z3.is_int(e) else e for e, o in zip(side, old, strict=True)]
        for side in (new, first)
    )
    engine = z3.Fixedpoint()
    engine.set("engine", "spacer")
    engine.set("timeout", max(1, int(min(deadline.left, 3600) * 1000)))
    reached = z3.Function("reached", *(e.sort() for e in old), z3.BoolSort())
    failed = z3.Function("failed", z3.BoolSort())
    engine.register_relation(reached, failed)
    engine.declare_var(*old, *(e for s in step.inputs.values() for e in _flat(s)))
    engine.rule(reached(*first))
    known = [*bounds, *step.bounds, *(encode(lemma, before).expr for lemma in lemmas)]
    engine.rule(reached(*new), [reached(*old), *known])
    engine.rule(failed(), [reached(*old), *known, z3.Not(step.holds)])
    try:
        return engine.query(failed())
    except z3.Z3Exception:  # cancelled by the timeout, or a term outside its fragment
        return z3.unknown


def _flat(symbol: Any) -> list[Any]:
    return [e for part in symbol for e in _flat(part)] if isinstance(symbol, tuple) else [symbol.expr]
