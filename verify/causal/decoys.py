"""What must fail: alignments that point elsewhere, and programs with the same outputs that keep other state.

A program with the same outputs on every input is the hardest decoy: no test of outputs tells it from the truth. Three
changes of state variables make one, each undone inside the program wherever the old variable was read: one variable
plus
another (modulo its size), the two halves of one variable, or the values *before* the last step with the last input.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from dsl.batch import step_batch
from dsl.ops import apply
from dsl.programs import Machine, State
from dsl.terms import Term, Var, constant, substitute, variables
from dsl.types import IntType
from verify.causal.alignment import Alignment
from verify.causal.runs import Matrix
from verify.domain import Domain

MOST_STARTS = 4_096
FINER = "finer: "
SAME_CODE = 0.02
"""Share of a code's spread that a mere change of variables may leave unexplained."""


def shuffled(alignment: Alignment, *, rng: np.random.Generator) -> Alignment:
    """The right directions with values mixed up: each value of a variable written as another one, a number as its
    negative."""
    encoder = alignment.encoder.copy()
    for v in alignment.variables:
        rows = encoder[v.span]
        if v.values is None:
            encoder[v.span] = -rows
        else:
            order = rng.permutation(len(rows))
            encoder[v.span][order] = rows[np.roll(order, 1)].copy()
    return replace(alignment, encoder=encoder)


def wrong_variable(alignment: Alignment, *, rng: np.random.Generator) -> Alignment:
    """Each variable written where another one is; a lone variable in directions where nothing is read or written."""
    encoder = alignment.encoder.copy()
    if len(alignment.variables) > 1:
        turned = (*alignment.variables[1:], alignment.variables[0])
        for v, other in zip(alignment.variables, turned, strict=True):
            encoder[v.span] = np.resize(alignment.encoder[other.span], encoder[v.span].shape)
    else:
        used = np.concatenate([encoder, alignment.decoder])
        drawn = rng.normal(size=encoder.shape)
        drawn -= drawn @ np.linalg.pinv(used) @ used
        lengths = np.maximum(np.linalg.norm(drawn, axis=1, keepdims=True), 1e-9)
        encoder = drawn * np.linalg.norm(encoder, axis=1, keepdims=True) / lengths
    return replace(alignment, encoder=encoder)


def same_outputs(machine: Machine, domain: Domain) -> Iterator[tuple[str, Machine]]:
    """Programs with the outputs of `machine` on every input and other state variables, with the name of the change.

    Those named `FINER` keep more apart than the machine does, which may be true beside it: a network can hold a value
    as
    two halves, or the last input besides. The others contradict it.
    """
    plain = _without_lets(machine)
    ranged = [s for s in plain.states if isinstance(s.type, IntType) and (s.type.size or 0) > 1]
    for moved, added in itertools.permutations(ranged, 2):
        yield f"{moved.name} + {added.name} for {moved.name}", _added(plain, moved, added)
    for state in ranged:
        if _size(state) > 3:
            yield f"{FINER}halves of {state.name}", _halved(plain, state)
    late = _postponed(plain, domain)
    if late is not None:
        yield f"{FINER}values before the step", late


def redescribes(code: Matrix, numbers: Matrix) -> bool:
    """Whether other variables are only another way to write down a code (rows of states, the parts of each variable
    added up): their numbers, row by row, give the code by a linear map. Then they are no decoy of it."""
    wanted, given = code - code.mean(axis=0), numbers - numbers.mean(axis=0)
    left = wanted - given @ np.linalg.lstsq(given, wanted, rcond=1e-8)[0]
    return bool((left**2).sum() <= SAME_CODE * (wanted**2).sum())


def _size(state: State) -> int:
    assert isinstance(state.type, IntType)
    return state.type.size or 0


def _without_lets(machine: Machine) -> Machine:
    known: dict[str, Term] = {}
    for name, term in machine.lets:
        known[name] = substitute(term, known)
    states = tuple(replace(s, update=substitute(s.update, known)) for s in machine.states)
    return replace(machine, states=states, lets=(), outputs=tuple(substitute(t, known) for t in machine.outputs))


def _kept(states: tuple[State, ...], without: State) -> list[State]:
    return [s for s in states if s.name != without.name]


def _turn(value: Term, by: Term, sign: str, state: State) -> Term:
    """`value` turned by `by` within the range of a variable."""
    assert isinstance(state.type, IntType)
    assert state.type.low is not None
    low = constant(state.type.low)
    return apply("+", (low, apply("mod", (apply(sign, (apply("-", (value, low)), by)), constant(_size(state))))))


