"""Induction: that a monitor is true at every step of every run.

Candidate invariants are thrown out until those left are inductive together (Houdini, Flanagan & Leino 2001); with
them the claim is proved by k-induction (Sheeran, Singh & Stalmarck 2000). A solver that does not know throws a
candidate out, or ends the attempt: it never proves.
"""

from __future__ import annotations

from collections.abc import Mapping

import z3

from dsl.programs import Machine
from dsl.semantics import evaluate
from dsl.terms import Term
from dsl.types import Type
from verify.budget import Deadline
from verify.smt import encode
from verify.unroll import QUERY_MS, frame, solver, state_symbols

MAX_DEPTH = 4
SINGLE_MS = 1_000


def inductive(machine: Machine, kinds: Mapping[str, Type], claims: list[Term], deadline: Deadline) -> list[Term]:
    """The largest subset of the claims that holds initially and is kept by every step."""
    start = {s.name: s.initial for s in machine.states}
    claims = [claim for claim in claims if evaluate(claim, start)]
    before, bounds = state_symbols(machine, kinds, "")
    step = frame(machine, before, "!in")
    query = solver(deadline)
    query.add(*bounds, *step.bounds)
    marks = [z3.Bool(f"claim!{k}") for k in range(len(claims))]
    for mark, claim in zip(marks, claims, strict=True):
        query.add(z3.Implies(mark, encode(claim, before).expr))
    later = [encode(claim, step.after).expr for claim in claims]
    alive = list(range(len(claims)))
    while alive:
        if deadline.passed:
            return []
        query.set("timeout", max(1, min(QUERY_MS, int(deadline.left * 1000))))
        assumed = [marks[k] for k in alive]
        answer = query.check(*assumed, z3.Not(z3.And(*(later[k] for k in alive))))
        if answer == z3.unsat:
            break
        if answer == z3.sat:
            model = query.model()
            kept = [k for k in alive if z3.is_true(model.eval(later[k], model_completion=True))]
            assert len(kept) < len(alive), "a model of the negation falsifies at least one claim"
        else:  # the conjunction was too hard: ask one by one
            query.set("timeout", min(SINGLE_MS, max(1, int(deadline.left * 1000))))
            kept = [k for k in alive if not deadline.passed and query.check(*assumed, z3.Not(later[k])) == z3.unsat]
        if len(kept) == len(alive):
            break
        alive = kept
    return [claims[k] for k in alive]


def proved_by_induction(
    machine: Machine, kinds: Mapping[str, Type], invariants: list[Term], *, proved_length: int, deadline: Deadline
) -> int | None:
    """The depth k at which the monitor's output is k-inductive under the invariants, or None.

    The base case, that the first k outputs are true, must have been established: `proved_length` says how far.
    """
    state, bounds = state_symbols(machine, kinds, "!0")
    query = solver(deadline)
    query.add(*bounds)
    for depth in range(1, min(MAX_DEPTH, proved_length + 1) + 1):
        step = frame(machine, state, f"!{depth}")
        query.add(*step.bounds, *(encode(claim, state).expr for claim in invariants))
        if deadline.passed:
            return None
        if query.check(z3.Not(step.holds)) == z3.unsat:
            return depth
        query.add(step.holds)
        state = step.after
    return None
