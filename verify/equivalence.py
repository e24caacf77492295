"""Program equals program: functions by enumeration or one solver query, machines for every length.

A machine pair becomes a monitor that runs both (`verify.monitor.product`); `verify.always` decides it.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import z3

from dsl.batch import evaluate_batch
from dsl.errors import Unsupported
from dsl.programs import Function, Machine
from dsl.semantics import run_function, run_machine, wrap
from dsl.terms import Term, Var, substitute
from dsl.types import BoolType, Value
from verify.always import always
from verify.budget import Deadline
from verify.domain import Domain
from verify.lockstep import chunks
from verify.monitor import input_domain, product
from verify.smt import declare, encode, value_of
from verify.unroll import solver
from verify.verdict import Counterexample, Finding, Proved, Refuted, Unknown, Verdict

CLAIM = "programs are equal"
MAX_ENUMERATED = 1_000_000
ROWS = 1 << 16


def machines_equal(a: Machine, b: Machine, *, timeout_s: float, rng_seed: int = 0) -> Finding:
    """Proved equal for every length, or the shortest input that separates them; `expected` is what `a` answers."""
    began = time.monotonic()
    monitor = product(a, b)

    def replay(word: list[tuple[Any, ...]]) -> Counterexample | None:
        return separates(a, b, word)

    decision = always(monitor, replay, deadline=Deadline.after(timeout_s), rng_seed=rng_seed)
    measured = (("proved_length", decision.length), ("invariants", decision.invariants))
    domain = domain_phrase(monitor)
    return Finding(CLAIM, decision.method, decision.verdict, domain, time.monotonic() - began, measured)


def separates(a: Machine, b: Machine, word: list[tuple[Any, ...]]) -> Counterexample | None:
    """The word up to the first step at which the machines answer differently, by the reference interpreter."""
    expected, actual = (run_machine(m, [typed(m, symbol) for symbol in word]) for m in (a, b))
    for t, (want, got) in enumerate(zip(expected, actual, strict=True)):
        if want != got:
            return Counterexample(numbers(word[: t + 1]), numbers(expected[: t + 1]), numbers(actual[: t + 1]))
    return None


def functions_equal(a: Function, b: Function, *, timeout_s: float) -> Finding:
    """Proved equal on all arguments both accept, or arguments on which they differ."""
    began = time.monotonic()
    left, right = as_machine(a), as_machine(b)
    monitor = product(left, right)
    domain = input_domain(monitor)
    if domain is not None and domain.symbol_count <= MAX_ENUMERATED:
        method, verdict = "enumeration", _enumerated(monitor, domain, a, b)
    else:
        method, verdict = "z3", _asked(monitor, a, b, Deadline.after(timeout_s))
    return Finding(CLAIM, method, verdict, domain_phrase(monitor), time.monotonic() - began)


def _enumerated(monitor: Machine, domain: Domain, a: Function, b: Function) -> Verdict:
    """Proved, or the arguments nearest to the middle of their ranges among those on which the functions differ."""
    nearest: tuple[float, tuple[int, ...]] | None = None
    for part in chunks(domain.symbol_count, ROWS):
        arguments = domain.symbols_at(np.arange(part.start, part.stop, dtype=np.int64))
        env = {v.name: arguments[:, k] for k, v in enumerate(monitor.inputs)}
        env = {v.name: env[v.name] != 0 if isinstance(v.type, BoolType) else env[v.name] for v in monitor.inputs}
        different = arguments[~np.broadcast_to(evaluate_batch(monitor.outputs[0], env), len(arguments))]
        if len(different):
            distance = domain.eccentricity(different)
            at = int(np.argmin(distance))
            found = float(distance[at]), tuple(different[at].tolist())
            nearest = found if nearest is None or found[0] < nearest[0] else nearest
    return Proved(f"all {domain.symbol_count:,} arguments") if nearest is None else _differ(a, b, nearest[1])


def _asked(monitor: Machine, a: Function, b: Function, deadline: Deadline) -> Verdict:
    query, env = solver(deadline, query_ms=10**9), {}
    for var in monitor.inputs:
        env[var.name], bounds = declare(var.name, var.type)
        query.add(*bounds)
    try:
        same = encode(monitor.outputs[0], env).expr
    except Unsupported as error:
        return Unknown(f"not encoded for the solver: {error}")
    answer = query.check(z3.Not(same))
    if answer == z3.unsat:
        return Proved("all arguments (z3)")
    if answer == z3.sat:
        return _differ(a, b, tuple(value_of(query.model(), env[v.name], v.type) for v in monitor.inputs))
    return Unknown(f"z3: {query.reason_unknown()}")


def _differ(a: Function, b: Function, arguments: tuple[Any, ...]) -> Verdict:
    outputs = [wrap(run_function(f, typed(as_machine(f), arguments))) for f in (a, b)]
    if outputs[0] == outputs[1]:
        return Unknown("the solver's arguments do not separate the functions in the reference interpreter")
    return Refuted(Counterexample(numbers([arguments]), *(numbers([out]) for out in outputs)), shortest=True)


def as_machine(function: Function) -> Machine:
    """The function as a machine without state, its definitions inlined."""
    names: dict[str, Term] = {v.name: Var(v.name, v.type) for v in function.inputs}
    for name, term in function.lets:
        names[name] = substitute(term, names)
    outputs = tuple(substitute(term, names) for term in function.outputs)
    return Machine(function.name, function.inputs, function.output_types, (), (), outputs)


def domain_phrase(machine: Machine) -> str:
    """The inputs of a monitor, in words."""
    return "inputs " + ", ".join(str(var.type) for var in machine.inputs)


def typed(machine: Machine, symbol: tuple[Any, ...]) -> tuple[Value, ...]:
    """An input step with truth values where the machine declares them."""
    return tuple(bool(v) if isinstance(u.type, BoolType) else v for u, v in zip(machine.inputs, symbol, strict=True))


def numbers(steps: Any) -> tuple[tuple[Any, ...], ...]:
    """Steps as tuples, truth values as 0 and 1."""
    return tuple(tuple(int(v) if isinstance(v, bool) else v for v in step) for step in steps)