def _added(machine: Machine, moved: State, added: State) -> Machine:
    assert isinstance(moved.type, IntType)
    assert moved.type.low is not None
    name = f"{moved.name}_{added.name}"
    old = {moved.name: _turn(Var(name, moved.type), Var(added.name, added.type), "-", moved)}
    first = moved.type.low + (int(moved.initial) - moved.type.low + int(added.initial)) % _size(moved)  # type: ignore[arg-type]
    others = tuple(replace(s, update=substitute(s.update, old)) for s in _kept(machine.states, moved))
    update = _turn(substitute(moved.update, old), substitute(added.update, old), "+", moved)
    primed = {f"{moved.name}'": _turn(Var(f"{name}'", moved.type), Var(f"{added.name}'", added.type), "-", moved)}
    outputs = tuple(substitute(t, {**old, **primed}) for t in machine.outputs)
    return Machine(
        machine.name,
        machine.inputs,
        machine.output_types,
        (*others, State(name, moved.type, first, update)),
        (),
        outputs,
    )


def _halved(machine: Machine, state: State) -> Machine:
    assert isinstance(state.type, IntType)
    assert state.type.low is not None
    low, two = constant(state.type.low), constant(2)
    names = (f"{state.name}_high", f"{state.name}_low")
    kinds = (IntType(0, (_size(state) - 1) // 2), IntType(0, 1))

    def whole(mark: str) -> Term:
        high, rest = (Var(n + mark, k) for n, k in zip(names, kinds, strict=True))
        return apply("+", (low, apply("+", (apply("*", (two, high)), rest))))

    old = {state.name: whole("")}
    others = tuple(replace(s, update=substitute(s.update, old)) for s in _kept(machine.states, state))
    above = apply("-", (substitute(state.update, old), low))
    first = int(state.initial) - state.type.low  # type: ignore[arg-type]
    halves = tuple(
        State(n, k, value, apply(op, (above, two)))
        for n, k, value, op in zip(names, kinds, (first // 2, first % 2), ("div", "mod"), strict=True)
    )
    outputs = tuple(substitute(t, {**old, f"{state.name}'": whole("'")}) for t in machine.outputs)
    return Machine(machine.name, machine.inputs, machine.output_types, (*others, *halves), (), outputs)


def _postponed(machine: Machine, domain: Domain) -> Machine | None:
    """The values before the last step, and the last input; the step is made when they are needed. None where no such
    values give the initial ones, or where the old values would not matter."""
    if not machine.states or not all(isinstance(s.type, IntType) for s in machine.states):
        return None
    names = [s.name for s in machine.states]
    needed = frozenset().union(*(variables(s.update) for s in machine.states))
    if not needed & set(names):
        return None
    start = _start(machine, domain)
    if start is None:
        return None
    last = {v.name: Var(f"last_{v.name}", v.type) for v in machine.inputs if v.name in needed}
    before = {s.name: Var(f"before_{s.name}", s.type) for s in machine.states if s.name in needed}
    old = {s.name: substitute(s.update, {**last, **before}) for s in machine.states}
    values, symbols = start
    kept = tuple(State(f"before_{n}", before[n].type, values[n], old[n]) for n in before)
    kinds = {v.name: IntType(low, high) for v, (low, high) in zip(machine.inputs, domain.ranges, strict=True)}
    inputs = tuple(State(f"last_{n}", kinds[n], symbols[n], Var(n, v.type)) for n, v in last.items())
    primed = {f"{s.name}'": substitute(s.update, old) for s in machine.states}
    outputs = tuple(substitute(t, {**old, **primed}) for t in machine.outputs)
    return Machine(machine.name, machine.inputs, machine.output_types, (*kept, *inputs), (), outputs)


def _start(machine: Machine, domain: Domain) -> tuple[dict[str, int], dict[str, int]] | None:
    """Values and an input whose step gives the initial values."""
    ranges = []
    for s in machine.states:
        assert isinstance(s.type, IntType)
        if s.type.low is None or s.type.high is None:
            ranges.append(range(int(s.initial), int(s.initial) + 1))  # type: ignore[arg-type]
        else:
            ranges.append(range(s.type.low, s.type.high + 1))
    states = np.array(list(itertools.islice(itertools.product(*ranges), MOST_STARTS)), dtype=np.int64)
    symbols = domain.symbols()[:MOST_STARTS]
    wide = {s.name: np.repeat(states[:, k], len(symbols)) for k, s in enumerate(machine.states)}
    tiled = np.tile(symbols, (len(states), 1))
    after, _ = step_batch(machine, wide, tiled)
    right = np.all([after[s.name] == s.initial for s in machine.states], axis=0)
    if not right.any():
        return None
    row = int(right.argmax())
    return ({s.name: int(wide[s.name][row]) for s in machine.states},
            {v.name: int(tiled[row, k]) for k, v in enumerate(machine.inputs)})  # fmt: skip
